{# A step only records what the synapses read; catch_up() takes all recorded steps at once.
   Child templates: buffers, record, catch_up. #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
#include "kernels.h"
namespace {
constexpr int _NJ = {{shape[0]}}, _n_post = {{shape[1]}}, _CHUNK = {{chunk}};
typedef {{c_data_type(default_dtype)}} _T;
int _pending = 0;
void catch_up();
{% block buffers %}{% endblock %}
}
{% endblock %}

{% block maincode %}
    {% block record %}{% endblock %}
    // chunks end at multiples of CHUNK steps, wherever the run started: blocks of a run give what one run gives
    _pending++;
    if (({{t_in_timesteps}} + 1) % _CHUNK == 0) catch_up();
{% endblock %}

{% block extra_functions_cpp %}
void _flush_{{codeobj_name}}()
{
    if (_pending) catch_up();
}

namespace {
void catch_up()
{
    using namespace brian;
    %CONSTANTS%
    {{pointers_lines|autoindent}}
    {% block catch_up %}{% endblock %}
    _pending = 0;
}
}
{% endblock %}

{% block extra_functions_h %}
void _flush_{{codeobj_name}}();
{% endblock %}
