/*
 * The whole path of a training step's kernels, one after the other on one stream, with nothing read by the host in
 * between (on a device: captured as a CUDA graph and run from it):
 *
 *   judgements -> structure_alignment -> rewards -> group_advantage -> advantages
 *   hidden, weight -> linear_logprob -> policy_loss -> linear_logprob backward -> grad_norm -> adamw -> weight
 *
 * Every backend must end where the reference ends.
 */
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "rlkd/kernels/adamw.h"
#include "rlkd/kernels/group_advantage.h"
#include "rlkd/kernels/linear_logprob.h"
#include "rlkd/kernels/logprob.h"
#include "rlkd/kernels/policy_loss.h"
#include "rlkd/kernels/structure_alignment.h"
#include "test/support/compare.h"
#include "test/support/device.h"
#include "test/support/guarded.h"
#include "test/support/random.h"

namespace rlkd::kernels::test {
namespace {

constexpr int64_t kGroups = 3, kGroupSize = 4, kCompletions = kGroups * kGroupSize;
constexpr int64_t kLength = 5, kRows = kCompletions * kLength, kHidden = 24, kVocab = 301;
constexpr int64_t kStudentSteps = 4, kTeacherSteps = 3, kBlock = kStudentSteps * kTeacherSteps;
constexpr float kTemperature = 0.9f;

/** What goes in, the same for all backends; hidden and weight have values that T holds exactly. */
template <class T>
struct Inputs {
  Guarded<float> meta{kCompletions * kBlock}, query{kCompletions * kBlock}, answer{kCompletions * kBlock};
  Guarded<int64_t> judgement_offsets{kCompletions}, parent_offsets{kCompletions};
  Guarded<int64_t> student_steps{kCompletions}, teacher_nodes{kCompletions};
  Guarded<int32_t> parents{kCompletions * kTeacherSteps};
  Guarded<float> weights{1, 1.0f};
  Guarded<int64_t> tokens{kRows};
  GuardedMatrix<float> old_logprob{kCompletions, kLength}, mask{kCompletions, kLength};
  GuardedMatrix<T> hidden{kRows, kHidden};
  GuardedMatrix<T> weight{kVocab, kHidden};

  Inputs() {
    Random random(17);
    for (int64_t i = 0; i < kCompletions * kBlock; ++i) {
      meta[i] = random.uniform() < 0.8 ? 1.0f : 0.0f;
      query[i] = static_cast<float>(random.uniform());
      answer[i] = static_cast<float>(random.uniform());
    }
    for (int64_t p = 0; p < kCompletions; ++p) {
      judgement_offsets[p] = p * kBlock;
      parent_offsets[p] = p * kTeacherSteps;
      student_steps[p] = 1 + random.below(kStudentSteps);
      teacher_nodes[p] = kTeacherSteps;
      for (int64_t j = 0; j < kTeacherSteps; ++j) {
        parents[p * kTeacherSteps + j] = static_cast<int32_t>(j) - 1;
      }
      for (int64_t t = 0; t < kLength; ++t) {
        mask(p, t) = t == 0 || random.uniform() < 0.8 ? 1.0f : 0.0f;
        old_logprob(p, t) = static_cast<float>(-std::log(double{kVocab}) + random.normal(0.2));
        tokens[p * kLength + t] = random.below(kVocab);
      }
    }
    for (int64_t k = 0; k < kHidden; ++k) {
      for (int64_t i = 0; i < kRows; ++i) hidden(i, k) = round_to<T>(static_cast<float>(random.normal()));
      for (int64_t j = 0; j < kVocab; ++j)
        weight(j, k) = round_to<T>(static_cast<float>(random.normal(0.05)));
    }
  }

