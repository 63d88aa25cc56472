/*
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): four random words
 * from a 64-bit key and a 128-bit counter, without state. The same code on host and device.
 */
#pragma once

#include <cstdint>

#include "rlkd/kernels/dtypes.h"

namespace rlkd::kernels {

struct PhiloxWords {
  uint32_t word[4];
};

RLKD_HOST_DEVICE PhiloxWords philox4x32_10(PhiloxWords counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter.word[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter.word[2];
    counter = {
        {static_cast<uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0, static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1, static_cast<uint32_t>(product0)}};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

/** Uniform in [0, 1) with 53 bits: counter (position, 0), key seed, low word first. */
RLKD_HOST_DEVICE double philox_uniform(int64_t seed, int64_t position) {
  const auto k = static_cast<uint64_t>(seed);
  const auto c = static_cast<uint64_t>(position);
  const PhiloxWords random = philox4x32_10({{static_cast<uint32_t>(c), static_cast<uint32_t>(c >> 32), 0, 0}},
                                           static_cast<uint32_t>(k), static_cast<uint32_t>(k >> 32));
  const uint64_t bits = (static_cast<uint64_t>(random.word[0]) << 32 | random.word[1]) >> 11;
  return static_cast<double>(bits) * 0x1p-53;
}

}  // namespace rlkd::kernels
