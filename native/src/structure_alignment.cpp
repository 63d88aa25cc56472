#include "error.h"

using rlkd::native::fail;
using rlkd::native::guard;

extern "C" {

rlkd_status rlkd_structure_alignment_workspace_size(const rlkd_context*, int64_t,
                                                    const rlkd_structure_alignment_options*, size_t*) {
  return guard("rlkd_structure_alignment_workspace_size",
               [] { fail(RLKD_UNSUPPORTED, "not implemented yet"); });
}

rlkd_status rlkd_structure_alignment(const rlkd_context*, const rlkd_tensor*, const rlkd_tensor*,
                                     const rlkd_tensor*, const rlkd_tensor*, const rlkd_tensor*,
                                     const rlkd_tensor*, const rlkd_tensor*, const rlkd_tensor*,
                                     const rlkd_structure_alignment_options*, rlkd_tensor*, rlkd_tensor*,
                                     void*, size_t) {
  return guard("rlkd_structure_alignment", [] { fail(RLKD_UNSUPPORTED, "not implemented yet"); });
}

}  // extern "C"
