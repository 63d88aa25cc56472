#!/usr/bin/env bash
# Builds the CUDA backend on a machine with a GPU, tests and measures it, and writes one JSON and one Markdown table.
# Needs nvcc 12.8 or later, CMake and a C++ compiler; uses ninja, GoogleTest, Google Benchmark, compute-sanitizer, ncu
# and Python with torch where they are, and records what is missing as skipped. No network, no Java. Ends within
# 8 minutes: every stage has a limit, and what runs into it is stopped and recorded.
#
#   scripts/gpu-verify.sh [--out DIR] [--build DIR] [--googletest DIR] [--benchmark DIR] [--architecture LIST] [--dry-run]
#
#   --out DIR            results; default docs/gpu/DEVICE-DATE
#   --build DIR          build folder, kept between runs; default build-gpu
#   --googletest DIR     source folder of GoogleTest where it is not installed; default /usr/src/googletest if there
#   --benchmark DIR      source folder of Google Benchmark where it is not installed
#   --architecture LIST  CMake's name of the architectures to build; default the device's (dry run: 90-real)
#   --dry-run            without a GPU: builds, lists the tests and benchmarks, marks what is measured "not run"
# Exit status: 0, or 1 if a stage failed (results are written all the same), or 2 for a wrong call.
set -uo pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
started=$SECONDS
readonly total_limit=470 # seconds; the report takes the rest of 8 minutes

fail() { # FOUND EXPECTED WHAT_TO_DO
  printf 'gpu-verify: found: %s\n  expected: %s\n  to do: %s\n' "$1" "$2" "$3" >&2
  exit 2
}

out= build=$root/build-gpu googletest= benchmark= architecture= dry_run=
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry_run=1 ;;
    --out | --build | --googletest | --benchmark | --architecture)
      [ $# -ge 2 ] || fail "$1 without a value" "$1 VALUE" "see the head of scripts/gpu-verify.sh"
      declare "${1#--}=$2"
      shift
      ;;
    *) fail "argument '$1'" "--out, --build, --googletest, --benchmark, --architecture or --dry-run" \
      "see the head of scripts/gpu-verify.sh" ;;
  esac
  shift
done

device_query() { timeout 10 nvidia-smi --id=0 --query-gpu="$1" --format=csv,noheader 2>/dev/null; }
device=$(device_query name) || device=
if [ -n "$dry_run" ]; then
  device="dry run"
  architecture=${architecture:-90-real}
elif [ -z "$device" ]; then
  fail "no GPU (nvidia-smi --query-gpu=name answers nothing)" "an NVIDIA GPU with its driver" \
    "run it on a machine with one, or with --dry-run for what can be done without"
else
  architecture=${architecture:-$(device_query compute_cap | tr -d .)-real}
