// Threads beside the main one, to which deferred synapses hand a chunk of recorded steps while the network goes on.
//
// The jobs of one group of synapses run one after the other, whoever runs them: the result has the same bits for any number
// of threads. The lock orders the memory of the main thread and of the workers.
#ifndef SUPERSPIKE_WORKERS_H
#define SUPERSPIKE_WORKERS_H

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>
#include "superspike.h"

namespace superspike {

struct Job {
    void (*call)() = nullptr;
    bool pending = false; // guarded by the lock of the workers
};

class Workers {
    std::vector<std::thread> threads;
    std::vector<Job*> queue; // in the order of submission, not yet begun
    std::mutex lock;
    std::condition_variable submitted, finished;
    bool eager = false, ending = false;

    void work()
    {
        flush_subnormals(); // a setting of each thread
        std::unique_lock<std::mutex> hold(lock);
        while (true) {
            submitted.wait(hold, [this] { return ending || !queue.empty(); });
            if (ending) return;
            Job* job = queue.front();
            queue.erase(queue.begin());
            hold.unlock();
            job->call();
            hold.lock();
            job->pending = false;
            finished.notify_one();
        }
    }

public:
    // eager: take jobs that do not pay, too
    void start(int n, bool eager)
    {
        this->eager = eager;
        while (n-- > 0) threads.emplace_back([this] { work(); });
    }
    bool take(bool pays) const { return !threads.empty() && (pays || eager); }

    void submit(Job& job)
    {
        {
            std::lock_guard<std::mutex> hold(lock);
            job.pending = true;
            queue.push_back(&job);
        }
        submitted.notify_one();
    }

    // a job that nobody has begun is done here: the main thread never waits for one that is not running
    void wait(Job& job)
    {
        std::unique_lock<std::mutex> hold(lock);
        const auto at = std::find(queue.begin(), queue.end(), &job);
        if (at != queue.end()) {
            queue.erase(at);
            hold.unlock();
            job.call();
            job.pending = false;
            return;
        }
        finished.wait(hold, [&job] { return !job.pending; });
    }

    ~Workers()
    {
        {
            std::lock_guard<std::mutex> hold(lock);
            ending = true;
        }
        submitted.notify_all();
        for (std::thread& thread : threads) thread.join();
    }
};

inline Workers& workers()
{
    static Workers all; // ends before the arrays that jobs use, which were there first
    return all;
}

} // namespace superspike

#endif
