/*
 * Checks of the arguments of one call of the C interface. The checker remembers each tensor's memory, so that
 * require_no_overlap() can compare outputs with everything else. A refused argument throws Failure; its
 * message names the argument and shows what was found and what was expected.
 *
 *   return guard("rlkd_f", [&] {
 *     Arguments arguments(context);
 *     const auto logits = arguments.matrix<const float>("logits", logits_tensor);
 *     const auto tokens = arguments.vector<const int64_t>("tokens", tokens_tensor, logits.rows, "rows");
 *     const auto logprob = arguments.vector<float>("logprob", logprob_tensor, logits.rows, "rows");
 *     arguments.require_no_overlap();
 *     switch (arguments.backend()) { ... default: arguments.run_on_device([&](Stream stream) {...}); }
 *   });
 *
 * A view of a const type is an input, of another type an output (or changed in place).
 */
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "error.h"
#include "rlkd/kernels/device.h"
#include "rlkd/kernels/views.h"

namespace rlkd::native {

/** The device backend that this library is built with: RLKD_BACKEND_CUDA, RLKD_BACKEND_EMULATED or kNone. */
inline constexpr int kNone = -1;
#if RLKD_CUDA
inline constexpr int kDeviceBackend = RLKD_BACKEND_CUDA;
#elif RLKD_EMULATION
inline constexpr int kDeviceBackend = RLKD_BACKEND_EMULATED;
#else
inline constexpr int kDeviceBackend = kNone;
#endif

/** An extent that the caller of a check does not prescribe. */
inline constexpr int64_t kAnyExtent = -1;

template <class T>
constexpr rlkd_dtype dtype_of() {
  using U = std::remove_const_t<T>;
  if (std::is_same_v<U, kernels::bfloat16>) return {RLKD_DTYPE_BFLOAT, 16, 1};
  if (std::is_same_v<U, kernels::float16>) return {RLKD_DTYPE_FLOAT, 16, 1};
  return {static_cast<uint8_t>(std::is_floating_point_v<U> ? RLKD_DTYPE_FLOAT
                               : std::is_signed_v<U>       ? RLKD_DTYPE_INT
                                                           : RLKD_DTYPE_UINT),
          static_cast<uint8_t>(8 * sizeof(U)), 1};
}

/** Refuses a null pointer. */
template <class T>
const T& required(const char* name, const T* pointer) {
  if (pointer == nullptr) invalid("%s is NULL, expected a pointer", name);
  return *pointer;
}
template <class T>
T& required(const char* name, T* pointer) {
  if (pointer == nullptr) invalid("%s is NULL, expected a pointer", name);
  return *pointer;
}

/** Refuses NaN, inf and values outside [low, high]. */
void require_in_range(const char* name, double value, double low, double high);
void require_in_range(const char* name, int64_t value, int64_t low, int64_t high);
/** Refuses NaN, inf and values <= 0. */
void require_positive(const char* name, double value);
void require_enumerator(const char* name, int value, int last);
/** Refuses a number that is no enumerator; enumerators are 0 .. last. */
template <class E>
void require_enum(const char* name, const E& value, E last) {
  static_assert(std::is_enum_v<E> && sizeof(E) == sizeof(int));
  int number = 0;
  std::memcpy(&number, &value, sizeof number);  // loading an E that is no enumerator would be undefined
  require_enumerator(name, number, last);
}
/** Refuses an entry outside [low, high]. Reads the data: for host memory. */
void require_entries_in_range(const char* name, kernels::Vector<const int64_t> values, int64_t low,
                              int64_t high, const char* bound);

/** A type as a value. */
template <class T>
struct Type {
  using type = T;
};

class Arguments {
 public:
  /** Resolves the context (NULL = CPU); a backend that cannot run here is RLKD_BACKEND_UNAVAILABLE with the
   * reason. */
  explicit Arguments(const rlkd_context* context);
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  ~Arguments();

  rlkd_backend backend() const { return backend_; }

  /** Whether the values in tensors can be read here: everywhere but in a GPU's memory. */
  bool values_on_host() const { return backend_ != RLKD_BACKEND_CUDA; }

  /** Whether the call goes to a device backend: CUDA or EMULATED. */
  bool on_device() const { return backend_ == RLKD_BACKEND_CUDA || backend_ == RLKD_BACKEND_EMULATED; }

  /** Runs `launch(stream)`, which returns a DeviceStatus; a failure is RLKD_DEVICE_ERROR with the device's text
   * and the kernel's name. Ends a switch over backends: on another backend, RLKD_UNSUPPORTED. */
  template <class Launch>
  void run_on_device(Launch&& launch) const {
    if constexpr (kDeviceBackend != kNone) {
      if (on_device()) return require_success(launch(stream_));
    }
    unsupported_backend();
  }

