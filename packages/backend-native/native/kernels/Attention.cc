// Softmax attention inside each text of a packed batch.
//
//   out_i = Σ_j softmax_j(scale·q_i·k_j + bias_ij)·dropout_ij·v_j       j over the keys of i's text that i may see
//
// JavaScript: Attention(q: T [T, A·D], k: T [T, KV·D], v: T [T, KV·D], out: T [T, A·D], lse: float32 [A, T],
//                       offsets: int32 [B + 1], heads, kvHeads, scale, causal, window, key, probability,
//                       bias: float32 [A, L, L] | null), T float32 or bf16; L the longest text
// lse holds each query's log Σ exp, all that the gradient needs beyond q, k and v.

#include "../attention-shape.h"

namespace uniem::UNIEM_ISA {
namespace {

template <typename T>
void attend(const AttentionShape& shape, const T* q, const T* k, const T* v, const float* bias, T* out, float* lse) {
  const size_t D = shape.D;
  const size_t width = padded(D);
  const size_t items = shape.texts() * shape.A;
  const size_t most_columns = padded(shape.longest);
  const ThreadScratch scratch(
      items, shape.longest * width * 2 + width * most_columns + kBlock * (most_columns + 2 * width));
  parallel_items(items, [&](size_t item) {
    const size_t b = item / shape.A;
    const size_t h = item % shape.A;
    const size_t start = shape.offsets[b];
    const size_t L = shape.offsets[b + 1] - start;
    if (L == 0) return;
    const size_t columns = padded(L);
    const size_t kv = h * shape.KV / shape.A;
    float* rows = scratch.own();              // k, then v: [L, width]
    float* values = rows + L * width;         // [L, width]
    float* keys = values + L * width;         // [width, columns]
    float* scores = keys + width * columns;   // [kBlock, columns]
    float* queries = scores + kBlock * columns;
    float* context = queries + kBlock * width;
    copy_rows(k + start * shape.KV * D + kv * D, L, shape.KV * D, D, 1.0f, rows);
    transpose_rows(rows, L, D, keys);
    copy_rows(v + start * shape.KV * D + kv * D, L, shape.KV * D, D, 1.0f, values);
    for (size_t first = 0; first < L; first += kBlock) {
      const size_t count = std::min(kBlock, L - first);
      copy_rows(q + (start + first) * shape.A * D + h * D, count, shape.A * D, D, shape.scale, queries);
      small_matmul(count, columns, D, queries, width, 1, keys, columns, scores, columns, false);
      for (size_t r = 0; r < count; ++r) {
        const size_t i = first + r;
        float* row = scores + r * columns;
        const size_t from = shape.first(i);
        const size_t to = shape.last(i, L);
        if (bias) {
          const float* biases = bias + (h * shape.longest + i) * shape.longest;
          for (size_t j = from; j < to; ++j) row[j] += biases[j];
        }
        std::fill(row, row + from, 0.0f);
        std::fill(row + to, row + columns, 0.0f);
        float largest = row[from];
        for (size_t j = from; j < to; ++j) largest = std::max(largest, row[j]);
        vec total = {};
        for_lanes(to - from, [&](size_t j, size_t n) {
          const vec p = exp(load_lanes(row + from + j, n) - largest);
          store_lanes(row + from + j, p, n);
          total += load_lanes(row + from + j, n);
        });
        const float normalizer = sum(total);
        lse[h * shape.T + start + i] = largest + std::log(normalizer);
        const float inverse = 1.0f / normalizer;
        const uint32_t counter = shape.key + shape.counter(b, h, i);
        for_lanes(columns, [&](size_t j, size_t) {
          vec p = load(row + j) * inverse;
          if (shape.threshold) p *= dropout_factor(counter, static_cast<uint32_t>(j), shape.threshold, shape.kept);
          store(row + j, p);
        });
      }
      small_matmul(count, width, L, scores, columns, 1, values, width, context, width, false);
      write_rows(context, count, shape.A * D, D, out + (start + first) * shape.A * D + h * D);
    }
  });
}

}  // namespace

void Attention(Arguments& arguments) {
  const auto lse = arguments.f32(4);
  const auto run = [&](auto q, auto k, auto v, auto out) {
    const AttentionShape shape = attention_shape(arguments, 5, q.size(), k.size());
    arguments.require(v.size() == k.size() && out.size() == q.size() && lse.size() == shape.A * shape.T,
                      "sizes disagree");
    const float* bias = attention_bias(arguments, 13, shape);
    attend(shape, q.data(), k.data(), v.data(), bias, out.data(), lse.data());
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.b16(1), arguments.b16(2), arguments.b16(3))
                       : run(arguments.f32(0), arguments.f32(1), arguments.f32(2), arguments.f32(3));
}

}  // namespace uniem::UNIEM_ISA
