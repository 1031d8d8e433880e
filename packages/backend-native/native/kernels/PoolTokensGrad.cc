// dx[t] = weights[t]·dy[b] for t of text b: the gradient of PoolTokens.
//
// JavaScript: PoolTokensGrad(dy: float32 [B, H], weights: float32 [T], offsets: int32 [B + 1], H,
//                            dx: float32 | bf16 [T, H])

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void PoolTokensGrad(Arguments& arguments) {
  const auto dy = arguments.f32(0);
  const auto weights = arguments.f32(1);
  const auto offsets = arguments.offsets(2);
  const size_t H = arguments.size(3);
  const size_t T = weights.size(), B = offsets.size() - 1;
  const auto run = [&](auto dx) {
    arguments.require(static_cast<size_t>(offsets[B]) == T && dy.size() == B * H && dx.size() == T * H,
                      "sizes disagree");
    parallel_for(T, std::max<size_t>(1, 65536 / std::max<size_t>(H, 1)), [&](size_t begin, size_t end) {
      size_t b = std::upper_bound(offsets.begin(), offsets.end(), static_cast<int32_t>(begin)) - offsets.begin() - 1;
      for (size_t t = begin; t < end; ++t) {
        while (static_cast<size_t>(offsets[b + 1]) <= t) ++b;  // on to the text of t, past empty ones
        for_lanes(H, [&](size_t i, size_t n) {
          const vec d = load_lanes(&dy[b * H + i], n) * weights[t];
          store_lanes(&dx[t * H + i], weights[t] == 0 ? vec{} : d, n);
        });
      }
    });
  };
  arguments.is_bf16(4) ? run(arguments.b16(4)) : run(arguments.f32(4));
}

}  // namespace uniem::UNIEM_ISA
