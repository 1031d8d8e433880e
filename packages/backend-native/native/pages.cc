#include "pages.h"

#include <cstdint>

#ifdef _WIN32

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

namespace uniem {

void* map_pages(size_t bytes) noexcept {
  return VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

void unmap_pages(void* pages, size_t) noexcept { VirtualFree(pages, 0, MEM_RELEASE); }

}  // namespace uniem

#else

#include <sys/mman.h>

namespace uniem {
namespace {

void* map(size_t bytes) {
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
}

}  // namespace

void* map_pages(size_t bytes) noexcept {
  auto* start = static_cast<uint8_t*>(map(bytes + kSlab));
  if (!start) return nullptr;
  const size_t before = -reinterpret_cast<uintptr_t>(start) % kSlab;
  if (before > 0) munmap(start, before);
  munmap(start + before + bytes, kSlab - before);
  // No huge pages: that the system makes room for them took a quarter off encode's speed where memory was in use.
  return start + before;
}

void unmap_pages(void* pages, size_t bytes) noexcept { munmap(pages, bytes); }

}  // namespace uniem

#endif
