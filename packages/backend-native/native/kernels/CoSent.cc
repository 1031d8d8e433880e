// CoSent over N scored pairs in O(N log N) time and O(N) memory, with the gradient by the scores.
//
//   L = log(1 + Σ_{label_i > label_j} exp(s_j − s_i))
//
// Pairs are sorted by label; each group of equal labels meets the log-sum-exp of the groups below it (forwards) and
// above it (backwards), so the N² differences are never formed. Sums in double.
//
// JavaScript: CoSent(scores: float32 [N], labels: float32 [N], loss: float32 [1], dscores: float32 [N])

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "../kernel.h"

namespace uniem::UNIEM_ISA {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

// log(e^a + e^b)
double log_add(double a, double b) {
  if (a < b) std::swap(a, b);
  return b == kNothing ? a : a + std::log1p(std::exp(b - a));
}

// result[i]: the log-sum-exp of values over the items of other groups that come before i in `order`.
std::vector<double> sums_before(const std::vector<size_t>& order, std::span<const float> labels,
                                const std::vector<double>& values) {
  std::vector<double> result(order.size());
  double before = kNothing;
  for (size_t group = 0; group < order.size();) {
    double own = kNothing;
    size_t end = group;
    for (; end < order.size() && labels[order[end]] == labels[order[group]]; ++end) {
      result[order[end]] = before;
      own = log_add(own, values[order[end]]);
    }
    before = log_add(before, own);
    group = end;
  }
  return result;
}

}  // namespace

void CoSent(Arguments& arguments) {
  const auto scores = arguments.f32(0);
  const auto labels = arguments.f32(1);
  const auto loss = arguments.f32(2);
  const auto dscores = arguments.f32(3);
  const size_t N = scores.size();
  arguments.require(labels.size() == N && dscores.size() == N && loss.size() == 1, "sizes disagree");
  for (const float label : labels) arguments.require(!std::isnan(label), "a label is NaN");
  std::vector<size_t> order(N);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return labels[a] < labels[b]; });
  std::vector<double> values(scores.begin(), scores.end());
  const std::vector<double> below = sums_before(order, labels, values);
  for (double& value : values) value = -value;
  std::reverse(order.begin(), order.end());
  const std::vector<double> above = sums_before(order, labels, values);
  double total = 0;  // log 1
  for (size_t i = 0; i < N; ++i) total = log_add(total, below[i] - scores[i]);
  loss[0] = static_cast<float>(total);
  for (size_t i = 0; i < N; ++i) {
    dscores[i] = static_cast<float>(std::exp(scores[i] + above[i] - total) - std::exp(below[i] - scores[i] - total));
  }
}

}  // namespace uniem::UNIEM_ISA
