/*
 * rlkd.h - the C interface of librlkd, the kernels of the rlkd training engine.
 *
 * Rules that hold for every function
 *   - Plain C99. Every function that can fail returns rlkd_status; the text of the last failure of the calling
 *     thread is rlkd_last_error(). Nothing throws across this boundary.
 *   - All arguments are validated here, once, before any output is written. On any status other than RLKD_OK no
 *     output was written (RLKD_DEVICE_ERROR excepted). Values in tensors that are indices or parameters (tokens,
 *     offsets, top_p, ...) are checked on the CPU backends; on CUDA they are the caller's to guarantee.
 *   - The library allocates no tensor memory, owns nothing it is given and keeps no pointer after it returns.
 *     Where scratch memory is needed the caller passes a workspace of at least the size that the matching
 *     rlkd_*_workspace_size reports (bytes, 64-byte aligned); its contents mean nothing before or after.
 *   - Work is ordered on the stream of the context (CUDA) or finished on return (CPU, REFERENCE, EMULATED).
 *   - Tensors carry DLPack's DLTensor layout, so memory of LibTorch, NumPy, JAX or ONNX Runtime goes in without a
 *     copy. `strides` may be NULL (row-major, compact). Shapes are written [rows, vocab], slowest first.
 *   - Unless said otherwise a tensor's innermost stride must be 1 and outputs must not overlap inputs or each other.
 *   - Any thread may call; two calls may run at once when their outputs do not overlap.
 */
#ifndef RLKD_H
#define RLKD_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define RLKD_API __declspec(dllexport)
#else
#define RLKD_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define RLKD_VERSION_MAJOR 0
#define RLKD_VERSION_MINOR 1
#define RLKD_VERSION_PATCH 0

/* ---- Status, version, backends ---------------------------------------------------------------------------- */

typedef enum rlkd_status {
  RLKD_OK = 0,
  RLKD_INVALID_ARGUMENT = 1,    /* shape, dtype, device, stride, alignment, overlap, option out of range */
  RLKD_BACKEND_UNAVAILABLE = 2, /* the backend is not in this build or finds no device */
  RLKD_UNSUPPORTED = 3,         /* valid request that this backend does not implement */
  RLKD_DEVICE_ERROR = 4,        /* the device reported a failure */
  RLKD_INTERNAL_ERROR = 5       /* a defect in librlkd */
} rlkd_status;

typedef enum rlkd_backend {
  RLKD_BACKEND_CPU = 0,       /* vectorised, OpenMP */
  RLKD_BACKEND_CUDA = 1,      /* only when built with nvcc */
  RLKD_BACKEND_REFERENCE = 2, /* fp64 oracle written from the formulas; slow, for checking */
  RLKD_BACKEND_EMULATED = 3   /* the CUDA sources run on the CPU; test builds only */
} rlkd_backend;

/** "MAJOR.MINOR.PATCH"; static storage. */
RLKD_API const char* rlkd_version(void);
/** Text of the calling thread's last failed call, "" if none; valid until its next call into librlkd. */
RLKD_API const char* rlkd_last_error(void);
/** 1 if the backend can run now, else 0; then *reason (if not NULL) says why not (static or thread-local storage). */
RLKD_API int rlkd_backend_available(rlkd_backend backend, const char** reason);
/** CPU features that the CPU backend's dispatch selected, e.g. "avx512"; static storage. */
RLKD_API const char* rlkd_cpu_features(void);

/** Where a call runs. NULL in place of a context means {RLKD_BACKEND_CPU, 0, NULL}. */
typedef struct rlkd_context {
  rlkd_backend backend;
  int32_t device_index; /* CUDA ordinal, 0 otherwise */
  void* stream;         /* cudaStream_t, NULL = the device's default stream; must be NULL off CUDA */
} rlkd_context;

/* ---- Tensors: the layout of DLPack 0.8+ (dlpack.h: DLDevice, DLDataType, DLTensor) -------------------------- */

enum { RLKD_DEVICE_CPU = 1, RLKD_DEVICE_CUDA = 2, RLKD_DEVICE_CUDA_HOST = 3, RLKD_DEVICE_CUDA_MANAGED = 13 };
enum {
  RLKD_DTYPE_INT = 0,
  RLKD_DTYPE_UINT = 1,
  RLKD_DTYPE_FLOAT = 2,
  RLKD_DTYPE_BFLOAT = 4,
  RLKD_DTYPE_BOOL = 6
};

typedef struct rlkd_device {
  int32_t device_type;
  int32_t device_id;
} rlkd_device;

typedef struct rlkd_dtype {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes; /* 1 */
} rlkd_dtype;

typedef struct rlkd_tensor {
  void* data;
  rlkd_device device;
  int32_t ndim;
  rlkd_dtype dtype;
  int64_t* shape;
  int64_t* strides; /* in elements; NULL = compact row-major */
  uint64_t byte_offset;
} rlkd_tensor;

