// Vectors of 16 floats in GCC's own vector type (one zmm or two ymm registers), and the functions kernels need on them.
#pragma once

#include "kernel.h"

namespace uniem {
namespace UNIEM_ISA {

constexpr size_t kLanes = 16;
typedef float vec __attribute__((vector_size(64)));
typedef int32_t ivec __attribute__((vector_size(64)));
typedef uint32_t uvec __attribute__((vector_size(64)));
typedef uint16_t hvec __attribute__((vector_size(32)));

inline vec splat(float x) { return vec{} + x; }

inline vec load(const float* p) {
  vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, vec v) { std::memcpy(p, &v, sizeof v); }

inline vec load(const bf16* p) {
  hvec h;
  std::memcpy(&h, p, sizeof h);
  return reinterpret_cast<vec>(__builtin_convertvector(h, uvec) << 16);
}
// Round to nearest even, as hardware and PyTorch do; NaN stays NaN.
inline void store(bf16* p, vec v) {
  const uvec bits = reinterpret_cast<uvec>(v);
  const uvec rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uvec quiet = (bits >> 16) | 0x40u;
  const hvec h = __builtin_convertvector(v == v ? rounded : quiet, hvec);
  std::memcpy(p, &h, sizeof h);
}

// The last, part-filled vector of a row: missing lanes read as 0 and are not written.
template <typename T>
inline vec load_part(const T* p, size_t n) {
  T lanes[kLanes] = {};
  std::memcpy(lanes, p, n * sizeof(T));
  return load(lanes);
}
template <typename T>
inline void store_part(T* p, vec v, size_t n) {
  T lanes[kLanes];
  store(lanes, v);
  std::memcpy(p, lanes, n * sizeof(T));
}

template <typename T>
inline vec load_lanes(const T* p, size_t n) {
  return n >= kLanes ? load(p) : load_part(p, n);
}
template <typename T>
inline void store_lanes(T* p, vec v, size_t n) {
  n >= kLanes ? store(p, v) : store_part(p, v, n);
}

// Calls body(i, n) for the vectors of a row: from element i, n lanes of it valid.
template <typename Body>
inline void for_lanes(size_t count, const Body& body) {
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) body(i, kLanes);
  if (i < count) body(i, count - i);
}

inline float sum(vec v) {
  float total = 0;
  for (size_t lane = 0; lane < kLanes; ++lane) total += v[lane];
  return total;
}
inline float max(vec v) {
  float largest = v[0];
  for (size_t lane = 1; lane < kLanes; ++lane) largest = std::max(largest, v[lane]);
  return largest;
}
inline vec max(vec a, vec b) { return a > b ? a : b; }
inline vec min(vec a, vec b) { return a < b ? a : b; }

// The larger or smaller of two; NaN where either is.
inline vec largest(vec a, vec b) { return a != a ? a : max(a, b); }
inline vec smallest(vec a, vec b) { return a != a ? a : min(a, b); }

// x within [low, high]. NaN stays NaN: max and min give their second argument where either is NaN.
inline vec clamp(vec x, float low, float high) { return min(splat(high), max(splat(low), x)); }

// e^x within 2 ulp; 0 below -87.3, clamped above 88.3. Cephes' expf.
inline vec exp(vec x) {
  const vec clamped = clamp(x, -87.3f, 88.3f);
  const vec shifted = clamped * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23: rounds to a whole number
  const vec n = shifted - 12582912.0f;
  const vec r = (clamped - n * 0.693359375f) - n * -2.12194440e-4f;
  vec p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const ivec exponent = (__builtin_convertvector(n, ivec) + 127) << 23;
  return (x < -87.3f ? vec{} : p * reinterpret_cast<vec>(exponent));
}

// erf within 4e-7, a rational function on [-4, 4] and ±1 outside. Coefficients as in Eigen's and XLA's float32 erf.
inline vec erf(vec x) {
  const vec c = clamp(x, -4.0f, 4.0f);
  const vec s = c * c;
  vec p = splat(-2.72614225801306e-10f);
  p = p * s + 2.77068142495902e-08f;
  p = p * s + -2.10102402082508e-06f;
  p = p * s + -5.69250639462346e-05f;
  p = p * s + -7.34990630326855e-04f;
  p = p * s + -2.95459980854025e-03f;
  p = p * s + -1.60960333262415e-02f;
  vec q = splat(-1.45660718464996e-05f);
  q = q * s + -2.13374055278905e-04f;
  q = q * s + -1.68282697438203e-03f;
  q = q * s + -7.37332916720468e-03f;
  q = q * s + -1.42647390514189e-02f;
  return c * p / q;
}

// tanh within 4 ulp, a rational function on [-8, 8] and ±1 outside. Coefficients as in Eigen's and XLA's float32
// tanh.
inline vec tanh(vec x) {
  const vec c = clamp(x, -8.0f, 8.0f);
  const vec s = c * c;
  vec p = splat(-2.76076847742355e-16f);
  p = p * s + 2.00018790482477e-13f;
  p = p * s + -8.60467152213735e-11f;
  p = p * s + 5.12229709037114e-08f;
  p = p * s + 1.48572235717979e-05f;
  p = p * s + 6.37261928875436e-04f;
  p = p * s + 4.89352455891786e-03f;
  vec q = splat(1.19825839466702e-06f);
  q = q * s + 1.18534705686654e-04f;
  q = q * s + 2.26843463243900e-03f;
  q = q * s + 4.89352518554385e-03f;
  return c <= -8.0f ? splat(-1.0f) : c >= 8.0f ? splat(1.0f) : c * p / q;
}

// The counter-based generator of core/src/operations/dropout.ts: hash32(key + i), the same on every engine.
inline uvec hash32(uvec v) {
  uvec h = v * 0x9e3779b9u;
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}
constexpr uvec kLaneIndex = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// Dropout's factor of elements i … i + 15: 0 where dropped, `kept` elsewhere.
inline vec dropout_factor(uint32_t key, uint32_t i, uint32_t threshold, float kept) {
  return hash32(kLaneIndex + (key + i)) < threshold ? vec{} : splat(kept);
}

}  // namespace UNIEM_ISA
}  // namespace uniem
