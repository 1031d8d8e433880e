// gelu(x) = x·Φ(x), exact by erf.
//
// JavaScript: Gelu(x: float32 | bf16 [n], y: same type [n])

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

template <typename T>
void gelu(std::span<const T> x, std::span<T> y) {
  parallel_for(x.size(), 16384, [&](size_t begin, size_t end) {
    for_lanes(end - begin, [&](size_t i, size_t n) {
      const vec v = load_lanes(&x[begin + i], n);
      store_lanes(&y[begin + i], v * 0.5f * (erf(v * 0.70710678118654752f) + 1.0f), n);
    });
  });
}

}  // namespace

void Gelu(Arguments& arguments) {
  const auto run = [&](auto x, auto y) {
    arguments.require(x.size() == y.size(), "x and y differ in size");
    gelu<typename decltype(y)::value_type>(x, y);
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.b16(1)) : run(arguments.f32(0), arguments.f32(1));
}

}  // namespace uniem::UNIEM_ISA
