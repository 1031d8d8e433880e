// Each row's largest or smallest value, or product. A NaN in the row is the result.
//
// JavaScript: Reduce(x: float32 | bf16 [R, C], y: float32 [R], op)        op: 0 max, 1 min, 2 product; C > 0

#include <limits>

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

template <typename T, typename Op>
void reduce(std::span<T> x, std::span<float> y, float start, const Op& op) {
  const size_t C = y.empty() ? 0 : x.size() / y.size();
  parallel_for(y.size(), std::max<size_t>(1, 65536 / std::max<size_t>(C, 1)), [&](size_t begin, size_t end) {
    for (size_t r = begin; r < end; ++r) {
      vec total = splat(start);
      for_lanes(C, [&](size_t i, size_t n) {
        vec v = load_lanes(&x[r * C + i], n);
        for (size_t lane = n; lane < kLanes; ++lane) v[lane] = start;
        total = op(total, v);
      });
      vec result = splat(start);
      for (size_t lane = 0; lane < kLanes; ++lane) result = op(result, splat(total[lane]));
      y[r] = result[0];
    }
  });
}

}  // namespace

void Reduce(Arguments& arguments) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto y = arguments.f32(1);
  const auto run = [&](auto x) {
    arguments.require(y.empty() ? x.empty() : !x.empty() && x.size() % y.size() == 0, "x is no whole number of rows");
    switch (arguments.size(2)) {
      case 0: return reduce(x, y, -kInfinity, [](vec a, vec b) { return largest(a, b); });
      case 1: return reduce(x, y, kInfinity, [](vec a, vec b) { return smallest(a, b); });
      case 2: return reduce(x, y, 1.0f, [](vec a, vec b) { return a * b; });
      default: arguments.fail("unknown operation");
    }
  };
  arguments.is_bf16(0) ? run(arguments.b16(0)) : run(arguments.f32(0));
}

}  // namespace uniem::UNIEM_ISA