/* ---- logprob ------------------------------------------------------------------------------------------------
 * Log-probability of a token under softmax(logits / temperature), with the entropy of that distribution.
 *   z_j = logits_j / temperature, logsumexp = log sum_j exp z_j, logprob = z_token - logsumexp,
 *   entropy = logsumexp - sum_j p_j z_j  (nats).
 * logits [rows, vocab] float32, on device backends also bfloat16 or float16 (row stride free); tokens [rows] int64 in
 * [0, vocab); outputs [rows] float32. The workspace is 0 bytes on the CPU backends. temperature is finite and >= FLT_MIN. entropy may be NULL. -inf logits have probability 0; a row with a NaN, a
 * +inf or only -inf gives NaN. A row's result depends on nothing but the row.
 */
RLKD_API rlkd_status rlkd_logprob_forward_workspace_size(const rlkd_context* context, int64_t rows,
                                                         int64_t vocab, size_t* bytes);
RLKD_API rlkd_status rlkd_logprob_forward(const rlkd_context* context, const rlkd_tensor* logits,
                                          const rlkd_tensor* tokens, float temperature, rlkd_tensor* logprob,
                                          rlkd_tensor* entropy, rlkd_tensor* logsumexp, void* workspace,
                                          size_t workspace_bytes);

/** In place: logits become d loss / d logits,
 *   dlogits_j = [ (1{j = token} - p_j) dlogprob - p_j (log p_j + entropy) dentropy ] / temperature.
 * logsumexp and entropy are those of the forward pass; entropy and dentropy may both be NULL. A row whose
 * dlogprob and dentropy are 0 becomes exactly 0, whatever its logits.
 */
RLKD_API rlkd_status rlkd_logprob_backward(const rlkd_context* context, rlkd_tensor* logits,
                                           const rlkd_tensor* tokens, float temperature,
                                           const rlkd_tensor* logsumexp, const rlkd_tensor* entropy,
                                           const rlkd_tensor* dlogprob, const rlkd_tensor* dentropy);

/* ---- linear -------------------------------------------------------------------------------------------------
 * The projections of a decoder layer for the few rows of a decoding step; several that share their input in one call:
 *   outputs[p][i, j] = sum_k input[i, k] weights[p][j, k] + biases[p][j],   p = 0 .. count - 1
 * input [rows, in], weights[p] [out_p, in], biases[p] [out_p], outputs[p] [rows, out_p]: arrays of `count` float32
 * tensors, row strides free; in >= 1. biases may be NULL, and so may the data of one of its tensors: no bias.
 * accumulate 0 or 1: 1 adds the products to what the outputs hold.
 * A row's result depends on that row and the weights alone, bit for bit. CPU and REFERENCE; elsewhere it is
 * RLKD_UNSUPPORTED: use a library's matrix product.
 */
RLKD_API rlkd_status rlkd_linear(const rlkd_context* context, const rlkd_tensor* input,
                                 const rlkd_tensor* weights, const rlkd_tensor* biases, rlkd_tensor* outputs,
                                 int64_t count, int32_t accumulate);

/* ---- linear_logprob -----------------------------------------------------------------------------------------
 * logprob of the output layer, logits = hidden weight^T, whose logits are never stored: REFERENCE and the device
 * backends. On the CPU it is RLKD_UNSUPPORTED: form the logits of some rows at a time by a matrix product and call
 * rlkd_logprob_forward and rlkd_logprob_backward on them.
 * hidden [rows, hidden] and weight [vocab, hidden] are of one type, float32, on device backends also bfloat16 or
 * float16 (row strides free; rows at multiples of 16 bytes are fastest); vocab and hidden >= 1. tokens, temperature and
 * outputs are as in logprob, and so are NaN and infinite logits.
 */
RLKD_API rlkd_status rlkd_linear_logprob_forward_workspace_size(const rlkd_context* context, int64_t rows,
                                                                int64_t vocab, size_t* bytes);
RLKD_API rlkd_status rlkd_linear_logprob_forward(const rlkd_context* context, const rlkd_tensor* hidden,
                                                 const rlkd_tensor* weight, const rlkd_tensor* tokens,
                                                 float temperature, rlkd_tensor* logprob,
                                                 rlkd_tensor* entropy, rlkd_tensor* logsumexp,
                                                 void* workspace, size_t workspace_bytes);

/** element_size: of hidden's type, 2 or 4 bytes. Grows with neither rows nor vocab past 2048 rows and 8192 tokens. */
RLKD_API rlkd_status rlkd_linear_logprob_backward_workspace_size(const rlkd_context* context, int64_t rows,
                                                                 int64_t vocab, int64_t hidden,
                                                                 int64_t element_size, size_t* bytes);
