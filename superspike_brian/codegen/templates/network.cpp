{% macro cpp_file() %}
#include <algorithm>
#include <cmath>
#include "network.h"
#include "superspike.h"

double Network::_last_run_time = 0.0;
double Network::_last_run_completed_fraction = 0.0;
bool Network::_globally_stopped = false;
bool Network::_globally_running = false;

void Network::clear()
{
    clocks.clear();
    calls.clear();
}

void Network::add(Clock* clock, codeobj_func func)
{
    size_t index = 0;
    while (index < clocks.size() && clocks[index] != clock) index++;
    if (index == clocks.size()) clocks.push_back(clock);
    if (func) calls.push_back({index, func});
}

// As Brian2's loop, without reading the computer's clock or walking through sets at every step, and with little to do in the
// steps of the fastest clock alone: the time between two steps matters for small networks. Numbers of steps say when clocks
// meet, not times: those differ by rounding.
void Network::run(const int64_t start, const int64_t n_steps)
{
    const auto faster = [](const Clock* a, const Clock* b) { return a->dt[0] < b->dt[0]; };
    const double dt = (*std::min_element(clocks.begin(), clocks.end(), faster))->dt[0];
    std::vector<int64_t> every; // steps from one tick of a clock to the next
    std::vector<Clock*> fast;
    for (Clock* clock : clocks) {
        const double ratio = clock->dt[0] / dt;
        every.push_back(std::llround(ratio));
        if (std::fabs(ratio - every.back()) > 1e-5 * every.back()) superspike::fail("an interval is no whole number of time steps");
        if (every.back() == 1) fast.push_back(clock);
        clock->timestep[0] = (start + every.back() - 1) / every.back();
        clock->t[0] = clock->timestep[0] * clock->dt[0];
    }
    std::vector<codeobj_func> often;
    for (const Call& call : calls)
        if (every[call.clock] == 1) often.push_back(call.func);
    std::vector<char> due(clocks.size());
    superspike::Progress progress;
    const int64_t stop = start + n_steps;
    int64_t run_alone = 0;
    for (int64_t step = start; step < stop; step++) {
        int64_t next = stop; // step in which a slower clock ticks
        for (size_t i = 0; i < clocks.size(); i++)
            if (every[i] > 1) next = std::min(next, clocks[i]->timestep[0] * every[i]);
        for (; step < next; step++) {
            t = fast[0]->t[0];
            for (codeobj_func func : often) func();
            for (Clock* clock : fast) clock->tick();
            if (++run_alone % 500 == 0) progress.show(double(step - start) / n_steps);
        }
        if (step == stop) break;
        t = fast[0]->t[0];
        for (size_t i = 0; i < clocks.size(); i++) due[i] = clocks[i]->timestep[0] * every[i] == step;
        for (const Call& call : calls)
            if (due[call.clock]) call.func();
        for (size_t i = 0; i < clocks.size(); i++)
            if (due[i]) clocks[i]->tick();
    }
    t = stop * dt;
}
{% endmacro %}

{% macro h_file() %}
#ifndef _BRIAN_NETWORK_H
#define _BRIAN_NETWORK_H

#include <cstddef>
#include <cstdint>
#include <vector>
#include "brianlib/clocks.h"

typedef void (*codeobj_func)();

class Network
{
    struct Call { size_t clock; codeobj_func func; };
    std::vector<Clock*> clocks;
    std::vector<Call> calls;
public:
    double t = 0.0;
    static double _last_run_time;
    static double _last_run_completed_fraction;
    static bool _globally_stopped;
    static bool _globally_running;

    void clear();
    void add(Clock* clock, codeobj_func func);
    // steps of the fastest clock
    void run(int64_t start, int64_t n_steps);
};

#endif
{% endmacro %}