  StructureAlignmentInputs pairs() const {
    return {meta.view(),    query.view(),          answer.view(),        judgement_offsets.view(),
            parents.view(), parent_offsets.view(), student_steps.view(), teacher_nodes.view()};
  }
};

StructureAlignmentOptions alignment() {
  StructureAlignmentOptions options;
  options.alignment = Alignment::monotone;
  options.normalize = AlignmentNormalizer::teacher;
  options.gap_decay = 0.7;
  options.max_student_steps = kStudentSteps;
  options.max_teacher_nodes = kTeacherSteps;
  return options;
}

GroupAdvantageOptions advantage() {
  GroupAdvantageOptions options;
  options.group_size = kGroupSize;
  return options;
}

PolicyLossOptions loss() {
  PolicyLossOptions options;
  options.loss_type = LossType::grpo;
  options.entropy_coefficient = 0.01;
  options.batch_tokens = kRows;
  return options;
}

/** epsilon is large, so that a gradient of rounding size moves a weight by rounding size. */
constexpr AdamwOptions kAdamw{1e-2, 0.9, 0.999, 1e-3, 1.0, 1};
constexpr double kWeightDecay = 0.1;

/** Everything that the step writes. `weight` holds the updated weight in float, whatever its stored type. */
struct Outputs {
  Guarded<float> reward{kCompletions}, advantages{kCompletions};
  Guarded<float> logprob{kRows}, entropy{kRows}, logsumexp{kRows};
  Guarded<float> dlogprob{kRows}, dentropy{kRows};
  Guarded<double> loss{1};
  Guarded<float> norm{1};
  Guarded<int32_t> skipped{1};
  GuardedMatrix<float> dhidden{kRows, kHidden, 0, 0.0f};
  GuardedMatrix<float> dweight{kVocab, kHidden, 0, 0.0f};
  GuardedMatrix<float> weight{kVocab, kHidden};
  Guarded<float> exp_avg{kVocab * kHidden, 0.0f}, exp_avg_sq{kVocab * kHidden, 0.0f};

  Matrix<float> per_token(Guarded<float>& rows) const {
    return {rows.data(), kCompletions, kLength, kLength};
  }
  PolicyLossOutputs policy_loss() { return {loss.data(), per_token(dlogprob), per_token(dentropy), nullptr}; }
};

template <class T>
PolicyLossInputs policy_inputs(const Inputs<T>& in, Outputs& out) {
  PolicyLossInputs inputs;
  inputs.logprob = out.per_token(out.logprob);
  inputs.entropy = out.per_token(out.entropy);
  inputs.old_logprob = in.old_logprob.view();
  inputs.mask = in.mask.view();
  inputs.advantages = {out.advantages.data(), kCompletions, 1, 1};
  return inputs;
}

template <class T>
void copy_weight(const Inputs<T>& in, Outputs& out) {
  for (int64_t j = 0; j < kVocab; ++j) {
    for (int64_t k = 0; k < kHidden; ++k) out.weight(j, k) = to_float(in.weight(j, k));
  }
}

AdamwTensor whole_weight(Outputs& out) {
  return {out.weight.view().data, out.dweight.view().data, out.exp_avg.data(),
          out.exp_avg_sq.data(),  kVocab * kHidden,        kWeightDecay};
}

template <class T>
GuardedMatrix<float>& widen(const GuardedMatrix<T>& from, GuardedMatrix<float>& to) {
  for (int64_t i = 0; i < to.rows(); ++i) {
    for (int64_t j = 0; j < to.cols(); ++j) to(i, j) = to_float(from(i, j));
  }
  return to;
}

template <class T>
void run_reference(const Inputs<T>& in, Outputs& out) {
  namespace backend = reference;
  GuardedMatrix<float> hidden(kRows, kHidden);
  widen(in.hidden, hidden);
  copy_weight(in, out);
  backend::structure_alignment(in.pairs(), alignment(), out.reward.view(), {});
  backend::group_advantage({out.reward.data(), kCompletions, 1, 1}, in.weights.view(), advantage(),
                           out.advantages.view(), {}, {});
  backend::linear_logprob_forward(hidden.view(), out.weight.view(), in.tokens.view(), kTemperature,
                                  out.logprob.view(), out.entropy.view(), out.logsumexp.view());
  backend::policy_loss(policy_inputs(in, out), loss(), out.policy_loss());
  backend::linear_logprob_backward(hidden.view(), out.weight.view(), in.tokens.view(), kTemperature,
                                   out.logsumexp.view(), out.entropy.view(), out.dlogprob.view(),
                                   out.dentropy.view(), out.dhidden.view(), out.dweight.view());
  const AdamwTensor tensor = whole_weight(out);
  const Vector<const float> gradient{tensor.grad, tensor.size};
  out.norm[0] = backend::grad_norm(&gradient, 1);
  out.skipped[0] = !backend::adamw(&tensor, 1, kAdamw, out.norm[0]);
}

/** On the CPU linear_logprob is two products around logprob; plain loops stand for LibTorch's GEMM here. */
void run_cpu(const Inputs<float>& in, Outputs& out) {
  copy_weight(in, out);
  const StructureAlignmentOptions align = alignment();
  Guarded<unsigned char> workspace(
      static_cast<int64_t>(cpu::structure_alignment_workspace_size(kCompletions, align) +
                           cpu::policy_loss_workspace_size(kCompletions, kLength, loss())));
  cpu::structure_alignment(in.pairs(), align, out.reward.view(), {}, workspace.data());
  cpu::group_advantage({out.reward.data(), kCompletions, 1, 1}, in.weights.view(), advantage(),
                       out.advantages.view(), {}, {});
  GuardedMatrix<float> logits(kRows, kVocab);
  const auto multiply = [&] {
    for (int64_t i = 0; i < kRows; ++i) {
      for (int64_t j = 0; j < kVocab; ++j) {
        float sum = 0;
        for (int64_t k = 0; k < kHidden; ++k) sum += in.hidden(i, k) * out.weight(j, k);
        logits(i, j) = sum;
      }
    }
  };
  multiply();
  cpu::logprob_forward(logits.view(), in.tokens.view(), kTemperature, out.logprob.view(), out.entropy.view(),
                       out.logsumexp.view());
  cpu::policy_loss(policy_inputs(in, out), loss(), out.policy_loss(), workspace.data());
  cpu::logprob_backward(logits.view(), in.tokens.view(), kTemperature, out.logsumexp.view(),
                        out.entropy.view(), out.dlogprob.view(), out.dentropy.view());
  for (int64_t i = 0; i < kRows; ++i) {
    for (int64_t j = 0; j < kVocab; ++j) {
      for (int64_t k = 0; k < kHidden; ++k) {
        out.dhidden(i, k) += logits(i, j) * out.weight(j, k);
        out.dweight(j, k) += logits(i, j) * in.hidden(i, k);
      }
    }
  }
  const AdamwTensor tensor = whole_weight(out);
  const Vector<const float> gradient{tensor.grad, tensor.size};
  out.norm[0] = cpu::grad_norm(&gradient, 1);
  out.skipped[0] = !cpu::adamw(&tensor, 1, kAdamw, out.norm[0]);
}

/** Launches alone: what may stand in a captured graph. */
template <class T>
class DeviceStep {
 public:
  DeviceStep(Inputs<T>& in, Outputs& out) : in_(in), out_(out) { copy_weight(in, out); }

