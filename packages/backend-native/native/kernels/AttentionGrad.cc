// Gradient of Attention by q, k and v; the probabilities are computed again from lse.
//
//   dv_j = Σ_i p_ij·drop_ij·dout_i,  dq_i = scale·Σ_j ds_ij·k_j,  dk_j = scale·Σ_i ds_ij·q_i        ds: score_grad
//
// JavaScript: AttentionGrad(dout, q, k, v: T, lse: float32 [A, T], dq, dk, dv: T, offsets, heads, kvHeads, scale,
//                           causal, window, key, probability, bias: float32 [A, L, L] | null), shapes as in Attention
// Heads that share keys are one item of work: their dk and dv are added in order.

#include "../attention-shape.h"

namespace uniem::UNIEM_ISA {
namespace {

template <typename T>
void attend_grad(const AttentionShape& shape, const T* dout, const T* q, const T* k, const T* v, const float* lse,
                 const float* bias, T* dq, T* dk, T* dv) {
  const size_t D = shape.D;
  const size_t width = padded(D);
  const size_t group = shape.A / shape.KV;
  const size_t items = shape.texts() * shape.KV;
  const size_t most_columns = padded(shape.longest);
  const ThreadScratch scratch(
      items, shape.longest * width * 4 + 2 * width * most_columns + kBlock * (3 * most_columns + 3 * width));
  parallel_items(items, [&](size_t item) {
    const size_t b = item / shape.KV;
    const size_t kv = item % shape.KV;
    const size_t start = shape.offsets[b];
    const size_t L = shape.offsets[b + 1] - start;
    if (L == 0) return;
    const size_t columns = padded(L);
    float* keys = scratch.own();                    // [L, width]
    float* values = keys + L * width;               // [L, width]
    float* dkeys = values + L * width;              // [L, width]
    float* dvalues = dkeys + L * width;             // [L, width]
    float* keys_t = dvalues + L * width;            // [width, columns]
    float* values_t = keys_t + width * columns;     // [width, columns]
    float* p = values_t + width * columns;          // [kBlock, columns]
    float* dropped = p + kBlock * columns;          // [kBlock, columns]
    float* dp = dropped + kBlock * columns;         // [kBlock, columns]
    float* queries = dp + kBlock * columns;         // [kBlock, width]
    float* douts = queries + kBlock * width;        // [kBlock, width]
    float* dqueries = douts + kBlock * width;       // [kBlock, width]
    copy_rows(k + start * shape.KV * D + kv * D, L, shape.KV * D, D, 1.0f, keys);
    copy_rows(v + start * shape.KV * D + kv * D, L, shape.KV * D, D, 1.0f, values);
    transpose_rows(keys, L, D, keys_t);
    transpose_rows(values, L, D, values_t);
    std::fill(dkeys, dkeys + 2 * L * width, 0.0f);
    for (size_t h = kv * group; h < (kv + 1) * group; ++h) {
      for (size_t first = 0; first < L; first += kBlock) {
        const size_t count = std::min(kBlock, L - first);
        const size_t at = (start + first) * shape.A * D + h * D;
        copy_rows(q + at, count, shape.A * D, D, shape.scale, queries);
        copy_rows(dout + at, count, shape.A * D, D, 1.0f, douts);
        small_matmul(count, columns, D, queries, width, 1, keys_t, columns, p, columns, false);
        small_matmul(count, columns, D, douts, width, 1, values_t, columns, dp, columns, false);
        for (size_t r = 0; r < count; ++r) {
          const size_t at = r * columns;
          score_grad(shape, b, h, first + r, L, bias, lse, p + at, dp + at, dropped + at);
        }
        small_matmul(L, width, count, dropped, 1, columns, douts, width, dvalues, width, true);
        small_matmul(L, width, count, dp, 1, columns, queries, width, dkeys, width, true);  // queries hold the scale
        small_matmul(count, width, L, dp, columns, 1, keys, width, dqueries, width, false);
        for_lanes(count * width, [&](size_t i, size_t) { store(dqueries + i, load(dqueries + i) * shape.scale); });
        write_rows(dqueries, count, shape.A * D, D, dq + at);
      }
    }
    write_rows(dkeys, L, shape.KV * D, D, dk + start * shape.KV * D + kv * D);
    write_rows(dvalues, L, shape.KV * D, D, dv + start * shape.KV * D + kv * D);
  });
}

}  // namespace

void AttentionGrad(Arguments& arguments) {
  const auto lse = arguments.f32(4);
  const auto run = [&](auto array) {
    const auto dout = array(0), q = array(1), k = array(2), v = array(3), dq = array(5), dk = array(6), dv = array(7);
    const AttentionShape shape = attention_shape(arguments, 8, q.size(), k.size());
    arguments.require(dout.size() == q.size() && dq.size() == q.size() && v.size() == k.size() &&
                          dk.size() == k.size() && dv.size() == k.size() && lse.size() == shape.A * shape.T,
                      "sizes disagree");
    const float* bias = attention_bias(arguments, 16, shape);
    attend_grad(shape, dout.data(), q.data(), k.data(), v.data(), lse.data(), bias, dq.data(), dk.data(), dv.data());
  };
  arguments.is_bf16(0) ? run([&](size_t i) { return arguments.b16(i); })
                       : run([&](size_t i) { return arguments.f32(i); });
}

}  // namespace uniem::UNIEM_ISA
