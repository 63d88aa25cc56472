/* Registration of each family's benchmarks on the device. */
#pragma once

namespace rlkd::kernels::bench {

void add_logprob();

}  // namespace rlkd::kernels::bench
