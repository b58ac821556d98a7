// Random numbers that depend on nothing but key, call site, time step and unit, so that neither order nor threads nor an
// interruption changes them. The generator is Philox4x64-10 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as
// easy as 1, 2, 3"); its words are those of numpy.random.Philox(counter=[unit, step, site, attempt], key=key).
#ifndef SUPERSPIKE_RANDOM_NUMBERS_H
#define SUPERSPIKE_RANDOM_NUMBERS_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

namespace superspike {

class Draw {
    const uint64_t key[2], step, site, unit;
    uint64_t word[4];

    static void multiply(uint64_t a, uint64_t b, uint64_t& high, uint64_t& low)
    {
        const unsigned __int128 product = (unsigned __int128)a * b;
        high = product >> 64;
        low = product;
    }

public:
    // a unit of -1 is Brian2's sign for a variable that all units share: its other devices say 1
    Draw(const uint64_t* key, uint64_t site, int64_t step, int64_t unit)
        : key{key[0], key[1]}, step(step), site(site), unit(unit < 0 ? 1 : unit)
    {
    }

    // four words for an attempt
    void attempt(uint64_t number)
    {
        uint64_t c[4] = {unit + 1, step, site, number}, k[2] = {key[0], key[1]}; // NumPy counts before it draws
        for (int round = 0; round < 10; round++) {
            uint64_t high0, low0, high2, low2;
            multiply(0xD2E7470EE14C6C93, c[0], high0, low0);
            multiply(0xCA5A826395121157, c[2], high2, low2);
            c[0] = high2 ^ c[1] ^ k[0];
            c[1] = low2;
            c[2] = high0 ^ c[3] ^ k[1];
            c[3] = low0;
            k[0] += 0x9E3779B97F4A7C15;
            k[1] += 0xBB67AE8584CAA73B;
        }
        std::memcpy(word, c, sizeof word);
    }

    // uniform in (0, 1): never 0 or 1, so that logarithms are finite
    double fraction(int i) const { return ((word[i] >> 12) + 0.5) / (uint64_t(1) << 52); }
};

inline double rand(const uint64_t* key, uint64_t site, int64_t step, int64_t unit, double largest)
{
    Draw draw(key, site, step, unit);
    draw.attempt(0);
    return std::min(draw.fraction(0), largest);
}

// standard normal (Box & Muller 1958)
inline double randn(const uint64_t* key, uint64_t site, int64_t step, int64_t unit)
{
    Draw draw(key, site, step, unit);
    draw.attempt(0);
    return std::sqrt(-2 * std::log(draw.fraction(0))) * std::cos(6.283185307179586 * draw.fraction(1));
}

// whether a mean lies in [0, 2e9]: by its bits, because the compiler may assume that there is no NaN
inline bool is_mean(double mean)
{
    uint64_t bits, largest;
    const double limit = 2e9;
    std::memcpy(&bits, &mean, sizeof bits);
    std::memcpy(&largest, &limit, sizeof largest);
    return bits <= largest || bits == uint64_t(1) << 63;
}

// Poisson: inversion of a small mean, transformed rejection of a large one (PTRS: Hoermann 1993)
inline int32_t poisson(const uint64_t* key, uint64_t site, int64_t step, int64_t unit, double mean)
{
    if (!is_mean(mean)) throw std::domain_error("poisson(" + std::to_string(mean) + "): a mean lies between 0 and 2e9");
    Draw draw(key, site, step, unit);
    draw.attempt(0);
    if (mean < 30) {
        int32_t k = 0;
        double p = std::exp(-mean), sum = p;
        while (draw.fraction(0) > sum && (k < mean || p > 1e-17)) {
            p *= mean / ++k;
            sum += p;
        }
        return k;
    }
    const double b = 0.931 + 2.53 * std::sqrt(mean), a = 0.02483 * b - 0.059;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), squeeze = 0.9277 - 3.6224 / (b - 2);
    for (uint64_t number = 1;; number++) {
        const double u = draw.fraction(0) - 0.5, v = draw.fraction(1), us = 0.5 - std::abs(u);
        const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= squeeze) return k;
        if (k >= 0 && (us >= 0.013 || v <= us) &&
            std::log(v * inverse_alpha / (a / (us * us) + b)) <= k * std::log(mean) - mean - std::lgamma(k + 1))
            return k;
        draw.attempt(number);
    }
}

// the same with the program's own key, a part of its state
extern uint64_t random_key[2];
double rand(uint64_t site, int64_t step, int64_t unit, double largest);
double randn(uint64_t site, int64_t step, int64_t unit);
int32_t poisson(uint64_t site, int64_t step, int64_t unit, double mean);

} // namespace superspike

#endif
