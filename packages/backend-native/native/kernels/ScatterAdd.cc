// table[indices[t]] += x[t]: the gradient of Gather, without a loop over the vocabulary.
// Each thread owns some of the table's rows, so the order of additions, and the result, do not depend on the threads.
//
// JavaScript: ScatterAdd(x: float32 | bf16 [T, H], indices: int32 [T], H, table: float32 [V, H], leaveOut)
// leaveOut: rows of x whose index is out of range are left out; else such an index is an error.

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void ScatterAdd(Arguments& arguments) {
  const auto indices = arguments.i32(1);
  const size_t H = arguments.size(2);
  const auto table = arguments.f32(3);
  arguments.require(H > 0 && table.size() % H == 0, "table is no whole number of rows");
  const int32_t V = static_cast<int32_t>(table.size() / H);
  const bool leave_out = arguments.flag(4);
  for (const int32_t index : indices) {
    if (!leave_out && (index < 0 || index >= V)) {
      arguments.fail("the index value " + std::to_string(index) + " is not in [0, " + std::to_string(V - 1) + "]");
    }
  }
  const auto run = [&](auto x) {
    arguments.require(x.size() == indices.size() * H, "x is not [T, H]");
    const size_t parts = omp_get_max_threads();
#pragma omp parallel for schedule(static, 1)
    for (size_t part = 0; part < parts; ++part) {
      for (size_t t = 0; t < indices.size(); ++t) {
        if (indices[t] < 0 || indices[t] >= V || indices[t] % parts != part) continue;
        float* row = &table[indices[t] * H];
        for_lanes(H, [&](size_t i, size_t n) {
          store_lanes(row + i, load_lanes(row + i, n) + load_lanes(&x[t * H + i], n), n);
        });
      }
    }
  };
  arguments.is_bf16(0) ? run(arguments.b16(0)) : run(arguments.f32(0));
}

}  // namespace uniem::UNIEM_ISA
