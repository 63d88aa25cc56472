# The resource table of the CUDA kernels (docs/gpu/resources.csv): target cuda_resources writes it, tests check it and
# plant what it must catch. Needs a JDK and cuobjdump; without them the library builds all the same.
if(NOT RLKD_CUDA)
  return()
endif()
if(RLKD_BUILD_TESTS)
  add_test(NAME cuda.gpu_report COMMAND ${CMAKE_COMMAND} "-DSCRIPTS=${PROJECT_SOURCE_DIR}/scripts"
    -P ${PROJECT_SOURCE_DIR}/scripts/test/gpu_report_test.cmake)
endif()
get_filename_component(rlkd_nvcc_folder "${CMAKE_CUDA_COMPILER}" DIRECTORY)
find_program(RLKD_CUOBJDUMP cuobjdump HINTS "${rlkd_nvcc_folder}")
find_program(RLKD_JAVAC javac HINTS "$ENV{JAVA_HOME}/bin")
find_program(RLKD_JAVA java HINTS "$ENV{JAVA_HOME}/bin")
if(NOT RLKD_CUOBJDUMP OR NOT RLKD_JAVAC OR NOT RLKD_JAVA)
  message(STATUS "No resource table: it needs a JDK (${RLKD_JAVAC}) and cuobjdump (${RLKD_CUOBJDUMP})")
  return()
endif()

set(rlkd_resources_classes "${PROJECT_BINARY_DIR}/cuda_resources")
add_custom_command(OUTPUT "${rlkd_resources_classes}/KernelResources.class"
  COMMAND "${RLKD_JAVAC}" -encoding UTF-8 -Xlint:all -Werror -d "${rlkd_resources_classes}" scripts/KernelResources.java
  DEPENDS "${PROJECT_SOURCE_DIR}/scripts/KernelResources.java"
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" VERBATIM)
add_custom_target(cuda_resources_tool ALL DEPENDS "${rlkd_resources_classes}/KernelResources.class")
set(rlkd_resources_tool "${RLKD_JAVA}" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "${rlkd_resources_classes}"
  KernelResources)
set(rlkd_resources_options --compiler ${CMAKE_CUDA_COMPILER_VERSION} --cuobjdump "${RLKD_CUOBJDUMP}")
set(rlkd_resources_of_kernels ${rlkd_resources_options}
  --wide-loads "${PROJECT_SOURCE_DIR}/kernels/cuda/wide_loads.txt" --table "${PROJECT_SOURCE_DIR}/docs/gpu/resources.csv"
  "$<FILTER:$<TARGET_OBJECTS:rlkd_kernels_cuda>,INCLUDE,[.]cu[.]o$>")
add_custom_target(cuda_resources
  COMMAND ${rlkd_resources_tool} write ${rlkd_resources_of_kernels}
  COMMAND_EXPAND_LISTS VERBATIM)
add_dependencies(cuda_resources cuda_resources_tool rlkd_kernels_cuda)

if(RLKD_BUILD_TESTS)
  add_test(NAME cuda.resources
    COMMAND ${rlkd_resources_tool} check ${rlkd_resources_of_kernels} COMMAND_EXPAND_LISTS)

  add_executable(occupancy_test ${PROJECT_SOURCE_DIR}/scripts/test/occupancy_test.cpp)
  target_include_directories(occupancy_test SYSTEM PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
  add_test(NAME cuda.resources.occupancy_is_that_of_nvidias_calculator
    COMMAND occupancy_test "${PROJECT_SOURCE_DIR}/docs/gpu/resources.csv")

  set(planted_dir "${PROJECT_SOURCE_DIR}/scripts/test")
  set(expect_failure "${planted_dir}/expect_failure.cmake")
  add_library(rlkd_planted_kernels OBJECT
    ${planted_dir}/spill.cu ${planted_dir}/scalar_loads.cu ${planted_dir}/wide_loads.cu ${planted_dir}/no_launch_bounds.cu)
  set_target_properties(rlkd_planted_kernels PROPERTIES CUDA_ARCHITECTURES 90)
  function(rlkd_test_resources_tool test)  # NAME COMMAND KERNEL WIDE_LOADS TABLE [FAILS_WITH]
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "COMMAND;KERNEL;WIDE_LOADS;TABLE;FAILS_WITH" "")
    set(run ${rlkd_resources_tool} ${arg_COMMAND} ${rlkd_resources_options}
      --wide-loads "${arg_WIDE_LOADS}" --table "${arg_TABLE}"
      "$<FILTER:$<TARGET_OBJECTS:rlkd_planted_kernels>,INCLUDE,/${arg_KERNEL}[.]cu[.]o$>")
    if(arg_FAILS_WITH)
      set(run ${CMAKE_COMMAND} "-DEXPECTED=${arg_FAILS_WITH}" -P ${expect_failure} -- ${run})
    endif()
    add_test(NAME cuda.resources.${test} COMMAND ${run} COMMAND_EXPAND_LISTS)
  endfunction()
  rlkd_test_resources_tool(passes_wide_loads COMMAND rules KERNEL wide_loads
    WIDE_LOADS ${planted_dir}/wide_loads.txt TABLE none.csv)
  rlkd_test_resources_tool(catches_a_spill COMMAND rules KERNEL spill
    WIDE_LOADS ${planted_dir}/none.txt TABLE none.csv FAILS_WITH "spill.cu, kernel spill, sm_90: spills, [1-9]")
  rlkd_test_resources_tool(catches_scalar_loads COMMAND rules KERNEL scalar_loads
    WIDE_LOADS ${planted_dir}/scalar_loads.txt TABLE none.csv
    FAILS_WITH "scalar_loads.cu, kernel stream, sm_90: no 128-bit load of global memory")
  rlkd_test_resources_tool(catches_a_missing_block_size COMMAND rules KERNEL no_launch_bounds
    WIDE_LOADS ${planted_dir}/none.txt TABLE none.csv FAILS_WITH "kernel anonymous, sm_90: no block size")
  rlkd_test_resources_tool(catches_a_line_that_names_no_kernel COMMAND rules KERNEL wide_loads
    WIDE_LOADS ${planted_dir}/misspelt.txt TABLE none.csv FAILS_WITH "misspelt.txt:2: no kernel streem in wide_loads.cu")
  configure_file(${planted_dir}/stale.csv.in ${PROJECT_BINARY_DIR}/stale.csv @ONLY)
  rlkd_test_resources_tool(catches_a_stale_table COMMAND check KERNEL wide_loads
    WIDE_LOADS ${planted_dir}/wide_loads.txt TABLE ${PROJECT_BINARY_DIR}/stale.csv
    FAILS_WITH "stale.csv is stale: the build has .*stream.* where the table has .*stream.*,255,")
endif()