/** With dlogits as rlkd_logprob_backward makes them:
 *   dhidden = dlogits weight      dweight += dlogits^T hidden
 * dhidden [rows, hidden] of hidden's type is overwritten; dweight [vocab, hidden] float32 is added to; either may be
 * NULL. A row whose dlogprob and dentropy are 0 takes no part, whatever it holds. Deterministic.
 * skip_below in [0, 0.1]: a tile of 128 rows x 256 tokens in which every probability is below it and which holds no
 * row's own token is left out; 0 leaves out none. A dlogit that is left out is at most
 *   skip_below (|dlogprob| + (|log skip_below| + entropy) |dentropy|) / temperature.
 */
RLKD_API rlkd_status rlkd_linear_logprob_backward(const rlkd_context* context, const rlkd_tensor* hidden,
                                                  const rlkd_tensor* weight, const rlkd_tensor* tokens,
                                                  float temperature, const rlkd_tensor* logsumexp,
                                                  const rlkd_tensor* entropy, const rlkd_tensor* dlogprob,
                                                  const rlkd_tensor* dentropy, float skip_below,
                                                  rlkd_tensor* dhidden, rlkd_tensor* dweight, void* workspace,
                                                  size_t workspace_bytes);

/* ---- group_advantage ----------------------------------------------------------------------------------------
 * GRPO advantages of N = groups * group_size completions from F reward functions (docs/formulas.md).
 * rewards [N, F] float32, NaN = unscorable; weights [F] float32; group g holds rows g*group_size ...
 */
typedef enum rlkd_scale_rewards {
  RLKD_SCALE_GROUP = 0, /* (r - mean_group) / (std_group + 1e-4) */
  RLKD_SCALE_BATCH = 1, /* (r - mean_group) / (std_batch + 1e-4) */
  RLKD_SCALE_NONE = 2   /* r - mean_group (Dr. GRPO) */
} rlkd_scale_rewards;

typedef enum rlkd_multi_objective {
  RLKD_SUM_THEN_NORMALIZE = 0,
  RLKD_NORMALIZE_THEN_SUM = 1 /* scale_rewards is ignored */
} rlkd_multi_objective;

typedef enum rlkd_unscorable {
  RLKD_UNSCORABLE_DROP_ROW = 0, /* a row in which any weighted (weight != 0) function is NaN is left out */
  RLKD_UNSCORABLE_TRL = 1       /* NaN counts 0; only a row with every function NaN is left out */
} rlkd_unscorable;

typedef struct rlkd_group_advantage_options {
  int64_t group_size; /* >= 1, divides N */
  rlkd_scale_rewards scale_rewards;
  rlkd_multi_objective multi_objective;
  rlkd_unscorable unscorable;
} rlkd_group_advantage_options;

/** advantages [N]; reward [N]: the weighted sum, NaN where the row is left out; reward_std [N]: the sample std of
 * the scorable rewards of the row's group (of the whole batch under RLKD_SCALE_BATCH, of the normalised sums of the
 * whole batch under RLKD_NORMALIZE_THEN_SUM), NaN where fewer than two are scorable, 0 if the group has one member;
 * TRL's frac_reward_zero_std is the share of rows with reward_std <= 1e-8. All float32, compact; reward and
 * reward_std may be NULL. A left-out row has advantage 0, as has the only scorable member of a group; a group of
 * equal rewards gives exactly 0. Weights must be finite and rewards finite or NaN (checked on the CPU backends). */
RLKD_API rlkd_status rlkd_group_advantage(const rlkd_context* context, const rlkd_tensor* rewards,
                                          const rlkd_tensor* weights,
                                          const rlkd_group_advantage_options* options,
                                          rlkd_tensor* advantages, rlkd_tensor* reward,
                                          rlkd_tensor* reward_std);

/* ---- policy_loss --------------------------------------------------------------------------------------------
 * Loss of TRL's GRPOTrainer and its gradient, every loss_type, in one call (docs/formulas.md).
 */
typedef enum rlkd_loss_type {
  RLKD_LOSS_GRPO = 0,
  RLKD_LOSS_BNPO = 1,
  RLKD_LOSS_DR_GRPO = 2,
  RLKD_LOSS_DAPO = 3,
  RLKD_LOSS_CISPO = 4,
  RLKD_LOSS_SAPO = 5,
  RLKD_LOSS_LUSPO = 6,
  RLKD_LOSS_VESPO = 7
} rlkd_loss_type;

typedef enum rlkd_importance_level {
  RLKD_IMPORTANCE_TOKEN = 0,
  RLKD_IMPORTANCE_SEQUENCE = 1 /* GSPO */
} rlkd_importance_level;

