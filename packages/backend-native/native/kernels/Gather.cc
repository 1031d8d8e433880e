// y[t] = table[indices[t]]: rows of a matrix.
//
// JavaScript: Gather(table: float32 [V, H], indices: int32 [T], H, y: float32 | bf16 [T, H])

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void Gather(Arguments& arguments) {
  const auto table = arguments.f32(0);
  const auto indices = arguments.i32(1);
  const size_t H = arguments.size(2);
  arguments.require(H > 0 && table.size() % H == 0, "table is no whole number of rows");
  const int32_t V = static_cast<int32_t>(table.size() / H);
  for (const int32_t index : indices) {
    if (index < 0 || index >= V) {
      arguments.fail("the index value " + std::to_string(index) + " is not in [0, " + std::to_string(V - 1) + "]");
    }
  }
  const auto run = [&](auto y) {
    arguments.require(y.size() == indices.size() * H, "y is not [T, H]");
    parallel_for(indices.size(), std::max<size_t>(1, 32768 / H), [&](size_t begin, size_t end) {
      for (size_t t = begin; t < end; ++t) {
        const float* row = &table[indices[t] * H];
        for_lanes(H, [&](size_t i, size_t n) { store_lanes(&y[t * H + i], load_lanes(row + i, n), n); });
      }
    });
  };
  arguments.is_bf16(3) ? run(arguments.b16(3)) : run(arguments.f32(3));
}

}  // namespace uniem::UNIEM_ISA
