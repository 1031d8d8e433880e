// The memory of tensors and of kernels' scratch. None of it comes from the C library, whose heap keeps what is freed
// between blocks of other sizes: large blocks are mappings of their own, small ones are cut from slabs of one size.
#pragma once

#include <cstddef>

namespace uniem {

constexpr size_t kAlignment = 64;  // a cache line, and the widest vector

// A block of `bytes`, aligned, contents undefined; nullptr past the limit, and where the system has none.
void* take_memory(size_t bytes) noexcept;

// With the bytes that were taken. The memory goes back to the system, but for the rest of a slab in use.
void give_memory(void* block, size_t bytes) noexcept;

// Bytes of all blocks of the process, whatever thread asks; no more than these are given.
void limit_memory(size_t bytes) noexcept;

// Working memory of one call of a kernel, contents undefined. What was given back last is kept for the next call, up to
// a bound for the whole process.
class Scratch {
 public:
  // Throws std::bad_alloc.
  explicit Scratch(size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  float* floats() const { return static_cast<float*>(block_); }
  void* data() const { return block_; }

 private:
  void* block_;
  size_t bytes_;
};

}  // namespace uniem
