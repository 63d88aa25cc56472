#!/usr/bin/env bash
# Instructions of every CPU kernel at a fixed shape, counted by callgrind: a guard against slower kernels that no busy
# machine disturbs. Fails where a count is more than 5 % above that of scripts/instruction-counts.txt, and where a kernel
# has a count in one of them alone; where it is 5 % below it asks for --update.
#   scripts/instruction-counts.sh [--update] [--build DIR]
# --update writes the file anew. --build: a configured Release build to use; default build-instruction-counts, which is
# made. One thread, AVX2 (the widest that valgrind knows), whatever the processor has. Counts belong to a compiler and
# a C library: with others than the file names nothing is compared, and the script says so.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
baseline=$root/scripts/instruction-counts.txt
build=$root/build-instruction-counts
allowed=5 # percent
update=0
while [ $# -gt 0 ]; do
  case $1 in
    --update) update=1 ;;
    --build) build=$2 && shift ;;
    *) echo "instruction-counts: unknown argument '$1'; known are --update and --build DIR" >&2 && exit 2 ;;
  esac
  shift
done
command -v valgrind >/dev/null || { echo "instruction-counts: valgrind is missing (Debian package: valgrind)" >&2; exit 1; }

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
{
  [ -e "$build/CMakeCache.txt" ] ||
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DRLKD_BUILD_TESTS=OFF
  cmake --build "$build" --target instruction_counts
} >"$out/build.log" 2>&1 || { tail -n 40 "$out/build.log"; exit 1; }

RLKD_CPU_FEATURES=avx2 OMP_NUM_THREADS=1 valgrind --quiet --tool=callgrind --instr-atstart=no \
  --callgrind-out-file="$out/counts" "$build/kernels/instruction_counts" >"$out/isa"
[ "$(cat "$out/isa")" = avx2 ] || { echo "instruction-counts: counted for $(cat "$out/isa"), expected avx2" >&2; exit 1; }

compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
tools="$("$compiler" -dumpfullversion), $(ldd --version | sed -n "1s/.* //p")"
{
  echo "# g++ and C library: $tools"
  # A dump for each kernel, named by its trigger; the instructions are the first number of its totals.
  awk '/^desc: Trigger: Client Request: / {name = $NF} /^(totals|summary): / {if (name != "") print name, $2; name = ""}' \
    "$out"/counts.* | sort
} >"$out/found.txt"
[ "$(wc -l <"$out/found.txt")" -gt 10 ] || { echo "instruction-counts: callgrind gave too few counts:" >&2; cat "$out/found.txt" >&2; exit 1; }

if [ "$update" = 1 ]; then
  cp "$out/found.txt" "$baseline"
  cat "$baseline"
  exit 0
fi
if [ "$(sed -n 1p "$baseline")" != "$(sed -n 1p "$out/found.txt")" ]; then
  echo "instruction-counts: NOT COMPARED: the file has counts of $(sed -n 1p "$baseline"), here are $(sed -n 1p "$out/found.txt")"
  cat "$out/found.txt"
  exit 0
fi
awk -v allowed="$allowed" '
  /^#/ {next}
  NR == FNR {before[$1] = $2; next}
  {
    if (!($1 in before)) {printf "%-30s %12d  new: run scripts/instruction-counts.sh --update\n", $1, $2; bad = 1; next}
    change = 100 * ($2 / before[$1] - 1)
    wrong = change > allowed ? "  MORE THAN " allowed " % ABOVE" : change < -allowed ? "  now the limit is lax: run --update" : ""
    printf "%-30s %12d  %+6.2f %%%s\n", $1, $2, change, wrong
    if (change > allowed) bad = 1
    delete before[$1]
  }
  END {
    for (name in before) {printf "%-30s was not counted\n", name; bad = 1}
    exit bad
  }' "$baseline" "$out/found.txt"
