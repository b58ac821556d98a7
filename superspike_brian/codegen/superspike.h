// What the generated program needs besides Brian2's own code: state in, state out, progress, no subnormals.
//
// Both directions are sequences of records: name length (uint32), name, byte count (uint64), bytes. In: for each block a
// record "block" (first step, number of steps; of each probe window the first step and the one after the last; int64), the
// arrays that change, in the program's order, and an empty record "run". Out: records "progress" (completed fraction of the
// block) and what state monitors recorded, piece by piece; then every array of the state, the spikes in flight, what else was
// recorded, the largest memory so far, and an empty record "end". A run goes on from a state as if it had never stopped.
#ifndef SUPERSPIKE_H
#define SUPERSPIKE_H

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

// not worth the optimiser's time at each of its many calls
#define SUPERSPIKE_COLD __attribute__((noinline, cold))

namespace superspike {

SUPERSPIKE_COLD inline void fail(const std::string& what)
{
    std::fprintf(stderr, "error: %s\n", what.c_str());
    std::exit(3);
}

// The windows of a block in which probes record. Probed synapses of deferred kernels start anew, from what the kernel
// has done, at the window's start and at multiples of EVERY steps, where the kernel has been flushed: from the last one before it.
template <int64_t EVERY> class Probe {
    std::vector<std::pair<int64_t, int64_t>> windows; // from step, to step; in their order, and apart from each other
    size_t next = 0;

public:
    bool recording = false, awake = false, anew = false;

    void begin(const std::vector<int64_t>& edges)
    {
        windows.clear();
        for (size_t k = 0; k + 1 < edges.size(); k += 2) windows.emplace_back(edges[k], edges[k + 1]);
        next = 0;
        recording = awake = anew = false;
    }
    void at(int64_t step)
    {
        while (next < windows.size() && step >= windows[next].second) next++;
        const bool before = awake, open = next < windows.size();
        recording = open && step >= windows[next].first;
        awake = open && step >= windows[next].first / EVERY * EVERY;
        anew = awake && (!before || step % EVERY == 0);
    }
};

// traces that decay for long end in subnormal numbers, which make a step 50 times slower
inline void flush_subnormals()
{
#if defined(__SSE__)
    _mm_setcsr(_mm_getcsr() | 0x8040);
#elif defined(__aarch64__)
    uint64_t fpcr;
    asm volatile("mrs %0, fpcr" : "=r"(fpcr));
    asm volatile("msr fpcr, %0" ::"r"(fpcr | (1 << 24)));
#endif
}

// largest resident memory so far (bytes); 0 where the system does not tell
inline uint64_t peak_memory()
{
    unsigned long long kib = 0;
    if (std::FILE* status = std::fopen("/proc/self/status", "r")) {
        char line[256];
        while (std::fgets(line, sizeof line, status) && std::sscanf(line, "VmHWM: %llu", &kib) != 1) continue;
        std::fclose(status);
    }
    return kib * 1024;
}

// What comes in on stdin and goes out on stdout. Errors go to stderr.
class Archive {
    std::string name;  // of the record at hand, whose bytes are still to be read
    uint64_t size = 0;
    std::set<std::string> given; // names of the records so far
    bool begun = false;

    static void get(void* data, uint64_t n)
    {
        if (n && std::fread(data, 1, n, stdin) != n) fail("the input is cut short");
    }

    SUPERSPIKE_COLD void next()
    {
        uint32_t length;
        get(&length, sizeof length);
        name.assign(length, ' ');
        get(&name[0], length);
        get(&size, sizeof size);
        given.insert(name);
    }

public:
    int64_t start = 0, n_steps = 0;
    std::vector<int64_t> probe; // edges of the probe windows, in steps

    SUPERSPIKE_COLD static void put(const char* name, const void* data, uint64_t size)
    {
        const uint32_t length = std::strlen(name);
        bool good = std::fwrite(&length, sizeof length, 1, stdout) == 1 &&
                    std::fwrite(name, 1, length, stdout) == length &&
                    std::fwrite(&size, sizeof size, 1, stdout) == 1 &&
                    (size == 0 || std::fwrite(data, 1, size, stdout) == size); // an empty array may have no address
        if (!good) fail("nobody reads the state");
    }

    // whether there is another block: its first step, how many it has, then what changes in the state
    bool next_block()
    {
        const int first = std::getc(stdin);
        if (first == EOF) return false;
        std::ungetc(first, stdin);
        next();
        if (name != "block" || size < 2 * sizeof(int64_t)) fail("expected a block, found " + name);
        get(&start, sizeof start);
        get(&n_steps, sizeof n_steps);
        probe.resize(size / sizeof(int64_t) - 2);
        get(probe.data(), probe.size() * sizeof(int64_t));
        next();
        return true;
    }

    void loaded() const
    {
        if (name != "run") fail("the program has no array " + name + ", or not at this place");
    }

    // whether the model says how a variable starts: in the first block, if the state does not
    bool lacks(const char* wanted) const { return !begun && !given.count(wanted); }

    void saved()
    {
        begun = true;
        const uint64_t peak = peak_memory();
        put("peak_memory", &peak, sizeof peak);
        put("end", nullptr, 0);
        if (std::fflush(stdout) != 0) fail("nobody reads the state");
    }

