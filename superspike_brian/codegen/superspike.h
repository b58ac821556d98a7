// What the generated program needs besides Brian2's own code: state in, state out, progress, no subnormals.
//
// An archive is a sequence of records: name length (uint32), name, byte count (uint64), bytes. It holds every array of the
// simulation's state and the spikes in flight, so that a run goes on from it as if it had never stopped.
#ifndef SUPERSPIKE_H
#define SUPERSPIKE_H

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace superspike {

inline void fail(const std::string& what)
{
    std::fprintf(stderr, "error: %s\n", what.c_str());
    std::exit(3);
}

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

class Archive {
    struct Record { long at; uint64_t size; };
    std::map<std::string, Record> records;
    FILE* in = nullptr;
    FILE* out = nullptr;
    std::string source;

public:
    // where the records are; loading reads them to their place, so that nothing is in memory twice
    void read(const std::string& path)
    {
        source = path;
        in = std::fopen(path.c_str(), "rb");
        if (!in) fail("cannot open " + path);
        std::fseek(in, 0, SEEK_END);
        const long end = std::ftell(in);
        std::rewind(in);
        uint32_t length;
        while (std::fread(&length, sizeof length, 1, in) == 1) {
            std::string name(length, ' ');
            Record record;
            if (std::fread(&name[0], 1, length, in) != length || std::fread(&record.size, sizeof record.size, 1, in) != 1)
                fail(path + " is cut short");
            record.at = std::ftell(in);
            if (record.size > uint64_t(end - record.at)) fail(path + " is cut short");
            std::fseek(in, record.size, SEEK_CUR);
            records[name] = record;
        }
    }

    void get(const Record& record, void* data)
    {
        std::fseek(in, record.at, SEEK_SET);
        if (record.size && std::fread(data, 1, record.size, in) != record.size) fail(source + " is cut short");
    }

    void open(const std::string& path)
    {
        out = std::fopen(path.c_str(), "wb");
        if (!out) fail("cannot write " + path);
    }

    void close()
    {
        if (std::fclose(out) != 0) fail("cannot write the state: is the disk full?");
    }

    void put(const std::string& name, const void* data, uint64_t size)
    {
        uint32_t length = name.size();
        bool good = std::fwrite(&length, sizeof length, 1, out) == 1 && std::fwrite(name.data(), 1, length, out) == length &&
                    std::fwrite(&size, sizeof size, 1, out) == 1 && std::fwrite(data, 1, size, out) == size;
        if (!good) fail("cannot write the state: is the disk full?");
    }

    // arrays of fixed size
    template <class T> void load(const std::string& name, T* data, size_t n)
    {
        auto found = records.find(name);
        if (found == records.end()) return;
        if (found->second.size != n * sizeof(T)) fail("the state has another size for " + name);
        get(found->second, data);
    }
    template <class T> void save(const std::string& name, const T* data, size_t n) { put(name, data, n * sizeof(T)); }

    // dynamic arrays take the size that the state has
    template <class T> void load(const std::string& name, std::vector<T>& data)
    {
        auto found = records.find(name);
        if (found == records.end()) return;
        data.resize(found->second.size / sizeof(T));
        get(found->second, data.data());
    }
    template <class T> void save(const std::string& name, const std::vector<T>& data)
    {
        put(name, data.data(), data.size() * sizeof(T));
    }

    // records of state monitors, row by row
    template <class Array2D> void save_rows(const std::string& name, Array2D& array)
    {
        using T = typename std::decay<decltype(array(0, 0))>::type;
        std::vector<T> rows;
        for (int i = 0; i < (int)array.n; i++)
            for (int j = 0; j < (int)array.m; j++) rows.push_back(array(i, j));
        save(name, rows);
    }

    // Spikes in flight: for each delay from now on, their number and their synapses. A queue of presynaptic units stands for
    // n_post synapses a unit: synapse unit*pre + i*post for the i-th postsynaptic unit.
    template <class Pathway> void save_queue(const std::string& name, Pathway& pathway, int n_post = 1, int pre = 1, int post = 1)
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
    template <class Pathway> void load_queue(const std::string& name, Pathway& pathway, int n_post = 1, int pre = 1, int = 1)
    {
        std::vector<int32_t> flat;
        load(name, flat);
        std::vector<std::vector<int32_t>> slots;
        for (size_t at = 0; at < flat.size(); at += flat[at] + 1) {
            slots.emplace_back();
            for (int s = 0; s < flat[at]; s += n_post) slots.back().push_back(flat[at + 1 + s] / pre);
        }
        if (!slots.empty()) pathway.queue[0]->_restore_from_full_state(std::make_pair(0, slots));
    }
};

// index arrays of synapses that connect all to all
inline void connect_all(std::vector<int32_t>& i, std::vector<int32_t>& j, int n_pre, int n_post, int pre, int post)
{
    i.resize((size_t)n_pre * n_post);
    j.resize((size_t)n_pre * n_post);
    for (int a = 0; a < n_pre; a++)
        for (int b = 0; b < n_post; b++) {
            i[a * pre + b * post] = a;
            j[a * pre + b * post] = b;
        }
}

// one line a fifth of a second; a reader that is gone ends the program, so that no orphan goes on computing
class Progress {
    std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();

public:
    void show(double fraction)
    {
        const auto now = std::chrono::steady_clock::now();
        if (now - last < std::chrono::milliseconds(200)) return;
        last = now;
        if (std::printf("%.6f\n", fraction) < 0 || std::fflush(stdout) != 0) std::exit(4);
    }
};

} // namespace superspike

#endif
