// Columns of a matrix side by side, for code that reads it column by column: a step from row to row would take a line of the
// cache for each number.
#ifndef SUPERSPIKE_COLUMNS_H
#define SUPERSPIKE_COLUMNS_H

#include <algorithm>
#include <map>
#include <string>
#include <vector>
#include "pages.h"

namespace superspike {

template <class T> class Columns {
    static constexpr size_t LINE = 64 / sizeof(T); // columns that share lines of the cache are copied together
    std::vector<T> data;
    std::vector<char> known; // for each LINE columns

public:
    void renew() { std::fill(known.begin(), known.end(), 0); }

    const T* of(const T* matrix, size_t n_rows, size_t n_columns, size_t column)
    {
        resize_large(data, n_rows * n_columns);
        known.resize(n_columns / LINE + 1);
        if (!known[column / LINE]) {
            const size_t first = column / LINE * LINE, last = std::min(first + LINE, n_columns);
            for (size_t i = 0; i < n_rows; i++)
                for (size_t k = first; k < last; k++) data[k * n_rows + i] = matrix[i * n_columns + k];
            known[column / LINE] = 1;
        }
        return &data[column * n_rows];
    }
};

// all code that reads an array shares its columns
template <class T> Columns<T>& columns_of(const std::string& array)
{
    static std::map<std::string, Columns<T>> all;
    return all[array];
}

} // namespace superspike

#endif
