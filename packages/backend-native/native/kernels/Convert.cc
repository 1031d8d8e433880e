// float32 to bf16 and back.
//
// JavaScript: Convert(x: float32 | bf16 [n], y: the other type [n])

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

template <typename From, typename To>
void convert(std::span<From> x, std::span<To> y) {
  parallel_for(x.size(), 65536, [&](size_t begin, size_t end) {
    for_lanes(end - begin, [&](size_t i, size_t n) { store_lanes(&y[begin + i], load_lanes(&x[begin + i], n), n); });
  });
}

}  // namespace

void Convert(Arguments& arguments) {
  const auto run = [&](auto x, auto y) {
    arguments.require(x.size() == y.size(), "x and y differ in size");
    convert(x, y);
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.f32(1)) : run(arguments.f32(0), arguments.b16(1));
}

}  // namespace uniem::UNIEM_ISA
