#!/usr/bin/env bash
# Proves that the tests of the CUDA kernels notice mistakes: applies each patch of kernels/mutations to a copy of the
# sources, builds the tests that its first lines name, and expects them to fail. A patch begins with
#   Mistake: what is wrong, in one line
#   Tests: ctest names, separated by spaces; at least one must fail
# Ends in a table and a non-zero status if a mistake went unnoticed, a patch does not apply, or the unpatched tests
# fail. --only NAME runs one patch; --table FILE writes the table as Markdown too.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
only= table=
while [ $# -gt 0 ]; do
  case $1 in
    --only) only=${2:?--only needs the name of a patch}; shift 2 ;;
    --table) table=${2:?--table needs a file}; shift 2 ;;
    *) echo "found argument '$1'; expected --only NAME or --table FILE" >&2; exit 2 ;;
  esac
done
for tool in cmake ninja g++ patch; do
  command -v "$tool" >/dev/null || { echo "found no $tool; expected it on PATH; install it" >&2; exit 2; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source"
for part in CMakeLists.txt cmake kernels native scripts; do cp -r "$root/$part" "$work/source/"; done

patches=("$root"/kernels/mutations/*.patch)
[ -z "$only" ] || patches=("$root/kernels/mutations/$only.patch")
[ -e "${patches[0]}" ] || { echo "found no patch ${patches[0]}" >&2; exit 2; }
field() { sed -n "s/^$1: //p" "$2" | head -1; }

# Half the optimisation, a third of the compile time.
cmake -G Ninja -S "$work/source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
  >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

targets_of() { # CTEST-NAMES... : the programs behind them
  local name program
  for name in "$@"; do
    program=$(grep -rhoE "^add_test\(\[=\[${name//./\\.}\]=\] \"[^\"]+" "$work/build" --include=CTestTestfile.cmake |
      sed 's/.*"//')
    [ -n "$program" ] || { echo "no test $name" >&2; return 1; }
    basename "$program"
  done | sort -u
}
run() { # CTEST-NAMES... : builds and runs them
  local targets
  targets=$(targets_of "$@") || return 2
  # shellcheck disable=SC2086
  cmake --build "$work/build" --target $targets >"$work/log" 2>&1 || { tail -30 "$work/log"; return 2; }
  OMP_NUM_THREADS=1 ctest --test-dir "$work/build" --timeout 120 -R "^($(IFS='|'; echo "${*//./\\.}"))\$" \
    >"$work/log" 2>&1
}

all=()
for patch in "${patches[@]}"; do
  # shellcheck disable=SC2207
  all+=($(field Tests "$patch"))
done
mapfile -t all < <(printf '%s\n' "${all[@]}" | sort -u)
run "${all[@]}" || { echo "the tests fail without any mistake:"; tail -30 "$work/log"; exit 1; }

rows=() missed=0
for patch in "${patches[@]}"; do
  name=$(basename "$patch" .patch)
  # shellcheck disable=SC2207
  tests=($(field Tests "$patch"))
  if ! (cd "$work/source" && patch -p1 --no-backup-if-mismatch -F0 -s <"$patch"); then
    verdict="does not apply"
  else
    run "${tests[@]}"
    case $? in
      0) verdict="NOT NOTICED" ;;
      2) verdict="does not build" ;;
      *) verdict="noticed by $(sed -n 's/.*[0-9] - \([^ ]*\) (.*/\1/p' "$work/log" | sort -u | paste -sd' ')" ;;
    esac
    (cd "$work/source" && patch -p1 -R --no-backup-if-mismatch -s <"$patch")
  fi
  case $verdict in noticed*) ;; *) missed=$((missed + 1)) ;; esac
  rows+=("| $name | $(field Mistake "$patch") | $verdict |")
  printf '%-40s %s\n' "$name" "$verdict"
done
if [ -n "$table" ]; then
  { echo "| patch | mistake | verdict |"; echo "|---|---|---|"; printf '%s\n' "${rows[@]}"; } >"$table"
fi
echo "${#rows[@]} mistakes, $missed unnoticed"
[ "$missed" -eq 0 ]
