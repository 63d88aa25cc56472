#include "cpu/vector/functions.h"

namespace rlkd::kernels::cpu::RLKD_ISA {

const VectorKernels kVectorKernels = {softmax_statistics, logprob_backward_row};

}  // namespace rlkd::kernels::cpu::RLKD_ISA
