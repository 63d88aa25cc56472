#include "error.h"

using rlkd::native::fail;
using rlkd::native::guard;

extern "C" {

rlkd_status rlkd_policy_loss_workspace_size(const rlkd_context*, int64_t, int64_t,
                                            const rlkd_policy_loss_options*, size_t*) {
  return guard("rlkd_policy_loss_workspace_size", [] { fail(RLKD_UNSUPPORTED, "not implemented yet"); });
}

rlkd_status rlkd_policy_loss(const rlkd_context*, const rlkd_policy_loss_inputs*,
                             const rlkd_policy_loss_options*, rlkd_tensor*, rlkd_tensor*, rlkd_tensor*,
                             rlkd_policy_loss_counters*, void*, size_t) {
  return guard("rlkd_policy_loss", [] { fail(RLKD_UNSUPPORTED, "not implemented yet"); });
}

}  // extern "C"
