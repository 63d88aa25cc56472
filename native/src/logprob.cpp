#include "error.h"

using rlkd::native::fail;
using rlkd::native::guard;

extern "C" {

rlkd_status rlkd_logprob_forward(const rlkd_context*, const rlkd_tensor*, const rlkd_tensor*, float,
                                 rlkd_tensor*, rlkd_tensor*, rlkd_tensor*) {
  return guard("rlkd_logprob_forward", [] { fail(RLKD_UNSUPPORTED, "not implemented yet"); });
}

rlkd_status rlkd_logprob_backward(const rlkd_context*, rlkd_tensor*, const rlkd_tensor*, float,
                                  const rlkd_tensor*, const rlkd_tensor*, const rlkd_tensor*,
                                  const rlkd_tensor*) {
  return guard("rlkd_logprob_backward", [] { fail(RLKD_UNSUPPORTED, "not implemented yet"); });
}

}  // extern "C"
