#include "memory.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>

#include "pages.h"

namespace uniem {
namespace {

constexpr size_t kLargestSmall = 8192;         // bytes; seven to a slab
constexpr size_t kMostIdleScratch = 32 << 20;  // bytes

std::atomic<size_t> taken_bytes{0};
std::atomic<size_t> most_bytes{SIZE_MAX};

size_t rounded(size_t bytes, size_t multiple) { return (bytes + multiple - 1) / multiple * multiple; }

// Four sizes a doubling from 256 on, so that a fifth of a block is unused at most.
size_t class_of(size_t bytes) {
  if (bytes <= 256) return 0;
  const int doubling = std::bit_width(bytes - 1) - 1;  // 2^doubling < bytes ≤ 2^(doubling + 1)
  return (doubling - 8) * 4 + ((bytes - 1) >> (doubling - 2)) - 3;
}
size_t size_of_class(size_t index) {
  if (index == 0) return 256;
  const size_t doubling = 8 + (index - 1) / 4;
  return (5 + (index - 1) % 4) << (doubling - 2);
}

// The head of kSlab bytes that are cut into blocks of one size.
struct Slab {
  Slab* next = nullptr;  // of those with room
  Slab* previous = nullptr;
  void* free = nullptr;  // blocks given back, each holding the address of the next
  size_t unused;         // bytes at the end that were never a block
  size_t used = 0;       // blocks that are taken
};

class Slabs {
 public:
  void* take(size_t bytes) {
    const size_t index = class_of(bytes), size = size_of_class(index);
    const std::lock_guard lock(mutex_);
    Slab*& first = with_room_[index];
    if (!first) {
      void* pages = map_pages(kSlab);
      if (!pages) return nullptr;
      link(first, new (pages) Slab{.unused = room(size)});
    }
    Slab* slab = first;
    void* block = slab->free;
    if (block) {
      slab->free = *static_cast<void**>(block);
    } else {
      block = reinterpret_cast<uint8_t*>(slab) + kSlab - slab->unused;
      slab->unused -= size;
    }
    ++slab->used;
    if (!slab->free && slab->unused == 0) unlink(first, slab);
    return block;
  }

  void give(void* block, size_t bytes) {
    const size_t index = class_of(bytes);
    Slab* slab = reinterpret_cast<Slab*>(reinterpret_cast<uintptr_t>(block) & ~(kSlab - 1));
    const std::lock_guard lock(mutex_);
    Slab*& first = with_room_[index];
    const bool was_full = !slab->free && slab->unused == 0;
    *static_cast<void**>(block) = slab->free;
    slab->free = block;
    if (was_full) link(first, slab);
    if (--slab->used > 0 || (first == slab && !slab->next)) return;  // the only one with room stays for the next block
    unlink(first, slab);
    unmap_pages(slab, kSlab);
  }

 private:
  // Bytes of a slab for blocks: a whole number of them, at its end, so that each is aligned as its size is.
  static size_t room(size_t size) { return (kSlab - sizeof(Slab)) / size * size; }

  static void link(Slab*& first, Slab* slab) {
    slab->previous = nullptr;
    slab->next = first;
    if (first) first->previous = slab;
    first = slab;
  }

  static void unlink(Slab*& first, Slab* slab) {
    (slab->previous ? slab->previous->next : first) = slab->next;
    if (slab->next) slab->next->previous = slab->previous;
  }

  std::mutex mutex_;
  std::array<Slab*, 21> with_room_{};  // a class each, to kLargestSmall
};
static_assert(sizeof(Slab) <= kAlignment);

Slabs slabs;

#ifdef __SANITIZE_ADDRESS__
// The sanitizer watches the ends of its own blocks only.
void* system_take(size_t bytes) {
  return std::aligned_alloc(kAlignment, rounded(std::max<size_t>(bytes, 1), kAlignment));
}
void system_give(void* block, size_t) { std::free(block); }
#else
void* system_take(size_t bytes) {
  return bytes <= kLargestSmall ? slabs.take(bytes) : map_pages(rounded(bytes, kPage));
}
void system_give(void* block, size_t bytes) {
  bytes <= kLargestSmall ? slabs.give(block, bytes) : unmap_pages(block, rounded(bytes, kPage));
}
#endif

// Scratch that waits for a call, the last given back first. The list is kept in the blocks themselves.
class IdleScratch {
 public:
  struct Idle {
    Idle* next;
    size_t bytes;
  };

  // A block of `bytes` to twice as many, or nullptr.
  Idle* take(size_t bytes) {
    const std::lock_guard lock(mutex_);
    for (Idle** at = &first_; *at; at = &(*at)->next) {
      Idle* found = *at;
      if (found->bytes < bytes || found->bytes / 2 > bytes) continue;
      *at = found->next;
      held_ -= found->bytes;
      return found;
    }
    return nullptr;
  }

  void give(void* block, size_t bytes) {
    const std::lock_guard lock(mutex_);
    first_ = new (block) Idle{first_, bytes};
    held_ += bytes;
    shrink(kMostIdleScratch);
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    shrink(0);
  }

 private:
  void shrink(size_t most) {
    while (held_ > most) {
      Idle** at = &first_;
      while ((*at)->next) at = &(*at)->next;
      Idle* last = *at;
      *at = nullptr;
      held_ -= last->bytes;
      give_memory(last, last->bytes);
    }
  }

  std::mutex mutex_;
  Idle* first_ = nullptr;
  size_t held_ = 0;
};

IdleScratch idle_scratch;

void* take_within_limit(size_t bytes) {
  if ((taken_bytes += bytes) <= most_bytes) {
    if (void* block = system_take(bytes)) return block;
  }
  taken_bytes -= bytes;
  return nullptr;
}

}  // namespace

void* take_memory(size_t bytes) noexcept {
  if (void* block = take_within_limit(bytes)) return block;
  idle_scratch.clear();
  return take_within_limit(bytes);
}

void give_memory(void* block, size_t bytes) noexcept {
  system_give(block, bytes);
  taken_bytes -= bytes;
}

void limit_memory(size_t bytes) noexcept { most_bytes = bytes; }

Scratch::Scratch(size_t bytes) {
  bytes_ = rounded(std::max<size_t>(bytes, kPage), kPage);
  if (auto* idle = idle_scratch.take(bytes_)) {
    bytes_ = idle->bytes;
    block_ = idle;
    return;
  }
  block_ = take_memory(bytes_);
  if (!block_) throw std::bad_alloc();
}

Scratch::~Scratch() { idle_scratch.give(block_, bytes_); }

}  // namespace uniem
