// Gradient of RmsNorm.
//
//   n = x·inverse,  g = dy·weight,  dx = inverse·(g − n·mean(g·n)),  dweight = Σ_rows dy·n
//
// JavaScript: RmsNormGrad(dy: T [R, H], x: T [R, H], weight: float32 [H], inverse: float32 [R], dx: T [R, H],
//                         dweight: float32 [H]), T float32 or bf16

#include <vector>

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void RmsNormGrad(Arguments& arguments) {
  const auto weight = arguments.f32(2);
  const auto inverse = arguments.f32(3);
  const auto dweight = arguments.f32(5);
  const size_t H = weight.size();
  const size_t R = inverse.size();
  const auto run = [&](auto dy, auto x, auto dx) {
    arguments.require(H > 0 && x.size() == R * H && dy.size() == x.size() && dx.size() == x.size() &&
                          dweight.size() == H,
                      "sizes disagree");
    const size_t width = (H + kLanes - 1) / kLanes * kLanes;
    const size_t parts = summed_parts(R);
    std::vector<float> sums(parts * width);  // each part's dweight, added in order: no race, one result
    parallel_items(parts, [&](size_t part) {
      float* own = &sums[part * width];
      for (size_t r = R * part / parts; r < R * (part + 1) / parts; ++r) {
        vec projected = {};
        for_lanes(H, [&](size_t i, size_t n) {
          const vec d = load_lanes(&dy[r * H + i], n);
          const vec normalized = load_lanes(&x[r * H + i], n) * inverse[r];
          projected += d * load_lanes(&weight[i], n) * normalized;
          store(own + i, load(own + i) + d * normalized);
        });
        const float mean = sum(projected) / H;
        for_lanes(H, [&](size_t i, size_t n) {
          const vec normalized = load_lanes(&x[r * H + i], n) * inverse[r];
          const vec g = load_lanes(&dy[r * H + i], n) * load_lanes(&weight[i], n);
          store_lanes(&dx[r * H + i], (g - normalized * mean) * inverse[r], n);
        });
      }
    });
    for_lanes(H, [&](size_t i, size_t n) {
      vec total = {};
      for (size_t part = 0; part < parts; ++part) total += load(&sums[part * width + i]);
      store_lanes(&dweight[i], total, n);
    });
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.b16(1), arguments.b16(4))
                       : run(arguments.f32(0), arguments.f32(1), arguments.f32(4));
}

}  // namespace uniem::UNIEM_ISA