typedef struct rlkd_policy_loss_options {
  rlkd_loss_type loss_type;
  rlkd_importance_level importance_level;
  double epsilon;               /* lower clip: ratio >= 1 - epsilon */
  double epsilon_high;          /* upper clip: ratio <= 1 + epsilon_high; for cispo the cap itself */
  double delta;                 /* cap on the unclipped ratio; NaN = off */
  double beta;                  /* weight of the KL term; 0 = off */
  int32_t bias_correction_kl;   /* TRL's use_bias_correction_kl */
  int32_t training;             /* 0 = evaluation: accumulation and steps_per_generation do not enter */
  double sapo_temperature_pos;  /* 1.0 */
  double sapo_temperature_neg;  /* 1.05 */
  double vespo_k_pos;           /* 2 */
  double vespo_lambda_pos;      /* 3 */
  double vespo_k_neg;           /* 3 */
  double vespo_lambda_neg;      /* 2 */
  double off_policy_threshold;  /* off_policy_mask_threshold; NaN = off; needs advantages [B] */
  double top_entropy_quantile;  /* 1 = off */
  double entropy_coefficient;   /* weight of the entropy bonus as applied in this step; 0 = off. An adaptive
                                   coefficient is the caller's */
  double accumulation_steps;    /* gradient_accumulation_steps */
  double steps_per_generation;  /* dapo, cispo, vespo */
  double num_items_in_batch;    /* loss-mask tokens of the whole generation batch; dapo, cispo, vespo */
  double num_processes;         /* 1 */
  double max_completion_length; /* dr_grpo */
  double batch_sequences;       /* sequences of the micro-batch that the call is a part of; 0 = B */
  double batch_tokens;          /* masked tokens of that micro-batch (bnpo, entropy bonus); 0 = the
                                   call's. top_entropy_quantile < 1: all must be in the call */
} rlkd_policy_loss_options;

/** Inputs, B >= 1 sequences of up to T >= 1 completion tokens. float32, [B, T] with a free row stride.
 * Where mask is 0 the other values [B, T] are not read as numbers (they may be NaN). A NaN anywhere else gives a NaN
 * loss and NaN gradients where it counts, with two exceptions of TRL's: a NaN in sampler_logprob counts as no
 * difference, and a token whose policy term has weight 0 (A = 0, dropped by the off-policy mask or by the entropy
 * quantile, sampler ratio 0) has a policy term of exactly 0 even if its ratio overflowed. */
typedef struct rlkd_policy_loss_inputs {
  const rlkd_tensor* logprob;          /* of the policy at the training temperature */
  const rlkd_tensor* entropy;          /* may be NULL if top_entropy_quantile = 1 and there is no bonus */
  const rlkd_tensor* old_logprob;      /* NULL: logprob detached (the ratio is 1) */
  const rlkd_tensor* ref_logprob;      /* NULL if beta = 0 */
  const rlkd_tensor* sampler_logprob;  /* for the off-policy mask; NULL: old_logprob */
  const rlkd_tensor* importance_ratio; /* sampler ratio [B, T] or [B, 1], multiplied in (vespo: its
                                          log is added to the sequence's log-ratio); NULL: 1 */
  const rlkd_tensor* mask;             /* completion_mask * tool_mask, 0 or 1 */
  const rlkd_tensor* advantages;       /* [B] or [B, T]; vespo needs [B] */
} rlkd_policy_loss_inputs;

/** Sums, so that micro-batches add up; means are the caller's: TRL's clip_ratio/low_mean is clip_low_sum / ratios,
 * clip_ratio/region_mean (clip_low_sum + clip_high_sum) / ratios, cispo_clip_ratio clip_high_sum / ratios, entropy
 * entropy_sum / tokens, kl kl_sum / tokens, vespo/phi_seq_mean vespo_phi_sum / sequences (a denominator of 0 counts
 * 1). "Masked token" is a token whose mask is 1. Clip tests are strict and made on the delta-capped ratio. */
typedef struct rlkd_policy_loss_counters {
  double sequences;       /* B */
  double tokens;          /* masked tokens */
  double ratios;          /* tokens; under RLKD_IMPORTANCE_SEQUENCE with advantages [B]: sequences */
  double policy_loss;     /* the loss without the entropy bonus */
  double entropy_sum;     /* over masked tokens; NaN without entropy */
  double kl_sum;          /* after bias correction, before beta, over masked tokens; 0 if beta = 0 */
  double ratio_sum;       /* of the uncapped importance ratio, over `ratios` values */
  double ratio_min;       /* NaN if ratios = 0 */
  double ratio_max;       /* NaN if ratios = 0 */
  double clip_low_sum;    /* ratio < 1 - epsilon and A < 0, over `ratios` values; 0 for cispo, sapo, vespo */
  double clip_high_sum;   /* ratio > 1 + epsilon_high (cispo: epsilon_high) and A > 0; 0 for sapo, vespo */
  double clip_low_min;    /* min over sequences of their mean low-clip test; NaN if ratios = 0 */
  double clip_high_max;   /* max over sequences of their mean high-clip test; NaN if ratios = 0 */
  double vespo_phi_sum;   /* over sequences; 0 unless vespo */
  double off_policy_kept; /* sequences that the off-policy mask kept */
  double entropy_kept;    /* masked tokens that the entropy quantile kept */
} rlkd_policy_loss_counters;

