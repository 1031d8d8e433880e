// y[i] = x[i]·(hash32(key + i) < threshold ? 0 : 1 / (1 − probability)). The gradient is the same kernel on dy.
//
// JavaScript: Dropout(x: T [n], y: T [n], key: uint32, probability), T float32 or bf16

#include <cmath>

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void Dropout(Arguments& arguments) {
  const uint32_t key = static_cast<uint32_t>(arguments.size(2));
  const double probability = arguments.number(3);
  arguments.require(probability >= 0 && probability < 1, "probability is not in [0, 1)");
  const uint32_t threshold = static_cast<uint32_t>(std::ceil(probability * 4294967296.0));
  const float kept = static_cast<float>(1 / (1 - probability));
  const auto run = [&](auto x, auto y) {
    arguments.require(x.size() == y.size(), "x and y differ in size");
    parallel_for(x.size(), 16384, [&](size_t begin, size_t end) {
      for_lanes(end - begin, [&](size_t i, size_t n) {
        const vec factor = dropout_factor(key, static_cast<uint32_t>(begin + i), threshold, kept);
        store_lanes(&y[begin + i], load_lanes(&x[begin + i], n) * factor, n);
      });
    });
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.b16(1)) : run(arguments.f32(0), arguments.f32(1));
}

}  // namespace uniem::UNIEM_ISA