fi
date=$(date -u +%Y-%m-%d)
slug=$(printf '%s' "$device" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9-')
out=${out:-$root/docs/gpu/$slug-$date}
mkdir -p "$out" "$build" || fail "cannot make $out or $build" "two writable folders" "name others by --out and --build"
out=$(cd "$out" && pwd) build=$(cd "$build" && pwd)
logs=$build/logs
rm -rf "$logs" && mkdir -p "$logs"

# ---- stages ---------------------------------------------------------------------------------------------------------

names=() statuses=() durations=() details=()
record() { # NAME STATUS SECONDS DETAIL
  names+=("$1") statuses+=("$2") durations+=("$3") details+=("$4")
  printf '%-24s %-8s %4d s  %s\n' "$1" "$2" "$3" "$4"
}

# The time that a stage may take: its own limit, or what is left of the whole.
limit_of() { # SECONDS
  local left=$((total_limit - (SECONDS - started)))
  [ -n "$dry_run" ] && left=$1
  [ "$left" -lt "$1" ] && echo $((left > 0 ? left : 0)) || echo "$1"
}

# Runs COMMAND, output to logs/NAME.log, no longer than SECONDS; sets status: COMMAND's exit status, 124 if stopped.
limited() { # NAME SECONDS COMMAND...
  local name=$1 seconds
  seconds=$(limit_of "$2")
  shift 2
  if [ "$seconds" -eq 0 ]; then
    status=124
    return
  fi
  timeout --kill-after=5 "$seconds" "$@" </dev/null >"$logs/$name.log" 2>&1
  status=$?
  [ "$status" -ne 137 ] || status=124
}

not_run() { # NAME: true, and recorded, in a dry run
  [ -n "$dry_run" ] && record "$1" "not run" 0 "no GPU"
}

has_header() { echo "#include <$1>" | "${CXX:-c++}" -E -x c++ - >/dev/null 2>&1; }

build_stage() {
  local begin=$SECONDS options=() generator=() targets=()
  have_tests= have_benchmarks=
  command -v ninja >/dev/null && generator=(-G Ninja)
  [ -n "$googletest" ] || has_header gtest/gtest.h || [ ! -e /usr/src/googletest/CMakeLists.txt ] ||
    googletest=/usr/src/googletest
  [ -z "$googletest" ] && ! has_header gtest/gtest.h || have_tests=1
  [ -z "$benchmark" ] && ! has_header benchmark/benchmark.h || have_benchmarks=1
  options=(-DCMAKE_BUILD_TYPE=Release -DRLKD_CUDA=ON "-DRLKD_CUDA_ARCHITECTURES=$architecture"
    "-DRLKD_BUILD_TESTS=$([ -n "$have_tests" ] && echo ON || echo OFF)" "-DRLKD_GOOGLETEST_SOURCE=$googletest"
    "-DRLKD_BUILD_BENCHMARKS=$([ -n "$have_benchmarks" ] && echo ON || echo OFF)" "-DRLKD_BENCHMARK_SOURCE=$benchmark")
  # A slow machine may take its time to check that everything compiles.
  local limit=$([ -n "$dry_run" ] && echo 1800 || echo 150)
  limited configure 60 cmake -S "$root" -B "$build" "${generator[@]}" "${options[@]}"
  [ "$status" -ne 0 ] || limited build "$limit" cmake --build "$build" -j "${RLKD_BUILD_JOBS:-$(nproc)}"
  case $status in
    0) record build passed $((SECONDS - begin)) "architectures $architecture" ;;
    124) record build failed $((SECONDS - begin)) "stopped: longer than $limit s" ;;
    *) record build failed $((SECONDS - begin)) "$(grep -hE 'error|Error|FAILED' "$logs"/{configure,build}.log | head -1)" ;;
  esac
  [ "$status" -eq 0 ]
}

