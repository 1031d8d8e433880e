// Gradient of Attention by its bias: dbias[h] = Σ over the texts of ds        ds: score_grad
//
// JavaScript: AttentionBiasGrad(dout, q, k, v: T, lse: float32 [A, T], dbias: float32 [A, L, L], offsets, heads,
//                               kvHeads, scale, causal, window, key, probability, bias: float32 [A, L, L] | null),
//                               shapes as in Attention
// A kernel of its own, which computes the scores once more: a bias that does not train costs nothing. A head is one
// item of work and adds its texts in order: the same result for any number of threads.

#include "../attention-shape.h"

namespace uniem::UNIEM_ISA {
namespace {

template <typename T>
void bias_grad(const AttentionShape& shape, const T* dout, const T* q, const T* k, const T* v, const float* lse,
               const float* bias, float* dbias) {
  const size_t D = shape.D;
  const size_t width = padded(D);
  const size_t items = shape.A;
  const size_t most_columns = padded(shape.longest);
  const ThreadScratch scratch(
      items, shape.longest * width + 2 * width * most_columns + kBlock * (3 * most_columns + 2 * width));
  parallel_items(items, [&](size_t h) {
    const size_t kv = h * shape.KV / shape.A;
    float* sums = dbias + h * shape.longest * shape.longest;
    std::fill_n(sums, shape.longest * shape.longest, 0.0f);
    for (size_t b = 0; b < shape.texts(); ++b) {
      const size_t start = shape.offsets[b];
      const size_t L = shape.offsets[b + 1] - start;
      const size_t columns = padded(L);
      float* rows = scratch.own();                 // k, then v: [L, width]
      float* keys = rows + L * width;              // [width, columns]
      float* values = keys + width * columns;      // [width, columns]
      float* p = values + width * columns;         // [kBlock, columns]
      float* dp = p + kBlock * columns;            // [kBlock, columns]
      float* dropped = dp + kBlock * columns;      // [kBlock, columns]
      float* queries = dropped + kBlock * columns; // [kBlock, width]
      float* douts = queries + kBlock * width;     // [kBlock, width]
      copy_rows(k + start * shape.KV * D + kv * D, L, shape.KV * D, D, 1.0f, rows);
      transpose_rows(rows, L, D, keys);
      copy_rows(v + start * shape.KV * D + kv * D, L, shape.KV * D, D, 1.0f, rows);
      transpose_rows(rows, L, D, values);
      for (size_t first = 0; first < L; first += kBlock) {
        const size_t count = std::min(kBlock, L - first);
        const size_t at = (start + first) * shape.A * D + h * D;
        copy_rows(q + at, count, shape.A * D, D, shape.scale, queries);
        copy_rows(dout + at, count, shape.A * D, D, 1.0f, douts);
        small_matmul(count, columns, D, queries, width, 1, keys, columns, p, columns, false);
        small_matmul(count, columns, D, douts, width, 1, values, columns, dp, columns, false);
        for (size_t r = 0; r < count; ++r) {
          float* ds = dp + r * columns;
          score_grad(shape, b, h, first + r, L, bias, lse, p + r * columns, ds, dropped + r * columns);
          float* sum = sums + (first + r) * shape.longest;
          for_lanes(L, [&](size_t j, size_t n) { store_lanes(sum + j, load_lanes(sum + j, n) + load(ds + j), n); });
        }
      }
    }
  });
}

}  // namespace

void AttentionBiasGrad(Arguments& arguments) {
  const auto lse = arguments.f32(4);
  const auto dbias = arguments.f32(5);
  const auto run = [&](auto array) {
    const auto dout = array(0), q = array(1), k = array(2), v = array(3);
    const AttentionShape shape = attention_shape(arguments, 6, q.size(), k.size());
    arguments.require(dout.size() == q.size() && v.size() == k.size() && lse.size() == shape.A * shape.T &&
                          dbias.size() == shape.A * shape.longest * shape.longest,
                      "sizes disagree");
    const float* bias = attention_bias(arguments, 14, shape);
    bias_grad(shape, dout.data(), q.data(), k.data(), v.data(), lse.data(), bias, dbias.data());
  };
  arguments.is_bf16(0) ? run([&](size_t i) { return arguments.b16(i); })
                       : run([&](size_t i) { return arguments.f32(i); });
}

}  // namespace uniem::UNIEM_ISA
