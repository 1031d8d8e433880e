// y[b, h] = the largest of x[t, h] over the tokens t of text b, and which token has it: the first, or one that is NaN.
// A text without tokens has −∞ and token −1.
//
// JavaScript: MaxTokens(x: float32 | bf16 [T, H], offsets: int32 [B + 1], H, y: float32 [B, H], tokens: int32 [B, H])

#include <limits>

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void MaxTokens(Arguments& arguments) {
  const auto offsets = arguments.offsets(1);
  const size_t H = arguments.size(2);
  const auto y = arguments.f32(3);
  const auto tokens = arguments.i32(4);
  const size_t B = offsets.size() - 1;
  const auto run = [&](auto x) {
    arguments.require(x.size() == offsets[B] * H && y.size() == B * H && tokens.size() == B * H, "sizes disagree");
    const size_t blocks = (H + kLanes - 1) / kLanes;  // of one vector: an item of work, of a text
    const size_t cost = std::max<size_t>(1, offsets[B] * kLanes / std::max<size_t>(B, 1));
    parallel_for(B * blocks, std::max<size_t>(1, 65536 / cost), [&](size_t begin, size_t end) {
      for (size_t item = begin; item < end; ++item) {
        const size_t b = item / blocks, h = item % blocks * kLanes;
        const size_t n = std::min(kLanes, H - h);
        vec most = splat(-std::numeric_limits<float>::infinity());
        ivec where = ivec{} + (offsets[b] < offsets[b + 1] ? offsets[b] : -1);
        for (int32_t t = offsets[b]; t < offsets[b + 1]; ++t) {
          const vec v = load_lanes(&x[t * H + h], n);
          const ivec taken = (v > most) | (v != v);
          most = taken ? v : most;
          where = taken ? ivec{} + t : where;
        }
        store_lanes(&y[b * H + h], most, n);
        std::memcpy(&tokens[b * H + h], &where, n * sizeof(int32_t));
      }
    });
  };
  arguments.is_bf16(0) ? run(arguments.b16(0)) : run(arguments.f32(0));
}

}  // namespace uniem::UNIEM_ISA
