{% macro cpp_file() %}
#include <algorithm>
#include <limits>
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
// steps of the fastest clock alone: the time between two steps matters for small networks.
void Network::run(const double duration)
{
    const double t_start = t;
    for (Clock* clock : clocks) clock->set_interval(t_start, t_start + duration);
    for (Clock* clock : clocks) clock->t[0] = clock->timestep[0] * clock->dt[0];
    const auto sooner = [](const Clock* a, const Clock* b) { return a->t[0] < b->t[0]; };
    const auto faster = [](const Clock* a, const Clock* b) { return a->dt[0] < b->dt[0]; };
    const size_t fastest = std::min_element(clocks.begin(), clocks.end(), faster) - clocks.begin();
    Clock& fast = *clocks[fastest];
    std::vector<codeobj_func> often;
    for (const Call& call : calls)
        if (call.clock == fastest) often.push_back(call.func);
    std::vector<char> due(clocks.size());
    superspike::Progress progress;
    long steps = 0;
    while (true) {
        Clock& first = **std::min_element(clocks.begin(), clocks.end(), sooner);
        if (!first.running()) break;
        t = first.t[0];
        const double tolerance = 1e-9 * first.dt[0];
        for (size_t i = 0; i < clocks.size(); i++) due[i] = clocks[i]->t[0] - t <= tolerance;
        for (const Call& call : calls)
            if (due[call.clock]) call.func();
        double next = std::numeric_limits<double>::infinity(); // when another clock than the fastest one is due
        for (size_t i = 0; i < clocks.size(); i++) {
            if (due[i]) clocks[i]->tick();
            if (i != fastest) next = std::min(next, clocks[i]->t[0]);
        }
        while (fast.running() && next - fast.t[0] > 1e-9 * fast.dt[0]) {
            t = fast.t[0];
            for (codeobj_func func : often) func();
            fast.tick();
            if (++steps % 500 == 0) progress.show((t - t_start) / duration);
        }
    }
    t = t_start + duration;
}
{% endmacro %}

{% macro h_file() %}
#ifndef _BRIAN_NETWORK_H
#define _BRIAN_NETWORK_H

#include <cstddef>
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
    void run(const double duration);
};

#endif
{% endmacro %}
