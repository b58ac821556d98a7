// Large arrays in large pages, on systems that have them for programs that ask: such memory is two to three times faster.
#ifndef SUPERSPIKE_PAGES_H
#define SUPERSPIKE_PAGES_H

#include <cstddef>
#include <cstdint>
#include <vector>
#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace superspike {

constexpr size_t LARGE_ARRAY = 4 << 20; // bytes: two large pages

// call it before the memory is used for the first time
inline void ask_for_large_pages(void* data, size_t size)
{
#if defined(MADV_HUGEPAGE)
    const uintptr_t page = sysconf(_SC_PAGESIZE);
    const uintptr_t first = ((uintptr_t)data + page - 1) / page * page, last = ((uintptr_t)data + size) / page * page;
    if (size >= LARGE_ARRAY) madvise((void*)first, last - first, MADV_HUGEPAGE);
#endif
}

// as a vector's `resize`
template <class T> void resize_large(std::vector<T>& data, size_t size)
{
    if (size > data.capacity() && size * sizeof(T) >= LARGE_ARRAY) {
        std::vector<T> moved;
        moved.reserve(size);
        ask_for_large_pages(moved.data(), size * sizeof(T));
        moved.assign(data.begin(), data.end());
        data.swap(moved);
    }
    data.resize(size);
}

template <class T> void move_to_large_pages(std::vector<T>& data)
{
    const std::vector<T> small = std::move(data);
    data = std::vector<T>();
    resize_large(data, small.size());
    data = small;
}

struct LargePages {
    LargePages(void* data, size_t size) { ask_for_large_pages(data, size); }
};

} // namespace superspike

#endif
