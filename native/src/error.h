/*
 * The firewall: inside librlkd a failed check throws Failure; guard() turns it into a status and the calling
 * thread's error text. Nothing else crosses the C interface.
 */
#pragma once

#include <cstdarg>
#include <exception>
#include <string>

#include "rlkd.h"

namespace rlkd::native {

/** A refused or failed call: what the caller gets to see. */
struct Failure {
  rlkd_status status;
  std::string message;
};

/** Throws a Failure with printf-style text. */
[[noreturn]] __attribute__((format(printf, 2, 3))) void fail(rlkd_status status, const char* format, ...);

/** fail(RLKD_INVALID_ARGUMENT, ...): say the argument's name, what was found and what was expected. */
[[noreturn]] __attribute__((format(printf, 1, 2))) void invalid(const char* format, ...);

void clear_last_error();
rlkd_status set_last_error(const char* function, rlkd_status status, const char* text);

/** Runs the body of the C function called `function`; its text is put before every message. */
template <class Body>
rlkd_status guard(const char* function, Body&& body) noexcept {
  clear_last_error();
  try {
    body();
    return RLKD_OK;
  } catch (const Failure& failure) {
    return set_last_error(function, failure.status, failure.message.c_str());
  } catch (const std::exception& exception) {
    return set_last_error(function, RLKD_INTERNAL_ERROR, exception.what());
  } catch (...) {
    return set_last_error(function, RLKD_INTERNAL_ERROR, "unknown exception");
  }
}

}  // namespace rlkd::native