    SUPERSPIKE_COLD void load_bytes(const char* wanted, void* data, uint64_t n)
    {
        if (name != wanted) return;
        if (size != n) fail("the state has another size for " + name);
        get(data, size);
        next();
    }

    // arrays of fixed size
    template <class T> void load(const char* wanted, T* data, size_t n) { load_bytes(wanted, data, n * sizeof(T)); }
    template <class T> void save(const char* name, const T* data, size_t n) { put(name, data, n * sizeof(T)); }

    // dynamic arrays take the size that the state has
    template <class T> void load(const char* wanted, std::vector<T>& data)
    {
        if (name != wanted) return;
        data.resize(size / sizeof(T));
        load_bytes(wanted, data.data(), data.size() * sizeof(T)); // an empty vector has no address to read to
    }
    template <class T> void save(const char* name, const std::vector<T>& data)
    {
        put(name, data.data(), data.size() * sizeof(T));
    }

    // Spikes in flight: for each delay from now on, their number and their synapses. A queue of presynaptic units stands for
    // n_post synapses per unit: synapse unit*pre + i*post for the i-th postsynaptic unit.
    template <class Pathway> void save_queue(const char* name, Pathway& pathway, int n_post = 1, int pre = 1, int post = 1)
    {
        auto state = pathway.queue[0]->_full_state();
        std::vector<int32_t> flat;
        const size_t n = state.second.size();
        for (size_t delay = 0; delay < n; delay++) {
            const auto& spikes = state.second[(state.first + delay) % n];
            flat.push_back(spikes.size() * n_post);
            for (int unit : spikes)
                for (int i = 0; i < n_post; i++) flat.push_back(unit * pre + i * post);
        }
        save(name, flat);
    }
    template <class Pathway> void load_queue(const char* name, Pathway& pathway, int n_post = 1, int pre = 1, int = 1)
    {
        std::vector<int32_t> flat;
        load(name, flat);
        std::vector<std::vector<int32_t>> slots;
        for (size_t at = 0; at < flat.size(); at += flat[at] + 1) {
            slots.emplace_back();
            for (int s = 0; s < flat[at]; s += n_post) slots.back().push_back(flat[at + 1 + s] / pre);
        }
        restore(pathway, slots);
    }

    // A queue of presynaptic units stands for rows of synapses of different lengths: those of unit j start at start[j].
    template <class Pathway> void save_queue(const char* name, Pathway& pathway, const int32_t* start, const std::vector<int32_t>&)
    {
        auto state = pathway.queue[0]->_full_state();
        std::vector<int32_t> flat;
        const size_t n = state.second.size();
        for (size_t delay = 0; delay < n; delay++) {
            const size_t at = flat.size();
            flat.push_back(0);
            for (int unit : state.second[(state.first + delay) % n])
                for (int s = start[unit]; s < start[unit + 1]; s++) flat.push_back(s);
            flat[at] = flat.size() - at - 1;
        }
        save(name, flat);
    }
    template <class Pathway> void load_queue(const char* name, Pathway& pathway, const int32_t* start, const std::vector<int32_t>& pre)
    {
        std::vector<int32_t> flat;
        load(name, flat);
        std::vector<std::vector<int32_t>> slots;
        for (size_t at = 0; at < flat.size(); at += flat[at] + 1) {
            slots.emplace_back();
            for (int s = 0; s < flat[at]; s += start[slots.back().back() + 1] - start[slots.back().back()])
                slots.back().push_back(pre.at(flat[at + 1 + s]));
        }
        restore(pathway, slots);
    }

private:
    template <class Pathway> static void restore(Pathway& pathway, const std::vector<std::vector<int32_t>>& slots)
    {
        if (!slots.empty()) pathway.queue[0]->_restore_from_full_state(std::make_pair(0, slots));
    }
};

// as Brian2's, without a division at every step
template <class Pathway> void push_spikes(Pathway& pathway, int32_t* spikes, int n)
{
    auto& queue = *pathway.queue[0];
    queue.queue[queue.offset].clear();
    if (++queue.offset == (int)queue.queue.size()) queue.offset = 0;
    if (n) queue.push(spikes, n);
}

// index arrays of synapses that connect all to all
inline void connect_all(std::vector<int32_t>& i, std::vector<int32_t>& j, int n_pre, int n_post, int pre, int post)
{
    i.resize((size_t)n_pre * n_post);
    j.resize((size_t)n_pre * n_post);
    for (size_t a = 0; a < (size_t)n_pre; a++)
        for (size_t b = 0; b < (size_t)n_post; b++) {
            i[a * pre + b * post] = a;
            j[a * pre + b * post] = b;
        }
}

// a record every fifth of a second; a reader that is gone ends the program, so that no orphan goes on computing
class Progress {
    std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();

public:
    void show(double fraction)
    {
        const auto now = std::chrono::steady_clock::now();
        if (now - last < std::chrono::milliseconds(200)) return;
        last = now;
        Archive::put("progress", &fraction, sizeof fraction);
        if (std::fflush(stdout) != 0) std::exit(4);
    }
};

} // namespace superspike

#endif
