// y = a op b for arrays that are alike, or where one repeats along the other's first axes or is a single value.
//
// JavaScript: Binary(a: T [n or smaller], b: T [n or smaller], y: T [n], op, stretched), T float32 or bf16
// Sizes of a and b divide n. The smaller one's element is i mod its size; with `stretched`, each of its elements serves
// n / size neighbours instead (a column beside a matrix). op: 0 a + b, 1 a − b, 2 a·b, 3 a / b.

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

template <typename T, typename Op>
void binary(std::span<const T> a, std::span<const T> b, std::span<T> y, const Op& op) {
  const size_t row = std::min(a.size(), b.size());  // the repeated length, or all of it
  if (row == 1 && y.size() > 1) {
    const T single[kLanes] = {a.size() == 1 ? a[0] : b[0]};
    const vec one = splat(load(single)[0]);
    parallel_for(y.size(), 65536, [&](size_t begin, size_t end) {
      for_lanes(end - begin, [&](size_t i, size_t n) {
        const vec left = a.size() == 1 ? one : load_lanes(&a[begin + i], n);
        const vec right = b.size() == 1 ? one : load_lanes(&b[begin + i], n);
        store_lanes(&y[begin + i], op(left, right), n);
      });
    });
    return;
  }
  const size_t chunk = row == y.size() ? std::min<size_t>(row, 16384) : row;
  parallel_for((y.size() + chunk - 1) / chunk, std::max<size_t>(1, 65536 / chunk), [&](size_t begin, size_t end) {
    for (size_t part = begin; part < end; ++part) {
      const size_t first = part * chunk;
      const T* left = &a[a.size() == y.size() ? first : 0];
      const T* right = &b[b.size() == y.size() ? first : 0];
      for_lanes(std::min(chunk, y.size() - first), [&](size_t i, size_t n) {
        store_lanes(&y[first + i], op(load_lanes(left + i, n), load_lanes(right + i, n)), n);
      });
    }
  });
}

// y[r, c] = full[r, c] op column[r]; `swapped` where the column is the left operand.
template <typename T, typename Op>
void stretched(std::span<const T> full, std::span<const T> column, bool swapped, std::span<T> y, const Op& op) {
  const size_t width = y.size() / column.size();
  parallel_for(column.size(), std::max<size_t>(1, 65536 / width), [&](size_t begin, size_t end) {
    for (size_t r = begin; r < end; ++r) {
      const T single[kLanes] = {column[r]};
      const vec one = splat(load(single)[0]);
      for_lanes(width, [&](size_t i, size_t n) {
        const vec v = load_lanes(&full[r * width + i], n);
        store_lanes(&y[r * width + i], swapped ? op(one, v) : op(v, one), n);
      });
    }
  });
}

template <typename T>
void run(const Arguments& arguments, std::span<const T> a, std::span<const T> b, std::span<T> y) {
  if (y.empty()) return;
  arguments.require(!a.empty() && !b.empty() && y.size() % a.size() == 0 && y.size() % b.size() == 0 &&
                        std::max(a.size(), b.size()) == y.size(),
                    "sizes do not divide the result's");
  const auto apply = [&](const auto& op) {
    if (!arguments.flag(4) || a.size() == b.size()) return binary(a, b, y, op);
    a.size() == y.size() ? stretched(a, b, false, y, op) : stretched(b, a, true, y, op);
  };
  switch (arguments.size(3)) {
    case 0: return apply([](vec p, vec q) { return p + q; });
    case 1: return apply([](vec p, vec q) { return p - q; });
    case 2: return apply([](vec p, vec q) { return p * q; });
    case 3: return apply([](vec p, vec q) { return p / q; });
    default: arguments.fail("unknown operation");
  }
}

}  // namespace

void Binary(Arguments& arguments) {
  arguments.is_bf16(0) ? run<bf16>(arguments, arguments.b16(0), arguments.b16(1), arguments.b16(2))
                       : run<float>(arguments, arguments.f32(0), arguments.f32(1), arguments.f32(2));
}

}  // namespace uniem::UNIEM_ISA
