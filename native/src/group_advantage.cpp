#include "error.h"

using rlkd::native::fail;
using rlkd::native::guard;

extern "C" {

rlkd_status rlkd_group_advantage(const rlkd_context*, const rlkd_tensor*, const rlkd_tensor*,
                                 const rlkd_group_advantage_options*, rlkd_tensor*, rlkd_tensor*,
                                 rlkd_tensor*) {
  return guard("rlkd_group_advantage", [] { fail(RLKD_UNSUPPORTED, "not implemented yet"); });
}

}  // extern "C"