  DeviceStatus launch(Stream stream) {
    for (const auto& kernel :
         {&DeviceStep::reward, &DeviceStep::logprob, &DeviceStep::gradient, &DeviceStep::update}) {
      const DeviceStatus status = (this->*kernel)(stream);
      if (!status) return status;
    }
    return {};
  }

  GuardedMatrix<T>& dhidden() { return dhidden_; }

 private:
  DeviceStatus reward(Stream stream) {
    const DeviceStatus status = cuda::structure_alignment(in_.pairs(), alignment(), out_.reward.view(), {},
                                                          alignment_.data(), stream);
    if (!status) return status;
    return cuda::group_advantage({out_.reward.data(), kCompletions, 1, 1}, in_.weights.view(), advantage(),
                                 out_.advantages.view(), {}, {}, stream);
  }

  DeviceStatus logprob(Stream stream) {
    return cuda::linear_logprob_forward<T>(in_.hidden.view(), in_.weight.view(), in_.tokens.view(),
                                           kTemperature, out_.logprob.view(), out_.entropy.view(),
                                           out_.logsumexp.view(), forward_.data(), stream);
  }

  DeviceStatus gradient(Stream stream) {
    const DeviceStatus status =
        cuda::policy_loss(policy_inputs(in_, out_), loss(), out_.policy_loss(), loss_.data(), stream);
    if (!status) return status;
    return cuda::linear_logprob_backward<T>(in_.hidden.view(), in_.weight.view(), in_.tokens.view(),
                                            kTemperature, out_.logsumexp.view(), out_.entropy.view(),
                                            out_.dlogprob.view(), out_.dentropy.view(), 0, dhidden_.view(),
                                            out_.dweight.view(), backward_.data(), stream);
  }

  DeviceStatus update(Stream stream) {
    const AdamwTensor whole = whole_weight(out_);
    const Vector<const float> gradient{whole.grad, whole.size};
    const DeviceStatus status = cuda::grad_norm<float>(&gradient, 1, out_.norm.data(), norm_.data(), stream);
    if (!status) return status;
    cuda::AdamwTensor<T, float> tensor{};
    if constexpr (std::is_same_v<T, float>) {
      tensor.param = whole.param;
    } else {
      tensor.param = in_.weight.view().data;
      tensor.master = whole.param;
    }
    tensor.grad = whole.grad;
    tensor.exp_avg = whole.exp_avg;
    tensor.exp_avg_sq = whole.exp_avg_sq;
    tensor.size = whole.size;
    tensor.weight_decay = whole.weight_decay;
    return cuda::adamw<T, float>(&tensor, 1, kAdamw, out_.norm.data(), out_.skipped.data(), stream);
  }

