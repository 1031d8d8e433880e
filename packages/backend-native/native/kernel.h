// What every kernel is made of: its arguments, checked; its error; the pool of threads.
//
// A kernel is one function `void Name(Arguments&)` in kernels/Name.cc. It is compiled once for each instruction set,
// inside the namespace UNIEM_ISA; addon.cc picks the table of the machine it runs on.
#pragma once

#include <node_api.h>
#include <omp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>

#include "kernel-table.h"

#ifndef UNIEM_ISA
#define UNIEM_ISA baseline
#endif

namespace uniem {

// bfloat16: the upper half of a float. Stored in Uint16Array on the JavaScript side.
struct bf16 {
  uint16_t bits;
};

// The arguments of one call, by position. A wrong type or a wrong size is an exception that names the kernel; addon.cc
// turns it into a JavaScript RangeError.
class Arguments {
 public:
  static constexpr size_t kMax = 24;

  Arguments(napi_env env, napi_callback_info info, const char* kernel) : env_(env), kernel_(kernel) {
    count_ = kMax;
    napi_get_cb_info(env, info, &count_, values_, nullptr, nullptr);
  }

  [[noreturn]] void fail(const std::string& what) const { throw std::range_error(std::string(kernel_) + ": " + what); }

  void require(bool condition, const char* what) const {
    if (!condition) fail(what);
  }

  std::span<float> f32(size_t i) const { return array<float>(i, napi_float32_array); }
  std::span<int32_t> i32(size_t i) const { return array<int32_t>(i, napi_int32_array); }
  std::span<uint8_t> u8(size_t i) const { return array<uint8_t>(i, napi_uint8_array); }
  std::span<bf16> b16(size_t i) const { return array<bf16>(i, napi_uint16_array); }

  // Where each text's tokens begin and the last one's end: int32 [B + 1], from 0 on, never decreasing.
  std::span<const int32_t> offsets(size_t i) const {
    const auto values = i32(i);
    require(!values.empty() && values[0] == 0, "offsets do not begin with 0");
    require(std::is_sorted(values.begin(), values.end()), "offsets decrease");
    return values;
  }

  bool is_bf16(size_t i) const { return type(i) == napi_uint16_array; }
  bool is_i32(size_t i) const { return type(i) == napi_int32_array; }
  bool is_u8(size_t i) const { return type(i) == napi_uint8_array; }
  bool is_null(size_t i) const {
    napi_valuetype kind;
    return i >= count_ || napi_typeof(env_, values_[i], &kind) != napi_ok || kind == napi_null ||
           kind == napi_undefined;
  }

  double number(size_t i) const {
    double value = 0;
    if (i >= count_ || napi_get_value_double(env_, values_[i], &value) != napi_ok) {
      fail("argument " + std::to_string(i) + " is not a number");
    }
    return value;
  }

  // A dimension or count: a whole number from 0 on.
  size_t size(size_t i) const {
    const double value = number(i);
    if (!(value >= 0 && value <= 9007199254740991.0)) fail("argument " + std::to_string(i) + " is not a size");
    return static_cast<size_t>(value);
  }

  bool flag(size_t i) const { return number(i) != 0; }

  napi_env env() const { return env_; }
  napi_value value(size_t i) const { return values_[i]; }

 private:
  napi_typedarray_type type(size_t i) const {
    napi_typedarray_type kind = napi_int8_array;
    bool is_array = false;
    if (i >= count_ || napi_is_typedarray(env_, values_[i], &is_array) != napi_ok || !is_array) {
      fail("argument " + std::to_string(i) + " is not a typed array");
    }
    napi_get_typedarray_info(env_, values_[i], &kind, nullptr, nullptr, nullptr, nullptr);
    return kind;
  }

  template <typename T>
  std::span<T> array(size_t i, napi_typedarray_type wanted) const {
    if (type(i) != wanted) fail("argument " + std::to_string(i) + " has another element type");
    size_t length = 0;
    void* data = nullptr;
    napi_get_typedarray_info(env_, values_[i], nullptr, &length, &data, nullptr, nullptr);
    return {static_cast<T*>(data), length};
  }

  napi_env env_;
  const char* kernel_;
  size_t count_ = 0;
  napi_value values_[kMax];
};

// The first exception of several threads: none may leave an OpenMP region, which would end the process.
class FirstError {
 public:
  template <typename Body>
  void guard(const Body& body) noexcept {
    try {
      body();
    } catch (...) {
#pragma omp critical(uniem_first_error)
      if (!error_) error_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
};

// Calls body(begin, end) on consecutive parts of 0 … count, at most one a thread; parts have at least `grain` items.
template <typename Body>
void parallel_for(size_t count, size_t grain, const Body& body) {
  if (count == 0) return;
  const size_t parts = std::clamp<size_t>(count / std::max<size_t>(grain, 1), 1, omp_get_max_threads());
  if (parts == 1) {
    body(size_t{0}, count);
    return;
  }
  FirstError error;
#pragma omp parallel for schedule(static, 1) num_threads(static_cast<int>(parts))
  for (size_t part = 0; part < parts; ++part) {
    error.guard([&] { body(count * part / parts, count * (part + 1) / parts); });
  }
  error.rethrow();
}

// Calls body(item) for every item, items handed out one by one: for items of unequal work.
template <typename Body>
void parallel_items(size_t count, const Body& body) {
  FirstError error;
#pragma omp parallel for schedule(dynamic, 1) if (count > 1)
  for (size_t item = 0; item < count; ++item) error.guard([&] { body(item); });
  error.rethrow();
}

// Parts of `rows` whose sums are added in order: by their number alone, so that threads do not change the result.
inline size_t summed_parts(size_t rows) { return std::clamp<size_t>(rows / 128, 1, 64); }

namespace UNIEM_ISA {
#define UNIEM_DECLARE(name) void name(Arguments& arguments);
UNIEM_KERNELS(UNIEM_DECLARE)
#undef UNIEM_DECLARE
}  // namespace UNIEM_ISA

}  // namespace uniem