  /** Calls body(Type<T>) with the tensor's element type: float; on device backends bfloat16 and float16 too.
   * Other types are refused by the check that follows in the body. */
  template <class Body>
  void with_floating_type(const rlkd_tensor* tensor, Body&& body) {
    if constexpr (kDeviceBackend != kNone) {
      if (on_device() && tensor != nullptr && tensor->dtype.bits == 16) {
        if (tensor->dtype.code == RLKD_DTYPE_BFLOAT) return body(Type<kernels::bfloat16>{});
        if (tensor->dtype.code == RLKD_DTYPE_FLOAT) return body(Type<kernels::float16>{});
      }
    }
    body(Type<float>{});
  }

  /** Ends a switch over backends: RLKD_UNSUPPORTED, the backend exists but lacks this function. */
  [[noreturn]] void unsupported_backend() const;

  /** A [size] tensor. `extent` names the dimension in messages; size kAnyExtent accepts every size. */
  template <class T>
  kernels::Vector<T> vector(const char* name, const rlkd_tensor* tensor, int64_t size = kAnyExtent,
                            const char* extent = "size") {
    const Checked checked =
        check(name, tensor, dtype_of<T>(), 1, {size, 0}, {extent, ""}, !std::is_const_v<T>);
    return {static_cast<T*>(checked.data), checked.shape[0]};
  }

  /** A [rows, cols] tensor with unit innermost stride and any row stride (outputs: rows must not overlap). */
  template <class T>
  kernels::Matrix<T> matrix(const char* name, const rlkd_tensor* tensor, int64_t rows = kAnyExtent,
                            int64_t cols = kAnyExtent, const char* rows_extent = "rows",
                            const char* cols_extent = "cols") {
    const Checked checked =
        check(name, tensor, dtype_of<T>(), 2, {rows, cols}, {rows_extent, cols_extent}, !std::is_const_v<T>);
    return {static_cast<T*>(checked.data), checked.shape[0], checked.shape[1], checked.row_stride};
  }

  /** An input of the shape of `output` that may be `output` itself (same data and row stride): a kernel that works
   * in place. Call after the check of `output`. */
  template <class T>
  kernels::Matrix<const T> matrix_in_place(const char* name, const rlkd_tensor* tensor,
                                           kernels::Matrix<T> output, const char* rows_extent,
                                           const char* cols_extent) {
    const kernels::Matrix<const T> input =
        matrix<const T>(name, tensor, output.rows, output.cols, rows_extent, cols_extent);
    if (input && input.data == output.data && input.row_stride == output.row_stride) regions_.pop_back();
    return input;
  }

  /** As above, a NULL tensor gives a view with null data. */
  template <class T>
  kernels::Vector<T> optional_vector(const char* name, const rlkd_tensor* tensor, int64_t size,
                                     const char* extent = "size") {
    return tensor == nullptr ? kernels::Vector<T>{} : vector<T>(name, tensor, size, extent);
  }
  template <class T>
  kernels::Matrix<T> optional_matrix(const char* name, const rlkd_tensor* tensor, int64_t rows, int64_t cols,
                                     const char* rows_extent = "rows", const char* cols_extent = "cols") {
    return tensor == nullptr ? kernels::Matrix<T>{}
                             : matrix<T>(name, tensor, rows, cols, rows_extent, cols_extent);
  }

  /** A compact tensor of any rank, seen as one run of elements; `size` as in vector(). */
  template <class T>
  kernels::Vector<T> compact(const char* name, const rlkd_tensor* tensor, int64_t size = kAnyExtent) {
    const Checked checked = check_compact(name, tensor, dtype_of<T>(), size, !std::is_const_v<T>);
    return {static_cast<T*>(checked.data), checked.shape[0]};
  }

  /** Refuses a workspace that is NULL, smaller than `needed` or not 64-byte aligned (unless needed is 0). */
  void* workspace(void* pointer, size_t bytes, size_t needed);

  /** Refuses an output that shares memory with an input or another output. Call after the last tensor. */
  void require_no_overlap();

 private:
  struct Extents {
    int64_t values[2];
  };
  struct ExtentNames {
    const char* values[2];
  };
  struct Checked {
    void* data;
    int64_t shape[2];
    int64_t row_stride;
  };
  /** rows runs of `width` bytes, `pitch` bytes apart. */
  struct Region {
    std::string name;
    uintptr_t begin;
    int64_t rows;
    uint64_t width;
    uint64_t pitch;
    bool output;

    uintptr_t end() const { return begin + static_cast<uint64_t>(rows - 1) * pitch + width; }
  };

  void require_success(const kernels::DeviceStatus& status) const;
  Checked check(const char* name, const rlkd_tensor* tensor, rlkd_dtype dtype, int ndim, Extents extents,
                ExtentNames names, bool output);
  Checked check_compact(const char* name, const rlkd_tensor* tensor, rlkd_dtype dtype, int64_t size,
                        bool output);
  void* checked_data(const char* name, const rlkd_tensor& tensor, rlkd_dtype dtype, int64_t elements) const;
  static bool overlap(const Region& a, const Region& b);

  rlkd_backend backend_;
  int device_index_ = 0;
  int previous_device_ = 0;  // of the calling thread, CUDA alone
  kernels::Stream stream_ = nullptr;
  std::vector<Region> regions_;
};

}  // namespace rlkd::native
