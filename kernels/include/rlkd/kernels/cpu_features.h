/* Which instruction set the CPU kernels run with. */
#pragma once

namespace rlkd::kernels::cpu {

enum class InstructionSet { baseline, avx2, avx512 };

/**
 * The widest set that this CPU, this operating system and this build have. The environment variable
 * RLKD_CPU_FEATURES (baseline, avx2, avx512) lowers it: for tests and for measuring. Settled at the first
 * call.
 */
InstructionSet instruction_set();

/** "baseline", "avx2" or "avx512". */
const char* name(InstructionSet set);

}  // namespace rlkd::kernels::cpu
