// Gradient of LayerNorm by s = x + residual, weight and bias.
//
//   n = (s − mean)·inverse,  g = dy·weight,  ds = inverse·(g − mean(g) − n·mean(g·n))
//   dweight = Σ_rows dy·n,  dbias = Σ_rows dy
//
// JavaScript: LayerNormGrad(dy: T [R, H], s: T [R, H], weight: float32 [H], mean: float32 [R], inverse: float32 [R],
//                           ds: T [R, H], dweight: float32 [H], dbias: float32 [H])

#include <vector>

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

template <typename T>
void layer_norm_grad(size_t R, size_t H, const T* dy, const T* s, const float* weight, const float* mean,
                     const float* inverse, T* ds, float* dweight, float* dbias) {
  const size_t width = (H + kLanes - 1) / kLanes * kLanes;
  const size_t parts = summed_parts(R);
  std::vector<float> sums(parts * 2 * width);  // each part's dweight and dbias, added in order: no race, one result
  parallel_items(parts, [&](size_t part) {
    float* part_dweight = &sums[part * 2 * width];
    float* part_dbias = part_dweight + width;
    for (size_t r = R * part / parts; r < R * (part + 1) / parts; ++r) {
      vec sum_g = {};
      vec sum_gn = {};
      for_lanes(H, [&](size_t i, size_t n) {
        const vec d = load_lanes(dy + r * H + i, n);
        const vec normalized = (load_lanes(s + r * H + i, n) - mean[r]) * inverse[r];
        const vec g = d * load_lanes(weight + i, n);  // 0 in lanes past the row
        sum_g += g;
        sum_gn += g * normalized;
        store(part_dweight + i, load(part_dweight + i) + d * normalized);
        store(part_dbias + i, load(part_dbias + i) + d);
      });
      const float mean_g = sum(sum_g) / H;
      const float mean_gn = sum(sum_gn) / H;
      for_lanes(H, [&](size_t i, size_t n) {
        const vec normalized = (load_lanes(s + r * H + i, n) - mean[r]) * inverse[r];
        const vec g = load_lanes(dy + r * H + i, n) * load_lanes(weight + i, n);
        store_lanes(ds + r * H + i, (g - mean_g - normalized * mean_gn) * inverse[r], n);
      });
    }
  });
  for_lanes(H, [&](size_t i, size_t n) {
    vec total_weight = {};
    vec total_bias = {};
    for (size_t part = 0; part < parts; ++part) {
      total_weight += load(&sums[part * 2 * width + i]);
      total_bias += load(&sums[part * 2 * width + width + i]);
    }
    store_lanes(dweight + i, total_weight, n);
    store_lanes(dbias + i, total_bias, n);
  });
}

}  // namespace

void LayerNormGrad(Arguments& arguments) {
  const auto weight = arguments.f32(2);
  const auto mean = arguments.f32(3);
  const auto inverse = arguments.f32(4);
  const auto dweight = arguments.f32(6);
  const auto dbias = arguments.f32(7);
  const size_t H = weight.size();
  const auto run = [&](auto dy, auto s, auto ds) {
    arguments.require(H > 0 && dy.size() % H == 0, "dy is no whole number of rows");
    const size_t R = dy.size() / H;
    arguments.require(s.size() == dy.size() && ds.size() == dy.size() && mean.size() == R && inverse.size() == R &&
                          dweight.size() == H && dbias.size() == H,
                      "sizes disagree");
    layer_norm_grad(R, H, dy.data(), s.data(), weight.data(), mean.data(), inverse.data(), ds.data(), dweight.data(),
                    dbias.data());
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.b16(1), arguments.b16(5))
                       : run(arguments.f32(0), arguments.f32(1), arguments.f32(5));
}

}  // namespace uniem::UNIEM_ISA
