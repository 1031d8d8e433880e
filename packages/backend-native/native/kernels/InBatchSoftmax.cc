// Cross-entropy of every row against its own column, and the gradient by the scores.
//
//   L = mean_i (log Σ_j exp(s_ij) − s_ii),  ds_ij = (softmax_j(s_i) − [i = j]) / N
//
// JavaScript: InBatchSoftmax(scores: float32 [N, M], N, loss: float32 [1], dscores: float32 [N, M]), M ≥ N

#include <cmath>
#include <vector>

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void InBatchSoftmax(Arguments& arguments) {
  const auto scores = arguments.f32(0);
  const size_t N = arguments.size(1);
  const auto loss = arguments.f32(2);
  const auto dscores = arguments.f32(3);
  arguments.require(N > 0 && scores.size() % N == 0 && scores.size() / N >= N && loss.size() == 1 &&
                        dscores.size() == scores.size(),
                    "sizes disagree");
  const size_t M = scores.size() / N;
  std::vector<double> losses(N);
  parallel_for(N, std::max<size_t>(1, 8192 / M), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const float* s = &scores[i * M];
      float* d = &dscores[i * M];
      float top = s[0];
      for (size_t j = 1; j < M; ++j) top = std::max(top, s[j]);
      vec total = {};
      for_lanes(M, [&](size_t j, size_t n) {
        store_lanes(d + j, exp(load_lanes(s + j, n) - top), n);
        total += load_lanes(d + j, n);
      });
      const float normalizer = sum(total);
      losses[i] = std::log(static_cast<double>(normalizer)) + top - s[i];
      const float scale = 1.0f / (normalizer * N);
      for_lanes(M, [&](size_t j, size_t n) { store_lanes(d + j, load_lanes(d + j, n) * scale, n); });
      d[i] -= 1.0f / N;
    }
  });
  double mean = 0;
  for (const double value : losses) mean += value / N;
  loss[0] = static_cast<float>(mean);
}

}  // namespace uniem::UNIEM_ISA
