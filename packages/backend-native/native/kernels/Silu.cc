// silu(x) = x·σ(x), and with dy its gradient: dx = dy·σ(x)·(1 + x·(1 − σ(x))).
//
// JavaScript: Silu(x: T [n], y: T [n], dy: T [n] | null), T float32 or bf16; y receives dx where dy is given

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void Silu(Arguments& arguments) {
  const bool backward = !arguments.is_null(2);
  const auto run = [&](auto x, auto y, auto dy) {
    arguments.require(x.size() == y.size() && dy.size() == x.size(), "sizes disagree");
    parallel_for(x.size(), 16384, [&](size_t begin, size_t end) {
      for_lanes(end - begin, [&](size_t i, size_t n) {
        const vec v = load_lanes(&x[begin + i], n);
        const vec sigmoid = 1.0f / (1.0f + exp(-v));
        const vec result = backward ? load_lanes(&dy[begin + i], n) * sigmoid * (1.0f + v * (1.0f - sigmoid)) : v * sigmoid;
        store_lanes(&y[begin + i], result, n);
      });
    });
  };
  if (arguments.is_bf16(0)) {
    run(arguments.b16(0), arguments.b16(1), arguments.b16(backward ? 2 : 0));
  } else {
    run(arguments.f32(0), arguments.f32(1), arguments.f32(backward ? 2 : 0));
  }
}

}  // namespace uniem::UNIEM_ISA
