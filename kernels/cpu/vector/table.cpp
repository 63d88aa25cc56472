#include "cpu/vector/functions.h"

namespace rlkd::kernels::cpu::RLKD_ISA {

const VectorKernels kVectorKernels = {softmax_statistics,
                                      logprob_backward_row,
                                      sum_of_squares,
                                      adamw_step,
                                      maximum,
                                      softmax_weights,
                                      add_rows,
                                      rmsnorm_row,
                                      sum_of_products,
                                      rmsnorm_backward_row,
                                      rmsnorm_dweight,
                                      rotate_head,
                                      swiglu_row,
                                      swiglu_backward_row,
                                      dot,
                                      linear_panel};

}  // namespace rlkd::kernels::cpu::RLKD_ISA
