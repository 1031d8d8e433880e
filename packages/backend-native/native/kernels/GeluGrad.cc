// dx = dy·(Φ(x) + x·φ(x)), the gradient of Gelu.
//
// JavaScript: GeluGrad(dy: T [n], x: T [n], dx: T [n]), T float32 or bf16

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

template <typename T>
void gelu_grad(std::span<const T> dy, std::span<const T> x, std::span<T> dx) {
  parallel_for(x.size(), 16384, [&](size_t begin, size_t end) {
    for_lanes(end - begin, [&](size_t i, size_t n) {
      const vec v = load_lanes(&x[begin + i], n);
      const vec cdf = (erf(v * 0.70710678118654752f) + 1.0f) * 0.5f;
      const vec density = exp(v * v * -0.5f) * 0.39894228040143268f;
      store_lanes(&dx[begin + i], load_lanes(&dy[begin + i], n) * (cdf + v * density), n);
    });
  });
}

}  // namespace

void GeluGrad(Arguments& arguments) {
  const auto run = [&](auto dy, auto x, auto dx) {
    arguments.require(x.size() == dy.size() && x.size() == dx.size(), "dy, x and dx differ in size");
    gelu_grad<typename decltype(dx)::value_type>(dy, x, dx);
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.b16(1), arguments.b16(2))
                       : run(arguments.f32(0), arguments.f32(1), arguments.f32(2));
}

}  // namespace uniem::UNIEM_ISA