/** loss [1] float64; dlogprob, dentropy [B, T] float32 with a free row stride, exactly 0 where the mask is 0; dentropy
 * may be NULL when entropy_coefficient is 0. counters: host memory on the CPU backends, device memory on CUDA; may be
 * NULL. Results do not depend on the number of threads. */
RLKD_API rlkd_status rlkd_policy_loss_workspace_size(const rlkd_context* context, int64_t batch,
                                                     int64_t length, const rlkd_policy_loss_options* options,
                                                     size_t* bytes);
RLKD_API rlkd_status rlkd_policy_loss(const rlkd_context* context, const rlkd_policy_loss_inputs* inputs,
                                      const rlkd_policy_loss_options* options, rlkd_tensor* loss,
                                      rlkd_tensor* dlogprob, rlkd_tensor* dentropy,
                                      rlkd_policy_loss_counters* counters, void* workspace,
                                      size_t workspace_bytes);

/* ---- structure_alignment ------------------------------------------------------------------------------------
 * The GSRM reward (RLKD, arXiv 2505.16142) of P pairs of a student path and a teacher tree.
 * Pair p: student_steps[p] = n student steps, teacher_nodes[p] = m teacher nodes; its judgements are the n*m
 * row-major block that starts at judgement_offsets[p] in each of meta, query, answer (probabilities in [0, 1]),
 * its node parents the m entries that start at parent_offsets[p]. parent -1 = root level; a parent stands before
 * its children. A single teacher path is the chain -1, 0, 1, ...
 * R = max over root-to-leaf paths of the path's score (normalised by that path).
 */
typedef enum rlkd_alignment {
  RLKD_ALIGN_PREFIX = 0,  /* step i against node i of the path; a meta mismatch closes the gate for good */
  RLKD_ALIGN_MONOTONE = 1 /* best order-keeping alignment, skipped steps cost gap_decay */
} rlkd_alignment;

typedef enum rlkd_normalize {
  RLKD_NORMALIZE_NONE = 0,    /* R (paper) */
  RLKD_NORMALIZE_TEACHER = 1, /* R / m, m = length of the path */
  RLKD_NORMALIZE_MAX = 2      /* R / max(n, m) */
} rlkd_normalize;

typedef struct rlkd_structure_alignment_options {
  rlkd_alignment alignment;
  rlkd_normalize normalize;
  double gap_decay;          /* monotone only, in [0, 1] */
  int64_t max_student_steps; /* upper bound of student_steps: sizes the workspace */
  int64_t max_teacher_nodes; /* upper bound of teacher_nodes */
} rlkd_structure_alignment_options;

/** meta, query, answer [J] float32; judgement_offsets [P], parent_offsets [P], student_steps [P], teacher_nodes [P]
 * int64; parents [Q] int32; reward [P] float32, best_leaf [P] int32 (node index in the pair, the lowest among equal
 * scores, -1 where the reward is NaN; may be NULL). m = 0 or any NaN in the pair's judgements gives NaN; n = 0 with
 * m > 0 gives 0. Questions that were not asked are 0, not NaN. On the CPU backends every offset, step count and
 * parent is checked before use; on CUDA they are the caller's promise. */
RLKD_API rlkd_status rlkd_structure_alignment_workspace_size(const rlkd_context* context, int64_t pairs,
                                                             const rlkd_structure_alignment_options* options,
                                                             size_t* bytes);
RLKD_API rlkd_status rlkd_structure_alignment(
    const rlkd_context* context, const rlkd_tensor* meta, const rlkd_tensor* query, const rlkd_tensor* answer,
    const rlkd_tensor* judgement_offsets, const rlkd_tensor* parents, const rlkd_tensor* parent_offsets,
    const rlkd_tensor* student_steps, const rlkd_tensor* teacher_nodes,
    const rlkd_structure_alignment_options* options, rlkd_tensor* reward, rlkd_tensor* best_leaf,
    void* workspace, size_t workspace_bytes);

/** Steps by their embeddings, one a row, in place of judgements: [steps of all paths, dim], all of one shape and type,
 * float32 (CUDA and EMULATED: bfloat16 and float16 too), row strides free, dim >= 1. */
typedef struct rlkd_step_embeddings {
  const rlkd_tensor* meta;
  const rlkd_tensor* query;
  const rlkd_tensor* answer;
} rlkd_step_embeddings;

/** Two steps agree on a field (1, else 0) where the cosine of its embeddings is at least this; in [-1, 1]. */
typedef struct rlkd_embedding_thresholds {
  double meta;
  double query;
  double answer;
} rlkd_embedding_thresholds;

RLKD_API rlkd_status rlkd_structure_alignment_embeddings_workspace_size(
    const rlkd_context* context, int64_t pairs, const rlkd_structure_alignment_options* options,
    size_t* bytes);
