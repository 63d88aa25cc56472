#include "error.h"

#include <cstdio>

namespace rlkd::native {

namespace {

// A fixed buffer, so that reporting a failure cannot itself fail for want of memory.
thread_local char last_error[1024] = "";

std::string formatted(const char* format, va_list arguments) {
  char text[sizeof last_error];
  std::vsnprintf(text, sizeof text, format, arguments);
  return text;
}

}  // namespace

void fail(rlkd_status status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::string message = formatted(format, arguments);
  va_end(arguments);
  throw Failure{status, std::move(message)};
}

void invalid(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::string message = formatted(format, arguments);
  va_end(arguments);
  throw Failure{RLKD_INVALID_ARGUMENT, std::move(message)};
}

void clear_last_error() { last_error[0] = '\0'; }

rlkd_status set_last_error(const char* function, rlkd_status status, const char* text) {
  std::snprintf(last_error, sizeof last_error, "%s: %s", function, text);
  return status;
}

}  // namespace rlkd::native

extern "C" const char* rlkd_last_error(void) { return rlkd::native::last_error; }
