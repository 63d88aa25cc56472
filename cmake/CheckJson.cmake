# cmake -DFILE=results.json -P CheckJson.cmake: fails unless the file is one JSON value.
file(READ "${FILE}" text)
string(JSON type ERROR_VARIABLE error TYPE "${text}")
if(error)
  message(FATAL_ERROR "found in ${FILE}: ${error}; expected JSON; correct scripts/gpu-report.awk or gpu-verify.sh")
endif()