/** As rlkd_structure_alignment. Pair p's student steps are the student_steps[p] rows of `student` from
 * student_offsets[p] on; its teacher's nodes the teacher_nodes[p] rows of `teacher`, and entries of parents [rows of
 * teacher], from teacher_offsets[p] on. Pairs may share rows. The cosine is computed in double, 1 exactly for equal
 * embeddings; backends may disagree where it lies within 1e-13 of the threshold. A pair with an embedding whose norm
 * is 0 or not finite is NaN. */
RLKD_API rlkd_status rlkd_structure_alignment_embeddings(
    const rlkd_context* context, const rlkd_step_embeddings* student, const rlkd_tensor* student_offsets,
    const rlkd_tensor* student_steps, const rlkd_step_embeddings* teacher, const rlkd_tensor* parents,
    const rlkd_tensor* teacher_offsets, const rlkd_tensor* teacher_nodes,
    const rlkd_structure_alignment_options* options, const rlkd_embedding_thresholds* thresholds,
    rlkd_tensor* reward, rlkd_tensor* best_leaf, void* workspace, size_t workspace_bytes);

/* ---- sampling -----------------------------------------------------------------------------------------------
 * One token for each row of logits, in the order of transformers' logits processors:
 *   1. repetition penalty: logits of the row's history are divided by it where positive, multiplied where negative,
 *      once each;
 *   2. temperature;
 *   3. top_k: the k largest, and what ties with the last of them;
 *   4. top_p: by falling logit, then falling id, the shortest prefix whose share of what top_k left is >= top_p, at
 *      least one token;
 *   5. min_p: tokens at least min_p times as likely as the likeliest;
 *   6. the inverse CDF in vocabulary order at one uniform number in [0, 1), the upper 53 bits of Philox4x32-10 with
 *      key `seed[row]` and counter `position[row]`.
 * The result depends on the row's logits, parameters, seed and position alone. Every backend draws the same token
 * unless the uniform number or top_p lies within about 1e-15 of a boundary between tokens.
 */
typedef struct rlkd_sampling_inputs {
  const rlkd_tensor* logits;      /* [rows, vocab] float32 (CUDA: bfloat16, float16 too), not changed */
  const rlkd_tensor* seed;        /* [rows] int64: the Philox key of the row's sequence */
  const rlkd_tensor* position;    /* [rows] int64: the Philox counter, the index of the new token */
  const rlkd_tensor* temperature; /* [rows] float32; 0 = greedy (lowest id among equals) */
  const rlkd_tensor* top_k;       /* [rows] int64; 0 = off */
  const rlkd_tensor* top_p;       /* [rows] float32; 1 = off */
  const rlkd_tensor* min_p;       /* [rows] float32; 0 = off */
  const rlkd_tensor* repetition_penalty; /* [rows] float32; 1 = off; NULL = off everywhere */
  const rlkd_tensor* history;         /* [total] int64: the rows' earlier tokens, end to end; NULL = none */
  const rlkd_tensor* history_offsets; /* [rows + 1] int64 into history; NULL = none */
} rlkd_sampling_inputs;

/** On the CPU, bytes for the threads that would run now; the space of one is enough to run. */
RLKD_API rlkd_status rlkd_sampling_workspace_size(const rlkd_context* context, int64_t rows, int64_t vocab,
                                                  size_t* bytes);

/** tokens [rows] int64; logprob [rows] float32 = log softmax(logits / temperature)[token], before penalty and
 * truncation (at temperature 1 for a greedy row): on the CPU the bits that rlkd_logprob_forward gives. A row with a
 * NaN, a +inf or only -inf gets token -1 and logprob NaN. */
RLKD_API rlkd_status rlkd_sampling(const rlkd_context* context, const rlkd_sampling_inputs* inputs,
                                   rlkd_tensor* tokens, rlkd_tensor* logprob, void* workspace,
                                   size_t workspace_bytes);

/* ---- decode_attention ---------------------------------------------------------------------------------------
 * Grouped-query attention of one new token of each sequence over its cached keys and values, the new token's
 * included: the attention of a decoding step.
 *   output[r, h] = sum_t softmax_t(scale * query[r, h] . key(r, t)) value(r, t),  t = 0 .. lengths[r] - 1
 * The cache is cut into blocks (PagedAttention, arXiv 2309.06180): token t of row r lies in block
 * block_table[r, t / block_size] at place t % block_size. Rows may name the same blocks: completions of one prompt
 * share its keys and values. Query head h reads key/value head h / (heads / kv_heads).
 */
typedef struct rlkd_decode_attention_inputs {
  const rlkd_tensor*
      query; /* [rows, heads * head_dim] float32, on CUDA also bfloat16 or float16 (row stride free) */
  const rlkd_tensor* key_cache;   /* [blocks, block_size, kv_heads, head_dim] of query's type, compact */
  const rlkd_tensor* value_cache; /* same shape; head_dim <= 256 */
  const rlkd_tensor* block_table; /* [rows, max_blocks] int64; entries past the row's length are not read */
  const rlkd_tensor* lengths;     /* [rows] int64 in [1, max_blocks * block_size] */
  /* Optional: groups of rows that start with the same cached tokens, which CUDA then reads once for the group. Group g
   * is the rows group_offsets[g] .. group_offsets[g + 1] - 1; the blocks of its first prefix_lengths[g] tokens are the
   * same in each of its rows. Results are the same with and without but for rounding. Both or neither may be NULL. */
  const rlkd_tensor* group_offsets;  /* [groups + 1] int64, rising from 0 to rows */
  const rlkd_tensor* prefix_lengths; /* [groups] int64 in [0, least of the group's lengths] */
} rlkd_decode_attention_inputs;

