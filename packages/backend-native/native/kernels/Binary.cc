// y = a op b, with broadcasting: both are read by strides over the result's axes, 0 where an axis repeats.
//
// JavaScript: Binary(a: T, b: T, y: T [n], op, shape: int32 [4], aStrides: int32 [4], bStrides: int32 [4]),
//             T float32 or bf16; the last strides are 0 or 1
//   op: 0 a + b, 1 a − b, 2 a·b, 3 a / b, 4 max(a, b), 5 min(a, b), 6 (a − b)²

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

constexpr size_t kAxes = 4;

struct Walk {
  size_t shape[kAxes];
  size_t a[kAxes];
  size_t b[kAxes];
};

template <bool REPEATED, typename T>
inline vec read(const T* p, size_t i, size_t n) {
  if constexpr (REPEATED) {
    const T single[kLanes] = {p[0]};
    return splat(load(single)[0]);
  } else {
    return load_lanes(p + i, n);
  }
}

// `count` elements along the last axis.
template <bool A_REPEATED, bool B_REPEATED, typename T, typename Op>
void row(const T* a, const T* b, T* y, size_t count, const Op& op) {
  for_lanes(count, [&](size_t i, size_t n) {
    store_lanes(y + i, op(read<A_REPEATED>(a, i, n), read<B_REPEATED>(b, i, n)), n);
  });
}

template <typename T, typename Op>
void binary(const Walk& walk, const T* a, const T* b, std::span<T> y, const Op& op) {
  const auto& [shape, a_strides, b_strides] = walk;
  const size_t L = shape[3];
  const bool a_repeated = a_strides[3] == 0 && L > 1;
  const bool b_repeated = b_strides[3] == 0 && L > 1;
  parallel_for(y.size(), 65536, [&](size_t begin, size_t end) {
    for (size_t at = begin; at < end;) {  // a piece of a row at a time
      const size_t r = at / L, l = at % L;
      const size_t i = r / (shape[1] * shape[2]), j = r / shape[2] % shape[1], k = r % shape[2];
      const T* left = a + i * a_strides[0] + j * a_strides[1] + k * a_strides[2] + l * a_strides[3];
      const T* right = b + i * b_strides[0] + j * b_strides[1] + k * b_strides[2] + l * b_strides[3];
      const size_t count = std::min(L - l, end - at);
      if (a_repeated && b_repeated) row<true, true>(left, right, &y[at], count, op);
      else if (a_repeated) row<true, false>(left, right, &y[at], count, op);
      else if (b_repeated) row<false, true>(left, right, &y[at], count, op);
      else row<false, false>(left, right, &y[at], count, op);
      at += count;
    }
  });
}

// Reads strides and checks that they stay inside `size` elements.
void read_strides(const Arguments& arguments, size_t i, const size_t (&shape)[kAxes], size_t size,
                  size_t (&strides)[kAxes]) {
  const auto values = arguments.i32(i);
  arguments.require(values.size() == kAxes && (values[3] == 0 || values[3] == 1), "strides are not four, or the last > 1");
  size_t last = 0;
  for (size_t axis = 0; axis < kAxes; ++axis) {
    arguments.require(values[axis] >= 0, "a stride is negative");
    strides[axis] = values[axis];
    last += (shape[axis] - 1) * strides[axis];
  }
  arguments.require(last < size, "strides reach past the end");
}

template <typename T>
void run(const Arguments& arguments, std::span<const T> a, std::span<const T> b, std::span<T> y) {
  if (y.empty()) return;
  const auto sizes = arguments.i32(4);
  arguments.require(sizes.size() == kAxes, "shape has not four axes");
  Walk walk;
  size_t count = 1;
  for (size_t axis = 0; axis < kAxes; ++axis) {
    arguments.require(sizes[axis] > 0, "a size is not above 0");
    walk.shape[axis] = sizes[axis];
    count *= sizes[axis];
  }
  arguments.require(count == y.size(), "shape and y disagree");
  read_strides(arguments, 5, walk.shape, a.size(), walk.a);
  read_strides(arguments, 6, walk.shape, b.size(), walk.b);
  switch (arguments.size(3)) {
    case 0: return binary(walk, a.data(), b.data(), y, [](vec p, vec q) { return p + q; });
    case 1: return binary(walk, a.data(), b.data(), y, [](vec p, vec q) { return p - q; });
    case 2: return binary(walk, a.data(), b.data(), y, [](vec p, vec q) { return p * q; });
    case 3: return binary(walk, a.data(), b.data(), y, [](vec p, vec q) { return p / q; });
    case 4: return binary(walk, a.data(), b.data(), y, [](vec p, vec q) { return largest(p, q); });
    case 5: return binary(walk, a.data(), b.data(), y, [](vec p, vec q) { return smallest(p, q); });
    case 6: return binary(walk, a.data(), b.data(), y, [](vec p, vec q) { return (p - q) * (p - q); });
    default: arguments.fail("unknown operation");
  }
}

}  // namespace

void Binary(Arguments& arguments) {
  arguments.is_bf16(0) ? run<bf16>(arguments, arguments.b16(0), arguments.b16(1), arguments.b16(2))
                       : run<float>(arguments, arguments.f32(0), arguments.f32(1), arguments.f32(2));
}

}  // namespace uniem::UNIEM_ISA
