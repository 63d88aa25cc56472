#include "error.h"

using rlkd::native::fail;
using rlkd::native::guard;

extern "C" {

rlkd_status rlkd_grad_norm(const rlkd_context*, const rlkd_tensor*, int64_t, rlkd_tensor*) {
  return guard("rlkd_grad_norm", [] { fail(RLKD_UNSUPPORTED, "not implemented yet"); });
}

rlkd_status rlkd_adamw(const rlkd_context*, rlkd_tensor*, const rlkd_tensor*, rlkd_tensor*, rlkd_tensor*,
                       const double*, int64_t, const rlkd_adamw_options*, const rlkd_tensor*, int32_t*) {
  return guard("rlkd_adamw", [] { fail(RLKD_UNSUPPORTED, "not implemented yet"); });
}

}  // extern "C"