/** Bytes for `rows` sequences of up to max_length = max_blocks * block_size tokens; 0 on the CPU backends. */
RLKD_API rlkd_status rlkd_decode_attention_workspace_size(const rlkd_context* context, int64_t rows,
                                                          int64_t heads, int64_t head_dim, int64_t max_length,
                                                          size_t* bytes);

/** output [rows, heads * head_dim] of query's type (row stride free). A row's output depends on that row's query, keys and
 * values (on CUDA also on the length of its prefix) alone, bit for bit. A NaN among them gives NaN in the heads that
 * read it. */
RLKD_API rlkd_status rlkd_decode_attention(const rlkd_context* context,
                                           const rlkd_decode_attention_inputs* inputs, float scale,
                                           rlkd_tensor* output, void* workspace, size_t workspace_bytes);

/* ---- rmsnorm ------------------------------------------------------------------------------------------------
 * Root mean square normalisation of each row (arXiv 1910.07467), as in Llama and Qwen:
 *   x = input + residual, r = 1 / sqrt(mean_j x_j^2 + epsilon), output_j = x_j r weight_j
 * residual and sum may both be NULL (x = input); otherwise x is stored in sum, which may be the memory of input or
 * of residual (same data and row stride): a decoder layer's addition and the norm after it in one pass.
 * Matrices [rows, cols] (row stride free), cols >= 1, and weight [cols] are float32, on CUDA also bfloat16 or float16;
 * inverse_rms [rows] (r; may be NULL) is float32. epsilon >= 0. A row's result depends on nothing but the row.
 */
RLKD_API rlkd_status rlkd_rmsnorm_forward(const rlkd_context* context, const rlkd_tensor* input,
                                          const rlkd_tensor* residual, const rlkd_tensor* weight,
                                          float epsilon, rlkd_tensor* sum, rlkd_tensor* output,
                                          rlkd_tensor* inverse_rms);

RLKD_API rlkd_status rlkd_rmsnorm_backward_workspace_size(const rlkd_context* context, int64_t rows,
                                                          int64_t cols, size_t* bytes);
/** input: the x of the forward pass; inverse_rms: its r.
 *   dinput_j = r weight_j doutput_j - x_j r^3 / cols * sum_k x_k weight_k doutput_k
 *   dweight_j = sum_i doutput_ij x_ij r_i, in an order that depends on the shape alone
 * dinput [rows, cols] of input's type or dweight [cols] float32 may be NULL; without dweight no workspace is needed. */
RLKD_API rlkd_status rlkd_rmsnorm_backward(const rlkd_context* context, const rlkd_tensor* input,
                                           const rlkd_tensor* weight, const rlkd_tensor* inverse_rms,
                                           const rlkd_tensor* doutput, rlkd_tensor* dinput,
                                           rlkd_tensor* dweight, void* workspace, size_t workspace_bytes);

/* ---- rope ---------------------------------------------------------------------------------------------------
 * Rotary position embedding (arXiv 2104.09864), transformers' rotate_half: dimension i of a head turns with i + D/2,
 *   c = cosine[positions[r], i], s = sine[positions[r], i]
 *   output_i = input_i c - input_{i+D/2} s, output_{i+D/2} = input_{i+D/2} c + input_i s
 * for every head of row r; the backward pass is the same with -s. The tables carry the model's scaling of
 * frequencies. input, output [rows, heads * D] float32, on CUDA also bfloat16 or float16; cosine, sine
 * [table rows, D/2] float32 (row strides free);
 * positions [rows] int64 in [0, table rows). output may be the memory of input (same data and row stride).
 */
RLKD_API rlkd_status rlkd_rope_forward(const rlkd_context* context, const rlkd_tensor* input,
                                       const rlkd_tensor* positions, const rlkd_tensor* cosine,
                                       const rlkd_tensor* sine, rlkd_tensor* output);
RLKD_API rlkd_status rlkd_rope_backward(const rlkd_context* context, const rlkd_tensor* doutput,
                                        const rlkd_tensor* positions, const rlkd_tensor* cosine,
                                        const rlkd_tensor* sine, rlkd_tensor* dinput);

