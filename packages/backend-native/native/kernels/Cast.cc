// Numbers of one type as another: float32 to int32 (towards 0, modulo 2³², NaN and infinities 0: JavaScript's rule) or
// to bool (x ≠ 0), int32 and bool to float32.
//
// JavaScript: Cast(x: float32 | int32 | uint8 [n], y: int32 | uint8 | float32 [n])

#include <cmath>

#include "../kernel.h"

namespace uniem::UNIEM_ISA {
namespace {

inline int32_t to_int(float x) {
  if (x > -2147483649.0f && x < 2147483648.0f) return static_cast<int32_t>(x);
  if (!std::isfinite(x)) return 0;
  const double rest = std::fmod(std::trunc(static_cast<double>(x)), 4294967296.0);
  return static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(rest)));
}

template <typename From, typename To, typename Rule>
void cast(const Arguments& arguments, std::span<From> x, std::span<To> y, const Rule& rule) {
  arguments.require(x.size() == y.size(), "x and y differ in size");
  parallel_for(x.size(), 65536, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) y[i] = rule(x[i]);
  });
}

}  // namespace

void Cast(Arguments& arguments) {
  if (arguments.is_u8(1)) {
    cast(arguments, arguments.f32(0), arguments.u8(1), [](float x) { return static_cast<uint8_t>(x != 0); });
  } else if (arguments.is_i32(1)) {
    cast(arguments, arguments.f32(0), arguments.i32(1), to_int);
  } else if (arguments.is_u8(0)) {
    cast(arguments, arguments.u8(0), arguments.f32(1), [](uint8_t x) { return static_cast<float>(x); });
  } else {
    cast(arguments, arguments.i32(0), arguments.f32(1), [](int32_t x) { return static_cast<float>(x); });
  }
}

}  // namespace uniem::UNIEM_ISA
