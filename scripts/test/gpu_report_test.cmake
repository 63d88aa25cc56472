# cmake -DSCRIPTS=DIR -P gpu_report_test.cmake: gpu-report.awk on a report with every kind of line.
function(report format variable)
  execute_process(COMMAND awk -f ${SCRIPTS}/gpu-report.awk -v format=${format} ${SCRIPTS}/test/peers.jsonl
    ${SCRIPTS}/test/benchmarks.json OUTPUT_VARIABLE output RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "gpu-report.awk, format ${format}: exit status ${status}")
  endif()
  set(${variable} "${output}" PARENT_SCOPE)
endfunction()

report(json json)
function(expect value)  # VALUE PATH...
  string(JSON found GET "{${json}}" ${ARGN})
  if(NOT found STREQUAL value)
    message(FATAL_ERROR "found ${ARGN} = ${found}; expected ${value}, in:\n${json}")
  endif()
endfunction()
expect("NVIDIA X" measured_against device)
expect("stream/bfloat16/rows:2" benchmarks 0 name)
expect(100 benchmarks 0 median_us)
expect(0.875 benchmarks 0 share_of_copy)
expect(400.5 benchmarks 0 torch_eager_us)
expect(150 benchmarks 0 torch_compile_us)
expect(0.75 benchmarks 1 share_of_cublas)
expect(0.25 benchmarks 1 share_of_logits_memory)
expect("no memory" benchmarks 1 torch_note)
expect("cudaMalloc: out of memory" benchmarks 2 error)

report(markdown markdown)
foreach(row IN ITEMS
    "| `stream/bfloat16/rows:2` | 100.0 | 99.0 | 1750.0 GB/s | 87.5 % of copy | 400.5 | 150.0 | 1.50 |"
    "| `product/bfloat16/rows:2` | 200.0 | 199.0 | 400.0 TFLOP/s | 75.0 % of cuBLAS, 25.00 % of the logits' memory | no memory |  |  |"
    "| `large/bfloat16/rows:9` | not done: cudaMalloc: out of memory |")
  string(FIND "${markdown}" "${row}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "no row ${row} in:\n${markdown}")
  endif()
endforeach()
if("${json}${markdown}" MATCHES "not-to-be-shown")
  message(FATAL_ERROR "the report names the host")
endif()
