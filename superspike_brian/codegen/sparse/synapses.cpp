{# What a spike does, for its row of synapses #}
{# USES_VARIABLES { _row, _synaptic_post } #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
#include "synapses_classes.h"
{% endblock %}

{% block maincode %}
    const std::vector<int>& _units = *{{pathway.name}}.queue[0]->peek();
    const int32_t* __restrict _posts = {{get_array_name(variables['_synaptic_post'])}};
    const int32_t* __restrict _rows = {{get_array_name(variables['_row'])}};
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    for (const int _presynaptic_idx : _units)
    {
        const int _end = _rows[_presynaptic_idx + 1];
        #pragma GCC ivdep
        for (int _idx = _rows[_presynaptic_idx]; _idx < _end; _idx++)
        {
            const int _postsynaptic_idx = _posts[_idx];
            const int _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    }
{% endblock %}
