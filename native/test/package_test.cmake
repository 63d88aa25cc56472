# Installs the build tree aside, builds the examples against the installed package and runs them; then the same by
# pkg-config where that is there. Arguments: BUILD_DIR, EXAMPLES_DIR, WORK_DIR, C_COMPILER, LIBDIR.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGV}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect_example_output)
  foreach(line IN ITEMS "row 0: logprob -0.3567, entropy 0.8018" "row 1: logprob -1.0986, entropy 1.0986")
    if(NOT output MATCHES "${line}")
      message(FATAL_ERROR "expected \"${line}\" in\n${output}")
    endif()
  endforeach()
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/prefix)
run(${CMAKE_COMMAND} -G Ninja -S ${EXAMPLES_DIR} -B ${WORK_DIR}/build -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix
  -DCMAKE_C_COMPILER=${C_COMPILER})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run(${WORK_DIR}/build/c_embedding)
expect_example_output()

find_program(PKG_CONFIG pkg-config)
if(NOT PKG_CONFIG)
  message(STATUS "pkg-config is not installed: rlkd.pc was not tried")
  return()
endif()
set(ENV{PKG_CONFIG_PATH} ${WORK_DIR}/prefix/${LIBDIR}/pkgconfig)
run(${PKG_CONFIG} --cflags --libs rlkd)
string(STRIP "${output}" flags)
separate_arguments(flags UNIX_COMMAND "${flags}")
run(${C_COMPILER} -std=c99 ${EXAMPLES_DIR}/c_embedding.c -o ${WORK_DIR}/by_pkg_config ${flags}
  -Wl,-rpath,${WORK_DIR}/prefix/${LIBDIR})
run(${WORK_DIR}/by_pkg_config)
expect_example_output()
