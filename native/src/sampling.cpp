#include "error.h"

using rlkd::native::fail;
using rlkd::native::guard;

extern "C" {

rlkd_status rlkd_sampling_workspace_size(const rlkd_context*, int64_t, int64_t, size_t*) {
  return guard("rlkd_sampling_workspace_size", [] { fail(RLKD_UNSUPPORTED, "not implemented yet"); });
}

rlkd_status rlkd_sampling(const rlkd_context*, const rlkd_sampling_inputs*, rlkd_tensor*, rlkd_tensor*, void*,
                          size_t) {
  return guard("rlkd_sampling", [] { fail(RLKD_UNSUPPORTED, "not implemented yet"); });
}

}  // extern "C"
