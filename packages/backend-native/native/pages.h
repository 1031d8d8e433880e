// Memory straight from the operating system: all that another system must bring of its own.
#pragma once

#include <cstddef>

namespace uniem {

constexpr size_t kPage = 4096;
constexpr size_t kSlab = 65536;  // what Windows aligns its mappings to, and so the alignment that every system has

// Zeroed memory that becomes resident where it is first written; nullptr where the system has none. `bytes` is a
// multiple of kPage. The address is a multiple of kSlab.
void* map_pages(size_t bytes) noexcept;

// Gives the whole of a mapping back at once.
void unmap_pages(void* pages, size_t bytes) noexcept;

}  // namespace uniem
