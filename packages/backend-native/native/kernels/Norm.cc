// norms[i] = √(Σ x²). Squares are summed in double, in parts of one size: the same result for any number of threads.
//
// JavaScript: Norm(x: float32 | bf16 [n], norms: float32 [count], i)

#include <cmath>
#include <numeric>
#include <vector>

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

typedef double dvec __attribute__((vector_size(kLanes * sizeof(double))));
constexpr size_t kPart = 65536;

}  // namespace

void Norm(Arguments& arguments) {
  const auto norms = arguments.f32(1);
  const size_t at = arguments.size(2);
  arguments.require(at < norms.size(), "there is no such norm");
  const auto run = [&](auto x) {
    std::vector<double> parts((x.size() + kPart - 1) / kPart);
    parallel_for(parts.size(), 1, [&](size_t begin, size_t end) {
      for (size_t part = begin; part < end; ++part) {
        const size_t first = part * kPart;
        dvec squares = {};
        for_lanes(std::min(kPart, x.size() - first), [&](size_t i, size_t n) {
          const dvec wide = __builtin_convertvector(load_lanes(&x[first + i], n), dvec);
          squares += wide * wide;
        });
        for (size_t lane = 0; lane < kLanes; ++lane) parts[part] += squares[lane];
      }
    });
    norms[at] = static_cast<float>(std::sqrt(std::accumulate(parts.begin(), parts.end(), 0.0)));
  };
  arguments.is_bf16(0) ? run(arguments.b16(0)) : run(arguments.f32(0));
}

}  // namespace uniem::UNIEM_ISA
