{# Brian2's own statements, row by row #}
{# USES_VARIABLES { _row, _synaptic_post, N_pre } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    const int _n_pre = {{constant_or_scalar('N_pre', variables['N_pre'])}};
    const int32_t* __restrict _posts = {{get_array_name(variables['_synaptic_post'])}};
    const int32_t* __restrict _rows = {{get_array_name(variables['_row'])}};
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    for (int _presynaptic_idx = 0; _presynaptic_idx < _n_pre; _presynaptic_idx++)
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
