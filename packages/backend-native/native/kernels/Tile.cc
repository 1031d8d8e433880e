// Each row several times over: what a tile along one axis is.
//
// JavaScript: Tile(x: T [rows, width], y: T [rows, times, width], width, times), T float32 or bf16

#include "../kernel.h"

namespace uniem::UNIEM_ISA {

void Tile(Arguments& arguments) {
  const size_t width = arguments.size(2), times = arguments.size(3);
  const auto run = [&](auto x, auto y) {
    if (y.empty()) return;
    arguments.require(width > 0 && x.size() % width == 0 && y.size() % x.size() == 0 && y.size() / x.size() == times,
                      "sizes disagree");
    parallel_for(y.size() / width, std::max<size_t>(1, 65536 / width), [&](size_t begin, size_t end) {
      for (size_t row = begin; row < end; ++row) std::copy_n(&x[row / times * width], width, &y[row * width]);
    });
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.b16(1)) : run(arguments.f32(0), arguments.f32(1));
}

}  // namespace uniem::UNIEM_ISA
