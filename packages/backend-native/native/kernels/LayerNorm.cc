// Layer normalization of x + residual over the last axis.
//
//   s = x + residual,  y = (s − mean(s)) / √(var(s) + ε)·weight + bias
//
// JavaScript: LayerNorm(x: T [R, H], residual: T [R, H] | null, weight: float32 [H], bias: float32 [H] | null, eps,
//                       y: T [R, H], sum: T [R, H] | null, mean: float32 [R], inverse: float32 [R])
// `sum` receives s for the gradient when there is a residual. Statistics are float32.

#include <cmath>
#include <vector>

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

template <typename T>
void layer_norm(size_t R, size_t H, const T* x, const T* residual, const float* weight, const float* bias, float eps,
                T* y, T* sum_out, float* mean_out, float* inverse_out) {
  parallel_for(R, std::max<size_t>(1, 8192 / H), [&](size_t begin, size_t end) {
    std::vector<float> row(H + kLanes);
    for (size_t r = begin; r < end; ++r) {
      vec total = {};
      for_lanes(H, [&](size_t i, size_t n) {
        vec s = load_lanes(x + r * H + i, n);
        if (residual) {
          s += load_lanes(residual + r * H + i, n);
          store_lanes(sum_out + r * H + i, s, n);
        }
        store(&row[i], s);  // lanes past the row are zeros
        total += s;
      });
      const float mean = sum(total) / H;
      vec squares = {};
      for_lanes(H, [&](size_t i, size_t n) {
        const vec d = load(&row[i]) - mean;
        squares += n < kLanes ? load_part(reinterpret_cast<const float*>(&d), n) * d : d * d;
      });
      const float inverse = 1.0f / std::sqrt(sum(squares) / H + eps);
      for_lanes(H, [&](size_t i, size_t n) {
        const vec normalized = (load(&row[i]) - mean) * inverse;
        const vec scaled = normalized * load_lanes(weight + i, n);
        store_lanes(y + r * H + i, bias ? scaled + load_lanes(bias + i, n) : scaled, n);
      });
      mean_out[r] = mean;
      inverse_out[r] = inverse;
    }
  });
}

}  // namespace

void LayerNorm(Arguments& arguments) {
  const auto weight = arguments.f32(2);
  const bool has_bias = !arguments.is_null(3);
  const auto bias = has_bias ? arguments.f32(3) : weight;
  const size_t H = weight.size();
  const float eps = static_cast<float>(arguments.number(4));
  const auto mean = arguments.f32(7);
  const auto inverse = arguments.f32(8);
  const auto run = [&](auto x, auto array) {
    const auto y = array(5);
    const bool has_residual = !arguments.is_null(1);
    const auto residual = has_residual ? array(1) : x;
    const auto sum = has_residual ? array(6) : x;
    arguments.require(H > 0 && x.size() % H == 0, "x is no whole number of rows");
    const size_t R = x.size() / H;
    arguments.require(bias.size() == H && y.size() == x.size() && residual.size() == x.size() &&
                          sum.size() == x.size() && mean.size() == R && inverse.size() == R,
                      "sizes disagree");
    layer_norm(R, H, x.data(), has_residual ? residual.data() : nullptr, weight.data(),
               has_bias ? bias.data() : nullptr, eps, y.data(),
               sum.data(), mean.data(), inverse.data());
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), [&](size_t i) { return arguments.b16(i); })
                       : run(arguments.f32(0), [&](size_t i) { return arguments.f32(i); });
}

}  // namespace uniem::UNIEM_ISA