/* ---- rows ---------------------------------------------------------------------------------------------------
 * Rows of a matrix by number: the embeddings of tokens, keys and values into their slots of a cache.
 *   gather    output[i, :] = input[indices[i], :]
 *   scatter   output[indices[i], :] = input[i, :], the last one where indices repeat; other rows of output stay as they are
 * indices [n] int64, within the rows of the matrix that they index; that matrix [any, cols], the other [n, cols],
 * float32, row strides free. CPU and REFERENCE; elsewhere it is RLKD_UNSUPPORTED: use a library's index_select and
 * index_copy.
 */
RLKD_API rlkd_status rlkd_rows_gather(const rlkd_context* context, const rlkd_tensor* input,
                                      const rlkd_tensor* indices, rlkd_tensor* output);
RLKD_API rlkd_status rlkd_rows_scatter(const rlkd_context* context, const rlkd_tensor* input,
                                       const rlkd_tensor* indices, rlkd_tensor* output);

/* ---- swiglu -------------------------------------------------------------------------------------------------
 * The gated unit of Llama's and Qwen's MLP (arXiv 2002.05202), s = 1 / (1 + e^-gate):
 *   output = gate s up, dgate = doutput up s (1 + gate (1 - s)), dup = doutput gate s
 * All [rows, cols] float32, on CUDA also bfloat16 or float16, each with its own row stride: gate and up may be the halves of one matrix. dgate may be
 * the memory of gate and dup that of up (same data and row stride). A gate of -inf gives NaN, as in PyTorch.
 */
RLKD_API rlkd_status rlkd_swiglu_forward(const rlkd_context* context, const rlkd_tensor* gate,
                                         const rlkd_tensor* up, rlkd_tensor* output);
RLKD_API rlkd_status rlkd_swiglu_backward(const rlkd_context* context, const rlkd_tensor* gate,
                                          const rlkd_tensor* up, const rlkd_tensor* doutput,
                                          rlkd_tensor* dgate, rlkd_tensor* dup);

/* ---- adamw --------------------------------------------------------------------------------------------------
 * Decoupled weight decay (Loshchilov & Hutter), torch.optim.AdamW's order of operations, over many tensors at once,
 * with clipping by global norm and a guard against non-finite gradients.
 */
/** For `count` tensors of `elements` elements together. */
RLKD_API rlkd_status rlkd_grad_norm_workspace_size(const rlkd_context* context, int64_t elements,
                                                   int64_t count, size_t* bytes);
/** norm [1] float32 = sqrt(sum of squares over all gradients), accumulated in double in an order that depends on the
 * sizes alone; NaN or inf if any entry is. grads: `count` compact tensors of any rank and one type: float32; on
 * device backends bfloat16 and float16 too. */
RLKD_API rlkd_status rlkd_grad_norm(const rlkd_context* context, const rlkd_tensor* grads, int64_t count,
                                    rlkd_tensor* norm, void* workspace, size_t workspace_bytes);

typedef struct rlkd_adamw_options {
  double learning_rate;
  double beta1;
  double beta2;
  double epsilon;
  double max_grad_norm; /* gradients are scaled by min(1, max_grad_norm / (norm + 1e-6)); <= 0 = off */
  int64_t step;         /* 1 for the first update: bias correction */
} rlkd_adamw_options;

/** params, grads, exp_avg, exp_avg_sq: arrays of `count` compact tensors of matching sizes; weight_decay[count] host
 * doubles. params are float32 and masters NULL, or, on device backends, params are bfloat16 or float16 and masters
 * float32: these are updated, and params become the masters rounded to nearest. grads are float32 or of the type of
 * params, each array of one type; exp_avg and exp_avg_sq are float32. norm [1]: the output of rlkd_grad_norm over the
 * same gradients. If it is not finite nothing is changed and *skipped (int32; host memory on the CPU backends, device
 * memory on CUDA) becomes 1, else 0: on CUDA nothing waits for the host, and the call may be captured into a graph,
 * which then holds the options and the addresses. */
RLKD_API rlkd_status rlkd_adamw(const rlkd_context* context, rlkd_tensor* params, rlkd_tensor* masters,
                                const rlkd_tensor* grads, rlkd_tensor* exp_avg, rlkd_tensor* exp_avg_sq,
                                const double* weight_decay, int64_t count, const rlkd_adamw_options* options,
                                const rlkd_tensor* norm, int32_t* skipped);

/* ---- OpenBLAS's threads -------------------------------------------------------------------------------------
 * A program that uses OpenBLAS beside librlkd has two pools of threads, each of which waits by spinning: they take
 * the processors from each other. This has OpenBLAS run the shares of a product on OpenMP's threads, which librlkd
 * (and LibTorch) use, from the next product on and for the life of the process; how many is still OpenBLAS's setting.
 * Products that several threads ask for at once take turns, as in OpenBLAS's own pool.
 * set_threads_callback: the address of openblas_set_threads_callback_function (OpenBLAS 0.3.27 or later).
 */
RLKD_API rlkd_status rlkd_openblas_use_openmp(void* set_threads_callback);

#ifdef __cplusplus
}
#endif

#endif /* RLKD_H */
