{# What a spike does, for the synapses of its unit's row #}
{# USES_VARIABLES { _row_start, _synaptic_post } #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
#include "synapses_classes.h"
{% endblock %}

{% block maincode %}
    const std::vector<int>& _units = *{{pathway.name}}.queue[0]->peek();
    const int32_t* __restrict _start = {{get_array_name(variables['_row_start'])}};
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    for (const int _presynaptic_idx : _units)
    {
        #pragma GCC ivdep
        for (size_t _idx = _start[_presynaptic_idx]; _idx < (size_t)_start[_presynaptic_idx + 1]; _idx++)
        {
            const size_t _postsynaptic_idx = {{_synaptic_post}}[_idx];
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    }
{% endblock %}
