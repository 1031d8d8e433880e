// y[r] = Σ_c x[r, c]. Sums in float32.
//
// JavaScript: RowSum(x: float32 | bf16 [R, C], y: float32 [R])

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void RowSum(Arguments& arguments) {
  const auto y = arguments.f32(1);
  const auto run = [&](auto x) {
    arguments.require(y.empty() ? x.empty() : x.size() % y.size() == 0, "x is no whole number of rows");
    const size_t C = y.empty() ? 0 : x.size() / y.size();
    parallel_for(y.size(), std::max<size_t>(1, 65536 / std::max<size_t>(C, 1)), [&](size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) {
        vec total = {};
        for_lanes(C, [&](size_t i, size_t n) { total += load_lanes(&x[r * C + i], n); });
        y[r] = sum(total);
      }
    });
  };
  arguments.is_bf16(0) ? run(arguments.b16(0)) : run(arguments.f32(0));
}

}  // namespace uniem::UNIEM_ISA