tests_stage() {
  local begin=$SECONDS cases failures skipped
  if [ -z "$have_tests" ]; then
    record tests skipped 0 "no GoogleTest: install it or name its source by --googletest"
    return
  fi
  if [ -n "$dry_run" ]; then
    local program listed=0 of_device=0
    for program in "$build"/kernels/*_test "$build"/native/*_test; do
      timeout 20 "$program" --gtest_list_tests >"$logs/list" 2>&1 || continue
      listed=$((listed + $(grep -c '^  ' "$logs/list")))
      of_device=$((of_device + $(list_device_cases "$program" | wc -l)))
    done
    record tests "not run" $((SECONDS - begin)) "no GPU; $listed cases listed, $of_device of the device backend"
    return
  fi
  rm -rf "$logs/gtest"
  OMP_NUM_THREADS=2 GTEST_OUTPUT="xml:$logs/gtest/" limited tests 70 \
    ctest --test-dir "$build" -j 4 --timeout 60 --output-on-failure --no-tests=error -E '^cuda[.]'
  cases=$(sum_attribute tests) failures=$(($(sum_attribute failures) + $(sum_attribute errors)))
  skipped=$(grep -hc 'result="skipped"' "$logs"/gtest/*.xml 2>/dev/null | awk '{n += $1} END {print n + 0}')
  local detail="$cases cases, $failures failures, $skipped skipped"
  if grep -qs 'no CUDA device' "$logs"/gtest/*.xml; then
    record tests failed $((SECONDS - begin)) "$detail: the device cases found no device"
  elif [ "$status" -eq 0 ] && [ "$cases" -gt 0 ]; then
    record tests passed $((SECONDS - begin)) "$detail"
  elif [ "$status" -eq 124 ]; then
    record tests failed $((SECONDS - begin)) "$detail; stopped at the time limit"
  else
    record tests failed $((SECONDS - begin)) "$detail; $(grep -hE '\*\*\*|Failed|Timeout' "$logs/tests.log" | head -2 | tr -s ' \n' ' ')"
  fi
}

# GoogleTest names of the cases that call the device backend: "Suite.case", one a line.
list_device_cases() { # PROGRAM
  timeout 20 "$1" --gtest_list_tests --gtest_filter='*evice*' 2>/dev/null | grep '^  '
}

sum_attribute() { # ATTRIBUTE: over the <testsuites> elements of all reports
  cat "$logs"/gtest/*.xml 2>/dev/null | grep -oE '<testsuites [^>]*' | grep -oE " $1=\"[0-9]+" | grep -oE '[0-9]+$' |
    awk '{n += $1} END {print n + 0}'
}

# A quarter of the device cases of each family: the tools slow kernels down by one to two orders of magnitude.
sanitizer_stage() { # TOOL SECONDS
  local tool=$1 begin=$SECONDS deadline program runs=0 found=0 stopped=0 culprits= out_of_time=
  not_run "compute-sanitizer $tool" && return
  local sanitizer
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
  if [ -z "$sanitizer" ] || [ -z "$have_tests" ]; then
    record "compute-sanitizer $tool" skipped 0 "no compute-sanitizer or no tests on this machine"
    return
  fi
  deadline=$((SECONDS + $(limit_of "$2")))
  for program in "$build"/kernels/*_test; do
    [ "$(list_device_cases "$program" | wc -l)" -gt 0 ] || continue
    local left=$((deadline - SECONDS))
    if [ "$left" -le 1 ]; then
      out_of_time=1
      break
    fi
    # Without errors of API calls: asking for a device's attributes may fail and is handled.
    GTEST_TOTAL_SHARDS=4 GTEST_SHARD_INDEX=0 limited "$tool-$(basename "$program")" $((left < 15 ? left : 15)) \
      "$sanitizer" --tool "$tool" --error-exitcode 99 $([ "$tool" = memcheck ] && echo --report-api-errors no) \
      "$program" --gtest_filter='*evice*'
    case $status in
      0) runs=$((runs + 1)) ;;
      124) stopped=$((stopped + 1)) ;;
      99) found=$((found + 1)) culprits="$culprits $(basename "$program")" ;;
      *)
        if grep -qiE 'not supported|insufficient permission|unable to|failed to (attach|initialize)' "$logs/$tool-$(basename "$program").log"; then
          record "compute-sanitizer $tool" skipped $((SECONDS - begin)) \
            "refused: $(grep -iE 'not supported|permission|unable to|failed to' "$logs/$tool-$(basename "$program").log" | head -1)"
          return
        fi
        found=$((found + 1)) culprits="$culprits $(basename "$program") (exit $status)"
        ;;
    esac
  done
  local detail="$runs programs clean, $stopped stopped at their limit without a finding${out_of_time:+, the others not reached}"
  if [ "$found" -gt 0 ]; then
    record "compute-sanitizer $tool" failed $((SECONDS - begin)) "findings in$culprits; $detail"
  else
    record "compute-sanitizer $tool" "$([ "$runs" -gt 0 ] && echo passed || echo skipped)" $((SECONDS - begin)) "$detail"
  fi
}

benchmarks_stage() {
  local begin=$SECONDS
  : >"$logs/benchmarks.json"
  if [ -z "$have_benchmarks" ]; then
    record benchmarks skipped 0 "no Google Benchmark: install it or name its source by --benchmark"
    return
  fi
  "$build/kernels/device_bench" --benchmark_list_tests >"$logs/benchmark-names" 2>&1
  if [ -n "$dry_run" ]; then
    record benchmarks "not run" $((SECONDS - begin)) "no GPU; $(wc -l <"$logs/benchmark-names") benchmarks listed"
    return
  fi
  local libraries seconds
  seconds=$(limit_of 120)
  libraries=$(torch_cublas_folder)
  LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}${libraries:+:$libraries} limited benchmarks "$seconds" \
    "$build/kernels/device_bench" --seconds=$((seconds > 25 ? seconds - 15 : seconds)) --benchmark_out="$logs/benchmarks.json" --benchmark_out_format=json
  local wrong
  wrong=$(grep -c '"error_message": "WRONG' "$logs/benchmarks.json")
  local detail
  detail="$(grep -c '"median_us"' "$logs/benchmarks.json") of $(wc -l <"$logs/benchmark-names") measured, $wrong wrong results, $(grep -c '"error_occurred": true' "$logs/benchmarks.json") not done"
  if [ "$status" -eq 124 ]; then
    record benchmarks failed $((SECONDS - begin)) "$detail; stopped at the time limit"
  elif [ "$status" -ne 0 ] || [ "$wrong" -gt 0 ]; then
    record benchmarks failed $((SECONDS - begin)) "$detail; $(tail -1 "$logs/benchmarks.log")"
  else
    record benchmarks passed $((SECONDS - begin)) "$detail"
  fi
}

python_with_torch() {
  local python
  for python in python3 python; do
    timeout 60 "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' >/dev/null 2>&1 && echo "$python" && return
  done
  return 1
}

torch_cublas_folder() {
  [ -n "$torch_python" ] || return
  "$torch_python" -c 'import glob, os, site
print(":".join(d for s in site.getsitepackages() for d in glob.glob(os.path.join(s, "nvidia", "c*", "lib"))))' 2>/dev/null
}

peers_stage() {
  local begin=$SECONDS seconds
  : >"$logs/peers.jsonl"
  not_run "torch beside it" && return
  if [ -z "$torch_python" ] || [ ! -s "$logs/benchmark-names" ]; then
    record "torch beside it" skipped 0 "no Python whose torch finds the GPU, or no benchmarks"
    return
  fi
  seconds=$(limit_of 75)
  # It stops itself in time and writes a line for each figure as soon as it has it.
  limited peers "$seconds" "$torch_python" "$root/kernels/bench/device/torch_peers.py" \
    --names "$logs/benchmark-names" --out "$logs/peers.jsonl" --seconds $((seconds > 15 ? seconds - 10 : seconds))
  local detail="$(wc -l <"$logs/peers.jsonl") figures"
  if [ "$status" -eq 0 ] || [ "$status" -eq 124 ]; then
    record "torch beside it" passed $((SECONDS - begin)) "$detail; $(tail -1 "$logs/peers.log")"
  else
    record "torch beside it" failed $((SECONDS - begin)) "$detail; $(tail -1 "$logs/peers.log")"
  fi
}

profiler_stage() {
  local begin=$SECONDS ncu
  not_run "ncu" && return
  ncu=$(command -v ncu || ls /usr/local/cuda/bin/ncu 2>/dev/null)
  if [ -z "$ncu" ] || [ -z "$have_benchmarks" ]; then
    record ncu skipped 0 "no ncu or no benchmarks on this machine"
    return
  fi
  limited ncu 25 "$ncu" --metrics dram__throughput.avg.pct_of_peak_sustained_elapsed,sm__throughput.avg.pct_of_peak_sustained_elapsed \
    --launch-count 4 "$build/kernels/device_bench" --benchmark_filter='logprob_forward/bfloat16/rows:1024'
  if grep -q 'ERR_NVGPUCTRPERM' "$logs/ncu.log"; then
    record ncu skipped $((SECONDS - begin)) "refused: ERR_NVGPUCTRPERM, no permission for the performance counters"
  elif [ "$status" -ne 0 ]; then
    record ncu skipped $((SECONDS - begin)) "refused or stopped: $(grep -m1 -E '==ERROR==|rror' "$logs/ncu.log")"
  else
    cp "$logs/ncu.log" "$out/ncu.txt"
    record ncu passed $((SECONDS - begin)) "ncu.txt"
  fi
}

# ---- the report -----------------------------------------------------------------------------------------------------

json_string() { printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\010\013-\037' | tr '\t\n' '  ' | sed 's/\\/\\\\/g; s/"/\\"/g')"; }

nvcc_version() {
  sed -n 's/^set(CMAKE_CUDA_COMPILER_VERSION "\(.*\)")/\1/p' "$build"/CMakeFiles/*/CMakeCUDACompiler.cmake 2>/dev/null | head -1
}

