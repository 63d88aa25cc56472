/* Calls librlkd from C: log-probability and entropy of one token under each of two rows of logits. */
#include <rlkd.h>
#include <stdio.h>

int main(void) {
  float logits[2][3] = {{0.0f, 0.6931472f, 1.9459101f},
                        {5.0f, 5.0f, 5.0f}}; /* p = 0.1, 0.2, 0.7 and 1/3 each */
  int64_t tokens[2] = {2, 0};
  float logprob[2], entropy[2], logsumexp[2];

  int64_t matrix[2] = {2, 3}, rows[1] = {2};
  const rlkd_device cpu = {RLKD_DEVICE_CPU, 0};
  const rlkd_dtype float32 = {RLKD_DTYPE_FLOAT, 32, 1}, int64 = {RLKD_DTYPE_INT, 64, 1};
  rlkd_tensor logits_tensor = {logits, cpu, 2, float32, matrix, NULL, 0};
  rlkd_tensor tokens_tensor = {tokens, cpu, 1, int64, rows, NULL, 0};
  rlkd_tensor logprob_tensor = {logprob, cpu, 1, float32, rows, NULL, 0};
  rlkd_tensor entropy_tensor = {entropy, cpu, 1, float32, rows, NULL, 0};
  rlkd_tensor logsumexp_tensor = {logsumexp, cpu, 1, float32, rows, NULL, 0};

  if (rlkd_logprob_forward(NULL, &logits_tensor, &tokens_tensor, 1.0f, &logprob_tensor, &entropy_tensor,
                           &logsumexp_tensor, NULL, 0) != RLKD_OK) {
    fprintf(stderr, "%s\n", rlkd_last_error());
    return 1;
  }
  printf("rlkd %s on %s\n", rlkd_version(), rlkd_cpu_features());
  for (int i = 0; i < 2; ++i) printf("row %d: logprob %.4f, entropy %.4f\n", i, logprob[i], entropy[i]);
  return 0;
}
