// y[b] = Σ_{t of text b} weights[t]·x[t]: one vector a text of a packed batch. Tokens of weight 0 are not read.
//
// JavaScript: PoolTokens(x: float32 | bf16 [T, H], weights: float32 [T], offsets: int32 [B + 1], H,
//                        y: float32 [B, H])

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

constexpr size_t kColumns = 8 * kLanes;  // one item of work: of a text

}  // namespace

void PoolTokens(Arguments& arguments) {
  const auto weights = arguments.f32(1);
  const auto offsets = arguments.offsets(2);
  const size_t H = arguments.size(3);
  const auto y = arguments.f32(4);
  const size_t T = weights.size(), B = offsets.size() - 1;
  const auto run = [&](auto x) {
    arguments.require(static_cast<size_t>(offsets[B]) == T && x.size() == T * H && y.size() == B * H, "sizes disagree");
    const size_t blocks = (H + kColumns - 1) / kColumns;
    const size_t cost = std::max<size_t>(1, T * kColumns / std::max<size_t>(B, 1));
    parallel_for(B * blocks, std::max<size_t>(1, 65536 / cost), [&](size_t begin, size_t end) {
      for (size_t item = begin; item < end; ++item) {
        const size_t b = item / blocks, first = item % blocks * kColumns;
        const size_t width = std::min(kColumns, H - first);
        float sums[kColumns] = {};
        for (size_t t = offsets[b]; t < static_cast<size_t>(offsets[b + 1]); ++t) {
          const float weight = weights[t];
          if (weight == 0) continue;
          for_lanes(width, [&](size_t i, size_t n) {
            store(sums + i, load(sums + i) + load_lanes(&x[t * H + first + i], n) * weight);
          });
        }
        std::copy_n(sums, width, &y[b * H + first]);
      }
    });
  };
  arguments.is_bf16(0) ? run(arguments.b16(0)) : run(arguments.f32(0));
}

}  // namespace uniem::UNIEM_ISA
