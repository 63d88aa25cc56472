# librlkd exports the functions of rlkd.h, all of them and nothing else. Arguments: NM, LIBRARY, HEADER.
execute_process(COMMAND ${NM} -D --defined-only ${LIBRARY} OUTPUT_VARIABLE listing RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${NM} failed on ${LIBRARY}")
endif()
string(REGEX MATCHALL "[^ \n]+\n" exported "${listing}")
string(REPLACE "\n" "" exported "${exported}")

file(READ ${HEADER} header)
string(REGEX MATCHALL "RLKD_API [^;(]*[ *]rlkd_[a-z_]+\\(" declared "${header}")
list(TRANSFORM declared REPLACE ".*[ *](rlkd_[a-z_]+)\\($" "\\1")

list(SORT exported)
list(SORT declared)
if(NOT declared OR NOT exported STREQUAL declared)
  message(FATAL_ERROR "exported: ${exported}\ndeclared: ${declared}")
endif()
