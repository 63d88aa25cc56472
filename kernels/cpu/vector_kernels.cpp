#include "cpu/vector/kernels.h"
#include "rlkd/kernels/cpu_features.h"

namespace rlkd::kernels::cpu {

const VectorKernels& vector_kernels() {
#if defined(__x86_64__)
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return avx512::kVectorKernels;
    case InstructionSet::avx2:
      return avx2::kVectorKernels;
    case InstructionSet::baseline:
      break;
  }
#endif
  return baseline::kVectorKernels;
}

}  // namespace rlkd::kernels::cpu
