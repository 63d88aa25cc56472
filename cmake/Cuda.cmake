# RLKD_CUDA=ON compiles kernels/cuda/*.cu with nvcc into librlkd. The toolkit is, in this order: CMAKE_CUDA_COMPILER,
# $CUDACXX, nvcc on PATH, /usr/local/cuda, and what scripts/install-nvcc.sh has put into build/nvcc. The runtime is
# linked statically and loads the driver itself, so the library loads on a machine without a GPU or a driver.
option(RLKD_CUDA "Compile the CUDA backend with nvcc" OFF)
if(NOT RLKD_CUDA)
  return()
endif()
if(RLKD_SANITIZE)
  message(FATAL_ERROR "found RLKD_CUDA=ON with RLKD_SANITIZE=${RLKD_SANITIZE}; expected one of them, since host "
    "sanitizers do not see device memory; run the sanitizers on the emulated backend (RLKD_CUDA=OFF) and "
    "compute-sanitizer on a device (scripts/gpu-verify.sh)")
endif()

# One cubin for each architecture that is sold for training, and PTX of the newest for what comes after it.
set(RLKD_CUDA_ARCHITECTURES "80-real;90-real;100-real;120" CACHE STRING "Architectures of the CUDA kernels")
set(CMAKE_CUDA_ARCHITECTURES "${RLKD_CUDA_ARCHITECTURES}")
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
set(CMAKE_CUDA_VISIBILITY_PRESET hidden)

if(NOT CMAKE_CUDA_COMPILER AND "$ENV{CUDACXX}" STREQUAL "")
  find_program(RLKD_NVCC nvcc PATHS /usr/local/cuda/bin "${PROJECT_SOURCE_DIR}/build/nvcc/bin")
  if(NOT RLKD_NVCC)
    message(FATAL_ERROR "found no nvcc (CUDACXX, PATH, /usr/local/cuda, build/nvcc); expected a CUDA toolkit 12.8 or "
      "later; install one, or run scripts/install-nvcc.sh, which puts a compiler from pinned wheels into build/nvcc")
  endif()
  set(CMAKE_CUDA_COMPILER "${RLKD_NVCC}")
endif()
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.8)
  message(FATAL_ERROR "found nvcc ${CMAKE_CUDA_COMPILER_VERSION} (${CMAKE_CUDA_COMPILER}); expected 12.8 or later, the "
    "first to know sm_120; name another by CUDACXX, or run scripts/install-nvcc.sh and set CUDACXX to what it prints")
endif()
find_package(CUDAToolkit REQUIRED)

# What ptxas says of each kernel is kept beside its object, for the resource table.
if(NOT CMAKE_CUDA_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER "${PROJECT_SOURCE_DIR}/cmake/ptxas-log.sh")
endif()

# No fast math, and contraction off, as for C++ (CompilerOptions.cmake). -lineinfo lets profilers and
# compute-sanitizer name source lines and costs nothing at run time.
add_compile_options("$<$<COMPILE_LANGUAGE:CUDA>:SHELL:--fmad=false -lineinfo -Xptxas=-v --Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Wshadow,-Werror>")
