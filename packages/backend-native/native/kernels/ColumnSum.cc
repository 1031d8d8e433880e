// y[c] = Σ_r x[r, c]: the gradient of a bias. Sums in float32, in the same order for any number of threads.
//
// JavaScript: ColumnSum(x: float32 | bf16 [R, C], y: float32 [C])

#include <vector>

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void ColumnSum(Arguments& arguments) {
  const auto y = arguments.f32(1);
  const size_t C = y.size();
  const auto run = [&](auto x) {
    arguments.require(C > 0 ? x.size() % C == 0 : x.size() == 0, "x is no whole number of rows");
    const size_t R = C > 0 ? x.size() / C : 0;
    const size_t blocks = (C + kLanes - 1) / kLanes;
    parallel_for(blocks, std::max<size_t>(1, 65536 / std::max<size_t>(R * kLanes, 1)), [&](size_t begin, size_t end) {
      std::vector<float> sums((end - begin) * kLanes);
      const size_t first = begin * kLanes;
      const size_t width = std::min(end * kLanes, C) - first;
      for (size_t r = 0; r < R; ++r) {
        for_lanes(width, [&](size_t i, size_t n) {
          store(&sums[i], load(&sums[i]) + load_lanes(&x[r * C + first + i], n));
        });
      }
      std::copy_n(sums.begin(), width, &y[first]);
    });
  };
  arguments.is_bf16(0) ? run(arguments.b16(0)) : run(arguments.f32(0));
}

}  // namespace uniem::UNIEM_ISA
