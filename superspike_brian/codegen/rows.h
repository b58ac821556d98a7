// Synapses in rows of different lengths, one per presynaptic unit: what follows from their pairs of units, and work space.
#ifndef SUPERSPIKE_ROWS_H
#define SUPERSPIKE_ROWS_H

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>
#include "superspike.h"

namespace superspike {

// where the rows start, from the units that the synapses connect
inline void lay_rows(const std::string& name, const std::vector<int32_t>& pre, const std::vector<int32_t>& post, size_t n, int n_pre,
                     int n_post, bool ascending, int32_t* start, std::vector<int32_t>& outgoing, std::vector<int32_t>& incoming)
{
    if (pre.size() != n || post.size() != n) fail("the state has another number of synapses for " + name);
    outgoing.assign(n_pre, 0);
    incoming.assign(n_post, 0);
    for (size_t s = 0; s < n; s++) {
        const bool within = pre[s] >= 0 && pre[s] < n_pre && post[s] >= 0 && post[s] < n_post;
        if (!within || (ascending && s && (pre[s] < pre[s - 1] || (pre[s] == pre[s - 1] && post[s] <= post[s - 1]))))
            fail("synapse " + std::to_string(s) + " of " + name + " connects a pair of units, (" + std::to_string(pre[s]) + ", " +
                 std::to_string(post[s]) + "), that does not exist or does not come after the one before");
        outgoing[pre[s]]++;
        incoming[post[s]]++;
    }
    start[0] = 0;
    for (int j = 0; j < n_pre; j++) start[j + 1] = start[j] + outgoing[j];
}

// that synapse s goes from unit s / n_post to unit s % n_post
inline void check_all_to_all(const std::string& name, const std::vector<int32_t>& pre, const std::vector<int32_t>& post, int n_pre,
                             int n_post)
{
    bool good = pre.size() == (size_t)n_pre * n_post;
    for (size_t s = 0; good && s < pre.size(); s++) good = pre[s] == int(s / n_post) && post[s] == int(s % n_post);
    if (!good) fail(name + " does not connect all units to all, in the order of the presynaptic ones");
}

// a pathway whose queue holds synapses, after their pairs or delays have changed; what is in flight stays
template <class Pathway, class T> void prepare_again(Pathway& pathway, std::vector<T>& delays)
{
    std::vector<int>& sources = pathway.sources;
    pathway.prepare(pathway.Nsource, pathway.Ntarget, delays.data(), delays.size(), sources.data(), sources.size(),
                    pathway.queue[0]->dt);
}

// what the spikes of a chunk add to NS variables of a presynaptic unit's synapses: only units that spiked have a row
template <class T, int NJ, int NS> class RaggedRows {
    std::vector<T> data; // zeros, for units that did not spike, then the rows
    std::vector<size_t> at = std::vector<size_t>(NJ, 0);

public:
    template <class List> void lay_out(const List& events, int n_steps, const int32_t* start)
    {
        size_t used = 0;
        for (int j = 0; j < NJ; j++) used = std::max(used, (size_t)NS * (start[j + 1] - start[j]));
        std::fill(at.begin(), at.end(), 0);
        for (const auto& event : events)
            if (event.step < n_steps && !at[event.unit]) {
                at[event.unit] = used;
                used += (size_t)NS * (start[event.unit + 1] - start[event.unit]);
            }
        data.assign(used, T(0));
    }
    T* of(int unit) { return data.data() + at[unit]; }
    const T* read(int unit) const { return data.data() + at[unit]; }
};

// N coefficients of every postsynaptic unit, to be looked up for a row of synapses at a time. Those of a unit lie side by side:
// they are read as vectors that are turned around in registers, because reading single numbers takes three times as long.
template <class T, int UNITS, int N> class Lookup {
    static constexpr int W = 32 / sizeof(T), WIDTH = (N + W - 1) / W * W;
    static constexpr int STRIDE = (UNITS + 63) / 64 * 64 + 16; // rows a power of two apart would share few lines of the cache
    alignas(64) T table[UNITS][WIDTH];
    alignas(64) T found[N][STRIDE];
    const T* source[N];

public:
    void set(int c, const T* values)
    {
        source[c] = values;
        for (int i = 0; i < UNITS; i++) table[i][c] = values[i];
    }
    void look_up(const int32_t* units, int n)
    {
        int k = 0;
        for (; k + W <= n; k += W)
            if (units[k + W - 1] - units[k] == W - 1) // neighbours
                for (int c = 0; c < N; c++) std::memcpy(found[c] + k, source[c] + units[k], W * sizeof(T));
            else
                turn(units + k, k);
        if (k == n) return;
        int32_t last[W];
        for (int l = 0; l < W; l++) last[l] = units[std::min(k + l, n - 1)];
        turn(last, k);
    }
    const T* operator[](int c) const { return found[c]; }

private:
#if defined(__GNUC__) && !defined(__clang__)
    typedef T Vector __attribute__((vector_size(32), may_alias));
    typedef typename std::conditional<sizeof(T) == 4, int32_t, int64_t>::type Lane;
    typedef Lane Lanes __attribute__((vector_size(32)));

    // of each pair of rows D apart, exchange what lies D lanes off the diagonal: for D = 1, 2, 4 this transposes
    template <int D> static inline __attribute__((always_inline)) void exchange(Vector (&v)[W])
    {
        Lanes low = {}, high = {};
        for (int l = 0; l < W; l++) {
            low[l] = l & D ? W + l - D : l;
            high[l] = l & D ? W + l : l + D;
        }
        for (int r = 0; r < W; r++)
            if (!(r & D)) {
                const Vector a = v[r], b = v[r + D];
                v[r] = __builtin_shuffle(a, b, low);
                v[r + D] = __builtin_shuffle(a, b, high);
            }
    }
    inline __attribute__((always_inline)) void turn(const int32_t* units, int k)
    {
        constexpr int whole = N % W > 1 ? WIDTH : N / W * W;
        for (int c = 0; c < whole; c += W) {
            Vector v[W];
            for (int l = 0; l < W; l++) v[l] = *(const Vector*)(table[units[l]] + c);
            exchange<1>(v);
            exchange<2>(v);
            if (W == 8) exchange<W / 2>(v);
            for (int l = 0; l < W && c + l < N; l++) std::memcpy(found[c + l] + k, &v[l], sizeof v[l]);
        }
        for (int c = whole; c < N; c++)
            for (int l = 0; l < W; l++) found[c][k + l] = source[c][units[l]];
    }
#else
    void turn(const int32_t* units, int k)
    {
        for (int c = 0; c < N; c++)
            for (int l = 0; l < W; l++) found[c][k + l] = source[c][units[l]];
    }
#endif
};

} // namespace superspike

#endif
