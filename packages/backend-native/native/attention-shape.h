// What the kernels of attention share: the arguments that describe the texts, which keys a query may see, the gradient
// of its scores.
#pragma once

#include <cmath>
#include <limits>

#include "memory.h"
#include "tile.h"

namespace uniem {
namespace UNIEM_ISA {

// T tokens, A heads of D values; KV of them for keys and values, shared by A / KV queries' heads.
struct AttentionShape {
  std::span<const int32_t> offsets;  // [B + 1]
  size_t T, A, KV, D;
  size_t longest;
  float scale;
  bool causal;
  size_t window;  // keys at a distance below it are seen; 0 for all
  uint32_t key;
  uint32_t threshold;  // 0 for no dropout
  float kept;

  size_t texts() const { return offsets.size() - 1; }

  // Keys that query i of a text of `length` tokens sees: [first, last).
  size_t first(size_t i) const { return window > 0 && i + 1 > window ? i + 1 - window : 0; }
  size_t last(size_t i, size_t length) const {
    if (causal) return i + 1;
    return window > 0 ? std::min(length, i + window) : length;
  }

  // Where the probabilities of query i of text b and head h begin in the dropout's counter.
  uint32_t counter(size_t b, size_t h, size_t i) const {
    return static_cast<uint32_t>(((b * A + h) * longest + i) * longest);
  }
};

// Arguments from `at`: offsets, heads, kvHeads, scale, causal, window, dropout key, dropout probability.
inline AttentionShape attention_shape(const Arguments& arguments, size_t at, size_t q_size, size_t k_size) {
  const auto offsets = arguments.offsets(at);
  size_t longest = 0;
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    longest = std::max<size_t>(longest, offsets[b + 1] - offsets[b]);
  }
  const size_t T = offsets.back();
  const size_t A = arguments.size(at + 1);
  const size_t KV = arguments.size(at + 2);
  arguments.require(A > 0 && KV > 0 && A % KV == 0, "heads is no multiple of kvHeads");
  const size_t D = T > 0 ? q_size / (T * A) : 0;
  arguments.require(q_size == T * A * D && k_size == T * KV * D, "q and k are not [T, heads·D]");
  const double probability = arguments.number(at + 7);
  arguments.require(probability >= 0 && probability < 1, "dropout probability is not in [0, 1)");
  return {
      .offsets = offsets,
      .T = T,
      .A = A,
      .KV = KV,
      .D = D,
      .longest = longest,
      .scale = static_cast<float>(arguments.number(at + 3)),
      .causal = arguments.flag(at + 4),
      .window = arguments.size(at + 5),
      .key = static_cast<uint32_t>(arguments.size(at + 6)),
      .threshold = static_cast<uint32_t>(std::ceil(probability * 4294967296.0)),
      .kept = static_cast<float>(1 / (1 - probability)),
  };
}

// What is added to the scores, [A, L, L] with L the longest text, or nullptr.
inline const float* attention_bias(const Arguments& arguments, size_t at, const AttentionShape& shape) {
  if (arguments.is_null(at)) return nullptr;
  const auto values = arguments.f32(at);
  arguments.require(values.size() == shape.A * shape.longest * shape.longest, "bias is not [heads, L, L]");
  return values.data();
}

// The gradient of query i's scores in text b of L tokens, head h:
//
//   p_j = exp(s_j − lse),  dp_j = drop_j·dout·v_j,  ds_j = p_j·(dp_j − Σ_j p_j·dp_j)
//
// row: the scores without bias, becomes p. drow: dout·v_j, becomes ds. kept: receives p_j·drop_j. Each padded(L) long.
inline void score_grad(const AttentionShape& shape, size_t b, size_t h, size_t i, size_t L, const float* bias,
                       const float* lse, float* row, float* drow, float* kept) {
  const size_t columns = padded(L);
  const size_t from = shape.first(i);
  const size_t to = shape.last(i, L);
  if (bias) {
    const float* biases = bias + (h * shape.longest + i) * shape.longest;
    for (size_t j = from; j < to; ++j) row[j] += biases[j];
  }
  const float normalizer = lse[h * shape.T + shape.offsets[b] + i];
  for_lanes(columns, [&](size_t j, size_t) { store(row + j, exp(load(row + j) - normalizer)); });
  std::fill(row, row + from, 0.0f);
  std::fill(row + to, row + columns, 0.0f);
  const uint32_t counter = shape.key + shape.counter(b, h, i);
  vec total = {};
  for_lanes(columns, [&](size_t j, size_t) {
    const vec probability = load(row + j);
    vec d = load(drow + j);
    vec factor = splat(1.0f);
    if (shape.threshold) {
      factor = dropout_factor(counter, static_cast<uint32_t>(j), shape.threshold, shape.kept);
      d *= factor;
    }
    store(kept + j, probability * factor);
    store(drow + j, d);
    total += probability * d;
  });
  const float delta = sum(total);
  for_lanes(columns, [&](size_t j, size_t) { store(drow + j, load(row + j) * (load(drow + j) - delta)); });
}

// Rows of one head, float32, scaled, padded with zeros to a multiple of 16 columns.
template <typename T>
void copy_rows(const T* x, size_t rows, size_t stride, size_t D, float scale, float* out) {
  const size_t width = padded(D);
  for (size_t r = 0; r < rows; ++r) {
    for_lanes(D, [&](size_t i, size_t n) {
      const vec v = load_lanes(x + r * stride + i, n) * scale;
      store(out + r * width + i, v);
    });
  }
}

// Columns of one head as rows: out[d, r], padded with zeros to a multiple of 16 rows.
inline void transpose_rows(const float* x, size_t rows, size_t D, float* out) {
  const size_t width = padded(D);
  const size_t height = padded(rows);
  for (size_t d = 0; d < D; ++d) {
    for (size_t r = 0; r < height; ++r) out[d * height + r] = r < rows ? x[r * width + d] : 0.0f;
  }
}

template <typename T>
void write_rows(const float* x, size_t rows, size_t stride, size_t D, T* out) {
  const size_t width = padded(D);
  for (size_t r = 0; r < rows; ++r) {
    for_lanes(D, [&](size_t i, size_t n) { store_lanes(out + r * stride + i, load(x + r * width + i), n); });
  }
}

// Scratch of `floats` for each of the threads that work on `items`.
class ThreadScratch {
 public:
  ThreadScratch(size_t items, size_t floats)
      : floats_((floats + kLanes - 1) / kLanes * kLanes),
        scratch_(std::min<size_t>(items, omp_get_max_threads()) * floats_ * sizeof(float)) {}

  // The calling thread's.
  float* own() const { return scratch_.floats() + omp_get_thread_num() * floats_; }

 private:
  size_t floats_;
  Scratch scratch_;
};

// Queries a block: its scores of 512 keys stay in the second-level cache.
constexpr size_t kBlock = 48;

}  // namespace UNIEM_ISA
}  // namespace uniem