  static int64_t bytes(size_t size) { return static_cast<int64_t>(size); }

  Inputs<T>& in_;
  Outputs& out_;
  GuardedMatrix<T> dhidden_{kRows, kHidden};
  Guarded<unsigned char> alignment_{
      bytes(cuda::structure_alignment_workspace_size(kCompletions, alignment()))};
  Guarded<unsigned char> loss_{bytes(cuda::policy_loss_workspace_size(kCompletions))};
  Guarded<unsigned char> forward_{bytes(cuda::linear_logprob_forward_workspace_size(kRows, kVocab))};
  Guarded<unsigned char> backward_{
      bytes(cuda::linear_logprob_backward_workspace_size(kRows, kVocab, kHidden, sizeof(T)))};
  Guarded<unsigned char> norm_{bytes(cuda::grad_norm_workspace_size(kVocab * kHidden, 1))};
};

/** `products`: what rounding in the products of the head may move, relative to the largest of its kind. */
void expect_same_step(const Outputs& actual, const Outputs& expected, double products) {
  EXPECT_TRUE(all_close(actual.reward, expected.reward, kCompletions, {1e-6, 1e-6}));
  EXPECT_TRUE(all_close(actual.advantages, expected.advantages, kCompletions, {1e-5, 1e-5}));
  EXPECT_TRUE(all_close(actual.logprob, expected.logprob, kRows, {1e-5, 1e-6}));
  EXPECT_TRUE(all_close(actual.entropy, expected.entropy, kRows, {1e-5, 1e-6}));
  EXPECT_TRUE(close(actual.loss[0], expected.loss[0], {1e-6, 1e-5}));
  EXPECT_TRUE(all_close(actual.dlogprob, expected.dlogprob, kRows, {1e-7, 1e-4}));
  EXPECT_GT(expected.norm[0], 0.01) << "a step without a gradient shows nothing";
  EXPECT_TRUE(close(actual.norm[0], expected.norm[0], {0, 1e-4 + products}));
  EXPECT_EQ(actual.skipped[0], 0);
  const auto matrices_agree = [](const GuardedMatrix<float>& a, const GuardedMatrix<float>& b,
                                 double absolute) {
    for (int64_t i = 0; i < a.rows(); ++i) {
      for (int64_t j = 0; j < a.cols(); ++j) {
        ASSERT_TRUE(close(a(i, j), b(i, j), {absolute, 1e-4})) << "row " << i << " column " << j;
      }
    }
  };
  matrices_agree(actual.dhidden, expected.dhidden, 1e-6 + products * 0.1);
  matrices_agree(actual.dweight, expected.dweight, 1e-6 + products * 0.1);
  matrices_agree(actual.weight, expected.weight, 1e-5 + products * 0.1);
}

TEST(TrainingStep, cpu_ends_where_the_reference_ends) {
  const Inputs<float> inputs;
  Outputs expected, actual;
  run_reference(inputs, expected);
  run_cpu(inputs, actual);
  for (int64_t i = 0; i < kVocab * kHidden; i += 97) {
    EXPECT_NE(expected.weight(i / kHidden, i % kHidden), inputs.weight(i / kHidden, i % kHidden))
        << "not updated";
  }
  expect_same_step(actual, expected, 0);
}

template <class T>
void check_device(double products) {
  Inputs<T> inputs;
  Outputs expected, actual;
  run_reference(inputs, expected);
  DeviceStep<T> step(inputs, actual);
  ASSERT_TRUE(finished_as_graph([&](Stream stream) { return step.launch(stream); }));
  widen(step.dhidden(), actual.dhidden);
  expect_same_step(actual, expected, products);
  if (std::is_same_v<T, float>) return;
  for (int64_t j = 0; j < kVocab; ++j) {
    for (int64_t k = 0; k < kHidden; ++k) {
      ASSERT_EQ(to_float(inputs.weight(j, k)), to_float(round_to<T>(actual.weight(j, k))))
          << "the weight is the rounded master";
    }
  }
}

TEST(TrainingStep, device_ends_where_the_reference_ends_float) {
  RLKD_REQUIRE_DEVICE();
  check_device<float>(0);
}

// dlogits are rounded to bfloat16 between the products: 2^-9 of the largest.
TEST(TrainingStep, device_ends_where_the_reference_ends_bfloat16) {
  RLKD_REQUIRE_DEVICE();
  check_device<bfloat16>(4e-3);
}

}  // namespace
}  // namespace rlkd::kernels::test
