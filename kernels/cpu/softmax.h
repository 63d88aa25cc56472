/* What follows from a row's softmax statistics; shared by logprob and sampling, so that their log-probs are
 * equal bits. */
#pragma once

#include <cmath>
#include <limits>

#include "cpu/vector/kernels.h"

namespace rlkd::kernels::cpu {

class Softmax {
 public:
  Softmax(SoftmaxStatistics statistics, double temperature)
      : statistics_(statistics), temperature_(temperature), log_total_(std::log(statistics.total)) {
    if (std::isinf(statistics.max)) log_total_ = std::numeric_limits<double>::quiet_NaN();
  }

  /** False for a row with a NaN, a +inf or only -inf; everything else is NaN then. */
  bool defined() const { return !std::isnan(log_total_); }
  double logprob(float logit) const {
    return (static_cast<double>(logit) - statistics_.max) / temperature_ - log_total_;
  }
  double logsumexp() const { return statistics_.max / temperature_ + log_total_; }
  double entropy() const { return log_total_ - statistics_.weighted / statistics_.total; }

 private:
  SoftmaxStatistics statistics_;
  double temperature_;
  double log_total_;
};

}  // namespace rlkd::kernels::cpu
