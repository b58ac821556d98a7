{# Brian2's own statements in a loop over rows: one array of indices, read in order #}
{# USES_VARIABLES { N_pre, _row_start, _synaptic_post } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    const size_t _n_pre = {{constant_or_scalar('N_pre', variables['N_pre'])}};
    const int32_t* __restrict _start = {{get_array_name(variables['_row_start'])}};
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    for (size_t _presynaptic_idx = 0; _presynaptic_idx < _n_pre; _presynaptic_idx++)
        #pragma GCC ivdep
        for (size_t _idx = _start[_presynaptic_idx]; _idx < (size_t)_start[_presynaptic_idx + 1]; _idx++)
        {
            const size_t _postsynaptic_idx = {{_synaptic_post}}[_idx];
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
{% endblock %}
