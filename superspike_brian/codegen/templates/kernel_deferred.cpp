{# A step only records what the synapses read; flush() takes all recorded steps at once. It may run on another thread
   while the next chunk is recorded. Child templates: buffers (what a chunk records), work (memory of flush), record,
   flush, deferred_functions_cpp and _h. #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
#include "kernels.h"
#include "pages.h"
#include "rows.h"
#include "workers.h"
namespace {
constexpr int _NJ = {{layout.n_pre}}, _n_post = {{layout.n_post}}, _CHUNK = {{chunk}};
typedef {{c_data_type(default_dtype)}} _T;
struct _Chunk {
    int _pending = 0;
    {% block buffers %}{% endblock %}
    void record();
    void flush();
};
_Chunk _chunks[2];
superspike::LargePages _pages(_chunks, sizeof _chunks);
int _now = 0; // the chunk that is being recorded; with one thread it is always the same
superspike::Job _job;
{% block work %}{% endblock %}
}
{% endblock %}

{% block maincode %}
    _Chunk& _chunk = _chunks[_now];
    _chunk.record();
    // chunks end at multiples of CHUNK steps, wherever the run started: blocks of a run give what one run gives
    _chunk._pending++;
    if (({{t_in_timesteps}} + 1) % _CHUNK != 0) return;
    if (!superspike::workers().take({{layout.n}}L >= {{worth_a_thread}})) {
        _chunk.flush();
        return;
    }
    superspike::workers().wait(_job);
    _job.call = _now ? [] { _chunks[1].flush(); } : [] { _chunks[0].flush(); };
    superspike::workers().submit(_job);
    _now = 1 - _now;
{% endblock %}

{% block extra_functions_cpp %}
void _flush_{{codeobj_name}}()
{
    superspike::workers().wait(_job);
    if (_chunks[_now]._pending) _chunks[_now].flush();
}

namespace {
void _Chunk::record()
{
    using namespace brian;
    %CONSTANTS%
    {{pointers_lines|autoindent}}
    {% block record %}{% endblock %}
}

void _Chunk::flush()
{
    using namespace brian;
    %CONSTANTS%
    {{pointers_lines|autoindent}}
    {% block flush %}{% endblock %}
    _pending = 0;
}
}
{% block deferred_functions_cpp %}{% endblock %}
{% endblock %}

{% block extra_functions_h %}
void _flush_{{codeobj_name}}();
{% block deferred_functions_h %}{% endblock %}
{% endblock %}
