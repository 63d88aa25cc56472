#!/usr/bin/env bash
# Installs a CUDA compiler from pinned pip wheels into a folder of the build, for machines without a CUDA toolkit.
# Needs pip and an x86-64 or arm64 Linux; touches neither the system's Python nor its packages.
#   scripts/install-nvcc.sh [DIR]     DIR: build/nvcc of this repository. Prints the path of nvcc; a complete
#                                     installation of the same versions is left as it is.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
directory=${1:-$root/build/nvcc}

# docs/gpu/resources.csv belongs to these versions: a change here is a new table there.
wheels=(
  nvidia-cuda-nvcc==13.5.37
  nvidia-cuda-crt==13.5.37
  nvidia-cuda-runtime==13.5.37
  nvidia-cuda-cuobjdump==13.5.37
  nvidia-cuda-nvdisasm==13.5.37
  nvidia-nvvm==13.5.37
  nvidia-cuda-cccl==13.3.5.0.6
)

fail() { # FOUND EXPECTED WHAT_TO_DO
  printf 'install-nvcc: found: %s\n  expected: %s\n  to do: %s\n' "$1" "$2" "$3" >&2
  exit 1
}

find_pip() { # sets pip
  local candidate
  for candidate in "python3 -m pip" pip3 pip; do
    read -ra pip <<<"$candidate"
    "${pip[@]}" --version >/dev/null 2>&1 && return
  done
  fail "no pip (tried python3 -m pip, pip3, pip)" "pip, which downloads the compiler's wheels" \
    "install Debian's package python3-pip, or a CUDA toolkit 13 (nvcc on PATH or in CUDACXX)"
}

# nvcc finds its parts through nvcc.profile beside it: cicc and libdevice in ../nvvm, headers in ../include, the static
# runtime in ../lib. The wheels carry that layout under nvidia/cu13.
check_layout() { # DIR
  local part
  for part in bin/{nvcc,ptxas,cudafe++,fatbinary,cuobjdump,nvdisasm} nvvm/bin/cicc nvvm/libdevice/libdevice.10.bc \
    include/cuda_runtime.h include/crt/host_config.h include/cccl lib/libcudart_static.a lib/libcudart.so.13; do
    [ -e "$1/$part" ] || fail "wheels without $part" "the layout of the versions in ${BASH_SOURCE[0]##*/}" \
      "check the pinned versions there: ${wheels[*]}"
  done
}

stamp=$directory/versions
if [ "$(cat "$stamp" 2>/dev/null)" = "${wheels[*]}" ] && [ -e "$directory/lib/libcudart.so" ] && [ -x "$directory/bin/nvcc" ]; then
  echo "$directory/bin/nvcc"
  exit 0
fi
[ ! -e "$directory" ] || [ -e "$stamp" ] ||
  fail "$directory, which another program made" "a folder that does not exist, or an earlier installation by this script" \
    "name another folder: scripts/install-nvcc.sh DIR"
find_pip
mkdir -p "$(dirname "$directory")"
partial=$(mktemp -d "$directory.XXXXXX")
trap 'rm -rf "$partial"' EXIT
"${pip[@]}" install --quiet --no-input --disable-pip-version-check --no-warn-script-location --no-deps --no-compile \
  --only-binary :all: --target "$partial/wheels" "${wheels[@]}" >"$partial/log" 2>&1 ||
  fail "pip could not install the wheels: $(grep -E 'ERROR|error' "$partial/log" | tail -1)" \
    "a package index that serves ${wheels[*]}" \
    "check the network and pip's configuration (pip config list), or install a CUDA toolkit 13"
check_layout "$partial/wheels/nvidia/cu13"
"$partial/wheels/nvidia/cu13/bin/nvcc" --version >/dev/null ||
  fail "nvcc of the wheels does not start" "a compiler for $(uname -s) $(uname -m)" "install a CUDA toolkit 13"
ln -s libcudart.so.13 "$partial/wheels/nvidia/cu13/lib/libcudart.so"  # CMake's FindCUDAToolkit looks for this name
echo "${wheels[*]}" >"$partial/wheels/nvidia/cu13/versions"
rm -rf "$directory"
mv "$partial/wheels/nvidia/cu13" "$directory"
echo "$directory/bin/nvcc"
