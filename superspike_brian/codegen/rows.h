// Synapses in rows of different lengths, one a presynaptic unit: what follows from their pairs of units, and work space.
#ifndef SUPERSPIKE_ROWS_H
#define SUPERSPIKE_ROWS_H

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>
#include "superspike.h"

namespace superspike {

// where the rows start, from the units that the synapses connect
inline void lay_rows(const std::string& name, const std::vector<int32_t>& pre, const std::vector<int32_t>& post, size_t n, int n_pre,
                     int n_post, int32_t* start, std::vector<int32_t>& outgoing, std::vector<int32_t>& incoming)
{
    if (pre.size() != n || post.size() != n) fail("the state has another number of synapses for " + name);
    outgoing.assign(n_pre, 0);
    incoming.assign(n_post, 0);
    for (size_t s = 0; s < n; s++) {
        const bool within = pre[s] >= 0 && pre[s] < n_pre && post[s] >= 0 && post[s] < n_post;
        if (!within || (s && (pre[s] < pre[s - 1] || (pre[s] == pre[s - 1] && post[s] <= post[s - 1]))))
            fail("synapse " + std::to_string(s) + " of " + name + " connects a pair of units, (" + std::to_string(pre[s]) + ", " +
                 std::to_string(post[s]) + "), that does not exist or does not come after the one before");
        outgoing[pre[s]]++;
        incoming[post[s]]++;
    }
    start[0] = 0;
    for (int j = 0; j < n_pre; j++) start[j + 1] = start[j] + outgoing[j];
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

} // namespace superspike

#endif
