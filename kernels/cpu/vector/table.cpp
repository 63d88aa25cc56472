#include "cpu/vector/functions.h"

namespace rlkd::kernels::cpu::RLKD_ISA {

const VectorKernels kVectorKernels = {
    softmax_statistics, logprob_backward_row, sum_of_squares, adamw_step, maximum, softmax_weights};

}  // namespace rlkd::kernels::cpu::RLKD_ISA
