// Copies rows of equal width between two arrays of different row lengths: what slices and joins along an axis are.
//
// JavaScript: CopyRows(from: T, to: T, rows, width, fromStart, fromStride, toStart, toStride), T float32 or bf16

#include "../kernel.h"

namespace uniem::UNIEM_ISA {

void CopyRows(Arguments& arguments) {
  const size_t rows = arguments.size(2), width = arguments.size(3);
  const size_t from_start = arguments.size(4), from_stride = arguments.size(5);
  const size_t to_start = arguments.size(6), to_stride = arguments.size(7);
  if (rows == 0 || width == 0) return;
  const auto run = [&](auto from, auto to) {
    arguments.require(from_start + (rows - 1) * from_stride + width <= from.size() &&
                          to_start + (rows - 1) * to_stride + width <= to.size(),
                      "rows reach past the end");
    parallel_for(rows, std::max<size_t>(1, 65536 / width), [&](size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) {
        std::copy_n(from.data() + from_start + r * from_stride, width, to.data() + to_start + r * to_stride);
      }
    });
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.b16(1)) : run(arguments.f32(0), arguments.f32(1));
}

}  // namespace uniem::UNIEM_ISA
