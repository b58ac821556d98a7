// In a file of its own: compiled once, so that a draw has the same bits wherever it is called.
#include "random_numbers.h"
#include "superspike.h"

namespace superspike {

uint64_t random_key[2] = {};

double rand(uint64_t site, int64_t step, int64_t unit, double largest)
{
    return rand(random_key, site, step, unit, largest);
}

double randn(uint64_t site, int64_t step, int64_t unit) { return randn(random_key, site, step, unit); }

int32_t poisson(uint64_t site, int64_t step, int64_t unit, double mean)
try {
    return poisson(random_key, site, step, unit, mean);
} catch (const std::domain_error& error) {
    fail(error.what());
    return 0;
}

} // namespace superspike
