#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "rlkd/kernels/cpu_features.h"

namespace rlkd::kernels::cpu {

namespace {

InstructionSet detect() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
    return InstructionSet::avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::avx2;
#endif
  return InstructionSet::baseline;
}

InstructionSet select() {
  const InstructionSet widest = detect();
  const char* wanted = std::getenv("RLKD_CPU_FEATURES");
  if (wanted == nullptr) return widest;
  for (InstructionSet set : {InstructionSet::baseline, InstructionSet::avx2}) {
    if (set < widest && std::strcmp(wanted, name(set)) == 0) return set;
  }
  return widest;
}

}  // namespace

InstructionSet instruction_set() {
  static const InstructionSet selected = select();
  return selected;
}

const char* name(InstructionSet set) {
  switch (set) {
    case InstructionSet::avx512:
      return "avx512";
    case InstructionSet::avx2:
      return "avx2";
    case InstructionSet::baseline:
      break;
  }
  return "baseline";
}

}  // namespace rlkd::kernels::cpu
