# Options of every target of this build. Nothing of the -ffast-math family: NaN, inf and the order of sums are part of
# the kernels' contracts. Contraction is off so that a*b+c rounds alike on every instruction set; kernels that want a
# fused multiply-add say so.
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 99)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

add_compile_options(
  "$<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Werror;-ffp-contract=off>")

if(RLKD_SANITIZE)
  if(RLKD_SANITIZE STREQUAL "ON")
    set(rlkd_sanitizers "address,undefined")
  else()
    set(rlkd_sanitizers "${RLKD_SANITIZE}")
  endif()
  add_compile_options(-fsanitize=${rlkd_sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${rlkd_sanitizers})
endif()