report_stage() {
  local i failed=0
  {
    printf '{\n'
    printf '  "device": %s,\n' "$(json_string "$device")"
    printf '  "date": %s,\n' "$(json_string "$date")"
    printf '  "commit": %s,\n' "$(json_string "$(git -C "$root" describe --always --dirty 2>/dev/null || echo unknown)")"
    printf '  "nvcc": %s,\n' "$(json_string "$(nvcc_version)")"
    printf '  "driver": %s,\n' "$(json_string "$([ -n "$dry_run" ] || device_query driver_version)")"
    printf '  "architectures": %s,\n' "$(json_string "$architecture")"
    printf '  "seconds": %d,\n' $((SECONDS - started))
    printf '  "stages": [\n'
    for i in "${!names[@]}"; do
      printf '    {"name": %s, "status": %s, "seconds": %d, "detail": %s}%s\n' "$(json_string "${names[i]}")" \
        "$(json_string "${statuses[i]}")" "${durations[i]}" "$(json_string "${details[i]}")" \
        "$([ "$i" -lt $((${#names[@]} - 1)) ] && echo ,)"
    done
    printf '  ],\n'
    awk -f "$root/scripts/gpu-report.awk" -v format=json "$logs/peers.jsonl" "$logs/benchmarks.json"
    printf '}\n'
  } >"$out/results.json"
  {
    printf '# %s, %s\n\n' "$device" "$date"
    printf 'Written by `scripts/gpu-verify.sh`%s; commit %s, nvcc %s, driver %s, code for %s. All figures: [results.json](results.json).\n\n' \
      "${dry_run:+ --dry-run}" "$(git -C "$root" describe --always --dirty 2>/dev/null || echo unknown)" \
      "$(nvcc_version)" \
      "$([ -n "$dry_run" ] && echo none || device_query driver_version)" "$architecture"
    printf '| stage | result | seconds | |\n|---|---|--:|---|\n'
    for i in "${!names[@]}"; do
      printf '| %s | %s | %d | %s |\n' "${names[i]}" "${statuses[i]}" "${durations[i]}" "${details[i]//|/ }"
    done
    printf '\n'
    awk -f "$root/scripts/gpu-report.awk" -v format=markdown "$logs/peers.jsonl" "$logs/benchmarks.json"
  } >"$out/README.md"
  for i in "${!statuses[@]}"; do
    [ "${statuses[i]}" != failed ] || failed=1
  done
  echo "results: ${out#"$PWD"/}/README.md, ${out#"$PWD"/}/results.json; logs: ${logs#"$PWD"/}; $((SECONDS - started)) s"
  return $failed
}

torch_python=
[ -n "$dry_run" ] || torch_python=$(python_with_torch)
: >"$logs/peers.jsonl"
: >"$logs/benchmarks.json"
if build_stage; then
  tests_stage
  benchmarks_stage
  sanitizer_stage memcheck 35
  sanitizer_stage racecheck 30
  sanitizer_stage initcheck 20
  peers_stage
  profiler_stage
fi
report_stage
