/*
 * occupancy_test resources.csv: the blocks a multiprocessor that the table states, against NVIDIA's own calculator
 * (cuda_occupancy.h of the toolkit, host code). Exits with 1 at the first difference.
 */
#include <cuda_occupancy.h>

#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr int kKiB = 1024;

cudaOccDeviceProp properties(const std::string& architecture) {
  struct Limits {
    int major, threads, shared;
  };
  static const std::map<std::string, Limits> limits = {{"sm_80", {8, 2048, 164 * kKiB}},
                                                       {"sm_90", {9, 2048, 228 * kKiB}},
                                                       {"sm_100", {10, 2048, 228 * kKiB}},
                                                       {"sm_120", {12, 1536, 100 * kKiB}}};
  const Limits& l = limits.at(architecture);
  cudaOccDeviceProp p;
  p.computeMajor = l.major;
  p.computeMinor = 0;
  p.maxThreadsPerBlock = 1024;
  p.maxThreadsPerMultiprocessor = l.threads;
  p.regsPerBlock = p.regsPerMultiprocessor = 65536;
  p.warpSize = 32;
  p.sharedMemPerBlock = 48 * kKiB;
  p.sharedMemPerMultiprocessor = static_cast<size_t>(l.shared);
  p.sharedMemPerBlockOptin = static_cast<size_t>(l.shared - kKiB);
  p.reservedSharedMemPerBlock = kKiB;
  p.numSms = 100;
  return p;
}

/** Fields of a line; commas inside of quotes belong to a field. */
std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> result(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      result.emplace_back();
    } else {
      result.back() += c;
    }
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  std::ifstream table(argc == 2 ? argv[1] : "");
  std::string line;
  std::map<std::string, size_t> column;
  int compared = 0;
  while (std::getline(table, line)) {
    const std::vector<std::string> row = fields(line);
    if (line[0] == '#') continue;
    if (column.empty()) {
      for (size_t i = 0; i < row.size(); ++i) column[row[i]] = i;
      continue;
    }
    const auto number = [&](const char* name) { return std::stoi(row[column.at(name)]); };
    const int block = number("block");
    cudaOccFuncAttributes attributes;
    attributes.maxThreadsPerBlock = block;
    attributes.numRegs = number("registers");
    attributes.sharedSizeBytes = static_cast<size_t>(number("static_shared"));
    attributes.partitionedGCConfig = PARTITIONED_GC_OFF;
    attributes.shmemLimitConfig = FUNC_SHMEM_LIMIT_DEFAULT;
    attributes.maxDynamicSharedSizeBytes = 0;
    attributes.numBlockBarriers = 1;
    const cudaOccDeviceProp device = properties(row[column.at("architecture")]);
    cudaOccDeviceState state;
    state.carveoutConfig = SHAREDMEM_CARVEOUT_MAX_SHARED;
    cudaOccResult result{};
    const int error =
        cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &attributes, &state, block, 0);
    const int stated = number("blocks_per_multiprocessor");
    if (error != CUDA_OCC_SUCCESS || result.activeBlocksPerMultiprocessor != stated) {
      std::cerr << "found " << stated << " blocks in: " << line << "\n  expected "
                << result.activeBlocksPerMultiprocessor << " (cuda_occupancy.h, error " << error
                << ")\n  to do: correct Architecture in scripts/KernelResources.java\n";
      return 1;
    }
    ++compared;
  }
  std::cout << compared << " rows agree with cuda_occupancy.h\n";
  return compared > 0 ? 0 : 1;
}
