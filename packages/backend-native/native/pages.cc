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
  const size_t alignment = bytes >= kHugePage ? kHugePage : kSlab;
  auto* start = static_cast<uint8_t*>(map(bytes + alignment));
  if (!start) return nullptr;
  const size_t before = -reinterpret_cast<uintptr_t>(start) % alignment;
  if (before > 0) munmap(start, before);
  munmap(start + before + bytes, alignment - before);
#ifdef MADV_HUGEPAGE
  // Only whole huge pages: a part of one would hold the rest of it too, and what is unmapped of one is not given back.
  if (bytes % kHugePage == 0) madvise(start + before, bytes, MADV_HUGEPAGE);
#endif
  return start + before;
}

void unmap_pages(void* pages, size_t bytes) noexcept { munmap(pages, bytes); }

}  // namespace uniem

#endif
