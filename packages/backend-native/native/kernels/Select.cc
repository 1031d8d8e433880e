// y[i] = condition[i] ? a[i] : b[i].
//
// JavaScript: Select(condition: uint8 [n], a: T [n], b: T [n], y: T [n]), T float32 or bf16

#include "../kernel.h"

namespace uniem::UNIEM_ISA {

void Select(Arguments& arguments) {
  const auto condition = arguments.u8(0);
  const auto run = [&](auto a, auto b, auto y) {
    const size_t count = y.size();
    arguments.require(condition.size() == count && a.size() == count && b.size() == count, "sizes disagree");
    parallel_for(count, 65536, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) y[i] = condition[i] ? a[i] : b[i];
    });
  };
  arguments.is_bf16(1) ? run(arguments.b16(1), arguments.b16(2), arguments.b16(3))
                       : run(arguments.f32(1), arguments.f32(2), arguments.f32(3));
}

}  // namespace uniem::UNIEM_ISA
