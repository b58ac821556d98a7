// What the synaptic kernels share: spikes of a chunk, rows of synapses that they touch, and a small matrix product.
#ifndef SUPERSPIKE_KERNELS_H
#define SUPERSPIKE_KERNELS_H

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>
#include "pages.h"

namespace superspike {

constexpr int LANES = 16; // units a tile of a product

// whole vectors, save for layers of a few units
constexpr int padded(int n) { return n < 8 ? n : (n + LANES - 1) / LANES * LANES; }

// jumps of presynaptic filters, in the order of time
template <class T, int NY> struct Events {
    struct Event { int step, unit; T jump[NY]; };
    std::vector<Event> list;

    template <int NJ> void add(int step, const T (&jump)[NY][NJ])
    {
        for (int first = 0; first < NJ; first += LANES) {
            const int last = std::min(first + LANES, NJ);
            T sum = 0; // a sum is vectorised, and most units do not jump
            for (int c = 0; c < NY; c++)
                for (int j = first; j < last; j++) sum += std::abs(jump[c][j]);
            for (int j = first; sum != 0 && j < last; j++) add(step, j, jump);
        }
    }

private:
    template <int NJ> void add(int step, int unit, const T (&jump)[NY][NJ])
    {
        Event event = {step, unit, {}};
        bool any = false;
        for (int c = 0; c < NY; c++) {
            event.jump[c] = jump[c][unit];
            any |= event.jump[c] != 0;
        }
        if (any) list.push_back(event);
    }
};

// what the spikes of a chunk add to a presynaptic unit's synapses: only units that spiked have a row
template <class T, int NJ, int SIZE> class Rows {
    std::vector<T> data;
    std::vector<int> slot = std::vector<int>(NJ, 0);
    int used = 1; // row 0 holds zeros

public:
    void clear()
    {
        std::fill(slot.begin(), slot.end(), 0);
        used = 1;
        if (data.empty()) data.assign(SIZE, T(0));
    }
    T* of(int unit)
    {
        if (!slot[unit]) {
            slot[unit] = used++;
            if (data.size() < (size_t)used * SIZE) resize_large(data, (size_t)std::min(2 * used, NJ + 1) * SIZE);
            std::fill_n(&data[(size_t)slot[unit] * SIZE], SIZE, T(0));
        }
        return &data[(size_t)slot[unit] * SIZE];
    }
    const T* read(int unit) const { return &data[(size_t)slot[unit] * SIZE]; }
};

constexpr int ROWS = 6; // rows of a tile of a product

// presynaptic sources of a chunk, tile by tile
template <class T, int NJ, int CHUNK> struct Sources {
    static constexpr int TILES = (NJ + ROWS - 1) / ROWS;
    alignas(64) T u[TILES * CHUNK * ROWS] = {};
    void set(int t, int j, T value) { u[(j / ROWS * CHUNK + t) * ROWS + j % ROWS] = value; }
};

// x[j][i] += sum over t of u[t][j] h[t][i]
template <class T, int NJ, int NI, int CHUNK> struct Product {
    static constexpr int TILES = (NI + LANES - 1) / LANES;
    alignas(64) T h[TILES * CHUNK * LANES] = {};

    static constexpr int at(int t, int i) { return (i / LANES * CHUNK + t) * LANES + i % LANES; }

    void add(const Sources<T, NJ, CHUNK>& sources, int n, T* x, int n_post) const
    {
        for (int tile = 0; tile < TILES; tile++)
            for (int block = 0; block < sources.TILES; block++) {
                T sum[ROWS][LANES];
                multiply(sources.u + block * CHUNK * ROWS, h + tile * CHUNK * LANES, n, sum);
                const int rows = std::min(ROWS, NJ - block * ROWS), lanes = std::min(LANES, n_post - tile * LANES);
                for (int j = 0; j < rows; j++) {
                    T* row = x + (size_t)(block * ROWS + j) * n_post + tile * LANES;
                    for (int i = 0; i < lanes; i++) row[i] += sum[j][i];
                }
            }
    }

private:
    // six rows of sixteen sums stay in registers
    static void multiply(const T* __restrict u, const T* __restrict h, int n, T (&sum)[ROWS][LANES])
    {
        typedef T Vector __attribute__((vector_size(32), aligned(32), may_alias));
        constexpr int W = 32 / sizeof(T);
        for (int v = 0; v < LANES / W; v += 2) {
            Vector s[ROWS][2] = {};
            for (int t = 0; t < n; t++) {
                const Vector* row = (const Vector*)(h + t * LANES) + v;
                const Vector a = row[0], b = row[1];
                for (int j = 0; j < ROWS; j++) {
                    s[j][0] += u[t * ROWS + j] * a;
                    s[j][1] += u[t * ROWS + j] * b;
                }
            }
            for (int j = 0; j < ROWS; j++) std::memcpy(&sum[j][v * W], s[j], sizeof s[j]);
        }
    }
};

} // namespace superspike

#endif
