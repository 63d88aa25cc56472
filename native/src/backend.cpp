#include "arguments.h"
#include "error.h"
#include "rlkd/kernels/cpu_features.h"

#define RLKD_STRING_(x) #x
#define RLKD_STRING(x) RLKD_STRING_(x)

extern "C" {

const char* rlkd_version(void) {
  return RLKD_STRING(RLKD_VERSION_MAJOR) "." RLKD_STRING(RLKD_VERSION_MINOR) "." RLKD_STRING(
      RLKD_VERSION_PATCH);
}

int rlkd_backend_available(rlkd_backend backend, const char** reason) {
  const char* why = "there is no backend of this number";
  switch (backend) {
    case RLKD_BACKEND_CPU:
    case RLKD_BACKEND_REFERENCE:
      why = nullptr;
      break;
    case RLKD_BACKEND_CUDA:
      why = "this librlkd was built without CUDA";
      if constexpr (rlkd::native::kDeviceBackend == RLKD_BACKEND_CUDA) {
        if (rlkd::kernels::cuda::device_available(&why)) why = nullptr;
      }
      break;
    case RLKD_BACKEND_EMULATED:
      why = rlkd::native::kDeviceBackend == RLKD_BACKEND_EMULATED
                ? nullptr
                : "this librlkd was built without the emulation of the CUDA kernels";
      break;
  }
  if (reason != nullptr) *reason = why == nullptr ? "" : why;
  return why == nullptr;
}

const char* rlkd_cpu_features(void) {
  using namespace rlkd::kernels::cpu;
  return name(instruction_set());
}

}  // extern "C"
