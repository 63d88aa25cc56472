// Planted: more values than the registers that two blocks of 1024 threads leave to each thread.
__global__ void __launch_bounds__(1024, 2) spill(const float* in, float* out, int rounds) {
  float values[64];
  for (int i = 0; i < 64; ++i) values[i] = in[i * 1024 + threadIdx.x];
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < 64; ++i) values[i] = fmaf(values[(i + 1) % 64], values[i], values[(i + 7) % 64]);
  }
  for (int i = 0; i < 64; ++i) out[i * 1024 + threadIdx.x] = values[i];
}
