/* rlkd_tensor is DLPack's DLTensor, member for member: memory described for one can be given to the other. */
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "rlkd.h"

namespace {

// The structures of dlpack.h 0.8 (Apache-2.0, github.com/dmlc/dlpack), their member types and order as
// published.
struct DLDevice {
  int32_t device_type;  // DLDeviceType, an enum of 32 bits
  int32_t device_id;
};
struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};

#define EXPECT_SAME_MEMBER(rlkd_type, dl_type, member)                                                \
  static_assert(offsetof(rlkd_type, member) == offsetof(dl_type, member), #member);                   \
  static_assert(sizeof(rlkd_type::member) == sizeof(dl_type::member), #member);                       \
  static_assert(                                                                                      \
      std::is_pointer_v<decltype(rlkd_type::member)> == std::is_pointer_v<decltype(dl_type::member)>, \
      #member)

EXPECT_SAME_MEMBER(rlkd_device, DLDevice, device_type);
EXPECT_SAME_MEMBER(rlkd_device, DLDevice, device_id);
EXPECT_SAME_MEMBER(rlkd_dtype, DLDataType, code);
EXPECT_SAME_MEMBER(rlkd_dtype, DLDataType, bits);
EXPECT_SAME_MEMBER(rlkd_dtype, DLDataType, lanes);
EXPECT_SAME_MEMBER(rlkd_tensor, DLTensor, data);
EXPECT_SAME_MEMBER(rlkd_tensor, DLTensor, device);
EXPECT_SAME_MEMBER(rlkd_tensor, DLTensor, ndim);
EXPECT_SAME_MEMBER(rlkd_tensor, DLTensor, dtype);
EXPECT_SAME_MEMBER(rlkd_tensor, DLTensor, shape);
EXPECT_SAME_MEMBER(rlkd_tensor, DLTensor, strides);
EXPECT_SAME_MEMBER(rlkd_tensor, DLTensor, byte_offset);
static_assert(sizeof(rlkd_tensor) == sizeof(DLTensor) && alignof(rlkd_tensor) == alignof(DLTensor));
static_assert(sizeof(rlkd_device) == sizeof(DLDevice) && sizeof(rlkd_dtype) == sizeof(DLDataType));
static_assert(sizeof(rlkd_status) == 4 && sizeof(rlkd_backend) == 4,
              "enums are 32-bit ints in every binding");

TEST(TensorLayout, codes_are_those_of_dlpack) {
  // kDLCPU, kDLCUDA, kDLCUDAHost; kDLInt, kDLUInt, kDLFloat, kDLBfloat, kDLBool.
  EXPECT_EQ(RLKD_DEVICE_CPU, 1);
  EXPECT_EQ(RLKD_DEVICE_CUDA, 2);
  EXPECT_EQ(RLKD_DEVICE_CUDA_HOST, 3);
  EXPECT_EQ(RLKD_DTYPE_INT, 0);
  EXPECT_EQ(RLKD_DTYPE_UINT, 1);
  EXPECT_EQ(RLKD_DTYPE_FLOAT, 2);
  EXPECT_EQ(RLKD_DTYPE_BFLOAT, 4);
  EXPECT_EQ(RLKD_DTYPE_BOOL, 6);
}

}  // namespace
