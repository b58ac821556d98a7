{# What a spike does, for all postsynaptic units in a vectorised loop without index arrays #}
{# USES_VARIABLES { N_pre, N_post } #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
#include "synapses_classes.h"
{% endblock %}

{% block maincode %}
    const std::vector<int>& _units = *{{pathway.name}}.queue[0]->peek();
    const size_t _n_pre = {{constant_or_scalar('N_pre', variables['N_pre'])}};
    const size_t _n_post = {{constant_or_scalar('N_post', variables['N_post'])}};
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    for (const int _presynaptic_idx : _units)
    {
        #pragma GCC ivdep
        for (size_t _postsynaptic_idx = 0; _postsynaptic_idx < _n_post; _postsynaptic_idx++)
        {
            {% if post_major %}
            const size_t _idx = _postsynaptic_idx * _n_pre + _presynaptic_idx;
            {% else %}
            const size_t _idx = _presynaptic_idx * _n_post + _postsynaptic_idx;
            {% endif %}
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    }
{% endblock %}
