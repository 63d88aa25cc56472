#include <gtest/gtest.h>

#include <string>

#include "rlkd.h"

TEST(Backend, version_is_that_of_the_header) {
  EXPECT_EQ(std::string(rlkd_version()), std::to_string(RLKD_VERSION_MAJOR) + "." +
                                             std::to_string(RLKD_VERSION_MINOR) + "." +
                                             std::to_string(RLKD_VERSION_PATCH));
}

TEST(Backend, cpu_and_reference_are_available) {
  for (rlkd_backend backend : {RLKD_BACKEND_CPU, RLKD_BACKEND_REFERENCE}) {
    const char* reason = nullptr;
    EXPECT_EQ(rlkd_backend_available(backend, &reason), 1);
    EXPECT_STREQ(reason, "");
    EXPECT_EQ(rlkd_backend_available(backend, nullptr), 1);
  }
}

TEST(Backend, an_unavailable_backend_has_a_reason) {
  int available = 0;
  for (int backend : {int{RLKD_BACKEND_CUDA}, int{RLKD_BACKEND_EMULATED}}) {
    const char* reason = nullptr;
    if (rlkd_backend_available(static_cast<rlkd_backend>(backend), &reason)) {
      ++available;
      EXPECT_STREQ(reason, "");
    } else {
      EXPECT_STRNE(reason, "");
    }
  }
  EXPECT_LE(available, 1) << "a build has one of the two";
}

TEST(Backend, cpu_features_name_an_instruction_set) {
  const std::string features = rlkd_cpu_features();
  EXPECT_TRUE(features == "baseline" || features == "avx2" || features == "avx512") << features;
}
