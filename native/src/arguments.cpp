#include "arguments.h"

#include <algorithm>
#include <cinttypes>
#include <string>

namespace rlkd::native {

namespace {

std::string text(rlkd_dtype dtype) {
  const char* code = dtype.code == RLKD_DTYPE_INT      ? "int"
                     : dtype.code == RLKD_DTYPE_UINT   ? "uint"
                     : dtype.code == RLKD_DTYPE_FLOAT  ? "float"
                     : dtype.code == RLKD_DTYPE_BFLOAT ? "bfloat"
                     : dtype.code == RLKD_DTYPE_BOOL   ? "bool"
                                                       : "unknown type code ";
  std::string result = code;
  if (result.back() == ' ') result += std::to_string(dtype.code) + ", bits ";
  result += std::to_string(dtype.bits);
  if (dtype.lanes != 1) result += "x" + std::to_string(dtype.lanes);
  return result;
}

std::string text(rlkd_device device) {
  switch (device.device_type) {
    case RLKD_DEVICE_CPU:
      return "in host memory";
    case RLKD_DEVICE_CUDA:
      return "on CUDA device " + std::to_string(device.device_id);
    case RLKD_DEVICE_CUDA_HOST:
      return "in pinned host memory";
    case RLKD_DEVICE_CUDA_MANAGED:
      return "in CUDA managed memory";
    default:
      return "on a device of type " + std::to_string(device.device_type);
  }
}

const char* text(rlkd_backend backend) {
  switch (backend) {
    case RLKD_BACKEND_CPU:
      return "CPU";
    case RLKD_BACKEND_CUDA:
      return "CUDA";
    case RLKD_BACKEND_REFERENCE:
      return "REFERENCE";
    case RLKD_BACKEND_EMULATED:
      return "EMULATED";
  }
  return "unknown";
}

// The product of the extents, refused if an extent is negative or the bytes do not fit in 63 bits.
int64_t element_count(const char* name, const rlkd_tensor& tensor, uint64_t element_size) {
  if (tensor.ndim > 0) required((std::string(name) + ".shape").c_str(), tensor.shape);
  int64_t elements = 1;
  for (int i = 0; i < tensor.ndim; ++i) {
    if (tensor.shape[i] < 0) {
      invalid("%s.shape[%d] is %" PRId64 ", expected an extent >= 0", name, i, tensor.shape[i]);
    }
    if (__builtin_mul_overflow(elements, tensor.shape[i], &elements)) {
      invalid("%s.shape has a product that does not fit in 63 bits, expected a smaller tensor", name);
    }
  }
  int64_t bytes = 0;
  if (__builtin_mul_overflow(elements, static_cast<int64_t>(element_size), &bytes)) {
    invalid("%s.shape has more bytes than fit in 63 bits, expected a smaller tensor", name);
  }
  return elements;
}

}  // namespace

void require_in_range(const char* name, double value, double low, double high) {
  if (!(value >= low && value <= high)) {
    invalid("%s is %g, expected a number in [%g, %g]", name, value, low, high);
  }
}

void require_in_range(const char* name, int64_t value, int64_t low, int64_t high) {
  if (value < low || value > high) {
    invalid("%s is %" PRId64 ", expected an integer in [%" PRId64 ", %" PRId64 "]", name, value, low, high);
  }
}

void require_positive(const char* name, double value) {
  if (!(value > 0 && std::isfinite(value))) invalid("%s is %g, expected a finite number > 0", name, value);
}

void require_enumerator(const char* name, int value, int last) {
  if (value < 0 || value > last) invalid("%s is %d, expected one of 0..%d", name, value, last);
}

void require_entries_in_range(const char* name, kernels::Vector<const int64_t> values, int64_t low,
                              int64_t high, const char* bound) {
  for (int64_t i = 0; i < values.size; ++i) {
    if (values[i] < low || values[i] > high) {
      invalid("%s[%" PRId64 "] is %" PRId64 ", expected an integer in [%" PRId64 ", %" PRId64 "] (%s)", name,
              i, values[i], low, high, bound);
    }
  }
}

Arguments::Arguments(const rlkd_context* context) : backend_(RLKD_BACKEND_CPU) {
  if (context != nullptr) {
    require_enum("context.backend", context->backend, RLKD_BACKEND_EMULATED);
    backend_ = context->backend;
  }
  const char* reason = nullptr;
  if (!rlkd_backend_available(backend_, &reason)) {
    fail(RLKD_BACKEND_UNAVAILABLE, "backend %s is unavailable: %s", text(backend_), reason);
  }
  if (context == nullptr) return;
  if (backend_ != RLKD_BACKEND_CUDA) {
    if (context->stream != nullptr) {
      invalid("context.stream is %p, expected NULL for backend %s", context->stream, text(backend_));
    }
    if (context->device_index != 0) {
      invalid("context.device_index is %d, expected 0 for backend %s", context->device_index, text(backend_));
    }
    return;
  }
  device_index_ = context->device_index;
  stream_ = context->stream;
  if constexpr (kDeviceBackend == RLKD_BACKEND_CUDA) {
    require_in_range("context.device_index", int64_t{device_index_}, 0, kernels::cuda::device_count() - 1);
    require_success(kernels::cuda::select_device(device_index_, &previous_device_));
  }
}

Arguments::~Arguments() {
  if constexpr (kDeviceBackend == RLKD_BACKEND_CUDA) {
    if (backend_ == RLKD_BACKEND_CUDA) kernels::cuda::select_device(previous_device_, nullptr);
  }
}

void Arguments::require_success(const kernels::DeviceStatus& status) const {
  if constexpr (kDeviceBackend != kNone) {
    if (status) return;
    fail(RLKD_DEVICE_ERROR, "%s: %s (error %d)%s", status.where, kernels::cuda::error_text(status),
         status.error,
         kernels::cuda::device_lost()
             ? "; the device's context is lost, every later call fails: restart the process"
             : "");
  }
}

void Arguments::unsupported_backend() const {
  fail(RLKD_UNSUPPORTED, "backend %s does not implement this function, expected another backend",
       text(backend_));
}

void* Arguments::checked_data(const char* name, const rlkd_tensor& tensor, rlkd_dtype dtype,
                              int64_t elements) const {
  if (tensor.dtype.code != dtype.code || tensor.dtype.bits != dtype.bits || tensor.dtype.lanes != 1) {
    const bool half = dtype.code == RLKD_DTYPE_FLOAT && dtype.bits == 32 && tensor.dtype.bits == 16;
    invalid("%s has dtype %s, expected %s%s", name, text(tensor.dtype).c_str(), text(dtype).c_str(),
            half && !on_device() ? " (16-bit types are for backend CUDA)" : "");
  }
  const int32_t device_type = tensor.device.device_type;
  if (backend_ == RLKD_BACKEND_CUDA) {
    const bool reachable = device_type == RLKD_DEVICE_CUDA_MANAGED ||
                           (device_type == RLKD_DEVICE_CUDA && tensor.device.device_id == device_index_);
    if (!reachable) {
      invalid("%s is %s, expected CUDA device %d (context.device_index) for backend CUDA", name,
              text(tensor.device).c_str(), device_index_);
    }
  } else if (device_type != RLKD_DEVICE_CPU && device_type != RLKD_DEVICE_CUDA_HOST) {
    invalid("%s is %s, expected host memory for backend %s", name, text(tensor.device).c_str(),
            text(backend_));
  }
  if (elements == 0) return nullptr;
  if (tensor.data == nullptr) {
    invalid("%s.data is NULL, expected %" PRId64 " elements", name, elements);
  }
  char* data = static_cast<char*>(tensor.data) + tensor.byte_offset;
  const uintptr_t element_size = dtype.bits / 8;
  if (reinterpret_cast<uintptr_t>(data) % element_size != 0) {
    invalid("%s.data + byte_offset is %p, expected a multiple of %d bytes", name, static_cast<void*>(data),
            static_cast<int>(element_size));
  }
  return data;
}

Arguments::Checked Arguments::check(const char* name, const rlkd_tensor* pointer, rlkd_dtype dtype, int ndim,
                                    Extents extents, ExtentNames names, bool output) {
  const rlkd_tensor& tensor = required(name, pointer);
  if (tensor.ndim != ndim) invalid("%s has %d dimensions, expected %d", name, tensor.ndim, ndim);
  const uint64_t element_size = dtype.bits / 8;
  const int64_t elements = element_count(name, tensor, element_size);
  for (int i = 0; i < ndim; ++i) {
    if (extents.values[i] != kAnyExtent && tensor.shape[i] != extents.values[i]) {
      invalid("%s.shape[%d] is %" PRId64 ", expected %s = %" PRId64, name, i, tensor.shape[i],
              names.values[i], extents.values[i]);
    }
  }
  Checked checked{};
  checked.data = checked_data(name, tensor, dtype, elements);
  checked.shape[0] = tensor.shape[0];
  checked.shape[1] = ndim == 2 ? tensor.shape[1] : 1;
  const int64_t cols = tensor.shape[ndim - 1];
  checked.row_stride = ndim == 2 ? cols : 1;
  if (elements == 0) return checked;

  // A dimension of extent 1 is never stepped along: its stride means nothing.
  if (tensor.strides != nullptr) {
    const int64_t inner = tensor.strides[ndim - 1];
    if (cols > 1 && inner != 1) {
      invalid("%s.strides[%d] is %" PRId64 ", expected 1 (innermost dimension)", name, ndim - 1, inner);
    }
    if (ndim == 2 && tensor.shape[0] > 1) {
      const int64_t least = output ? cols : 0;
      if (tensor.strides[0] < least) {
        invalid("%s.strides[0] is %" PRId64 ", expected >= %" PRId64 "%s", name, tensor.strides[0], least,
                output ? " (rows of an output must not overlap)" : "");
      }
      checked.row_stride = tensor.strides[0];
    }
  }
  const int64_t rows = ndim == 2 ? tensor.shape[0] : 1;
  int64_t last_row = 0;
  if (__builtin_mul_overflow(checked.row_stride, (rows - 1) * static_cast<int64_t>(element_size),
                             &last_row)) {
    invalid("%s.strides[0] is %" PRId64 ", expected a tensor that fits in 63 bits", name, checked.row_stride);
  }
  regions_.push_back({name, reinterpret_cast<uintptr_t>(checked.data), rows,
                      static_cast<uint64_t>(cols) * element_size,
                      static_cast<uint64_t>(checked.row_stride) * element_size, output});
  return checked;
}

Arguments::Checked Arguments::check_compact(const char* name, const rlkd_tensor* pointer, rlkd_dtype dtype,
                                            int64_t size, bool output) {
  const rlkd_tensor& tensor = required(name, pointer);
  if (tensor.ndim < 0) invalid("%s has %d dimensions, expected >= 0", name, tensor.ndim);
  const uint64_t element_size = dtype.bits / 8;
  const int64_t elements = element_count(name, tensor, element_size);
  if (size != kAnyExtent && elements != size) {
    invalid("%s has %" PRId64 " elements, expected %" PRId64, name, elements, size);
  }
  Checked checked{};
  checked.data = checked_data(name, tensor, dtype, elements);
  checked.shape[0] = elements;
  checked.shape[1] = 1;
  checked.row_stride = 1;
  if (elements == 0) return checked;
  if (tensor.strides != nullptr) {
    int64_t compact_stride = 1;
    for (int i = tensor.ndim - 1; i >= 0; --i) {
      if (tensor.shape[i] > 1 && tensor.strides[i] != compact_stride) {
        invalid("%s.strides[%d] is %" PRId64 ", expected %" PRId64 " (compact row-major)", name, i,
                tensor.strides[i], compact_stride);
      }
      compact_stride *= tensor.shape[i];
    }
  }
  regions_.push_back({name, reinterpret_cast<uintptr_t>(checked.data), 1,
                      static_cast<uint64_t>(elements) * element_size, 0, output});
  return checked;
}

void* Arguments::workspace(void* pointer, size_t bytes, size_t needed) {
  if (needed == 0) return nullptr;
  if (pointer == nullptr) invalid("workspace is NULL, expected %zu bytes", needed);
  if (bytes < needed) invalid("workspace_bytes is %zu, expected >= %zu", bytes, needed);
  if (reinterpret_cast<uintptr_t>(pointer) % 64 != 0) {
    invalid("workspace is at %p, expected an address that is a multiple of 64", pointer);
  }
  regions_.push_back({"workspace", reinterpret_cast<uintptr_t>(pointer), 1, bytes, 0, true});
  return pointer;
}

// Of two regions whose bounding intervals meet.
bool Arguments::overlap(const Region& a, const Region& b) {
  // Two column ranges of one matrix interleave without touching.
  if (a.rows > 1 && b.rows > 1 && a.pitch == b.pitch && a.pitch > 0) {
    const uint64_t ahead = (b.begin - a.begin) % a.pitch;
    return !(ahead >= a.width && a.pitch - ahead >= b.width);
  }
  return true;
}

void Arguments::require_no_overlap() {
  std::sort(regions_.begin(), regions_.end(),
            [](const Region& a, const Region& b) { return a.begin < b.begin; });
  for (size_t i = 0; i < regions_.size(); ++i) {
    const Region& a = regions_[i];
    for (size_t j = i + 1; j < regions_.size() && regions_[j].begin < a.end(); ++j) {
      const Region& b = regions_[j];
      if ((a.output || b.output) && overlap(a, b)) {
        invalid("%s overlaps %s in memory, expected outputs apart from inputs and each other", a.name.c_str(),
                b.name.c_str());
      }
    }
  }
}

}  // namespace rlkd::native
