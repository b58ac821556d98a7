{# Brian2's own statements in a loop over [pre][post]: no index arrays, contiguous loads, vectorised by the compiler #}
{# USES_VARIABLES { N_pre, N_post } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    const size_t _n_pre = {{constant_or_scalar('N_pre', variables['N_pre'])}};
    const size_t _n_post = {{constant_or_scalar('N_post', variables['N_post'])}};
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    {% if post_major %}
    for (size_t _postsynaptic_idx = 0; _postsynaptic_idx < _n_post; _postsynaptic_idx++)
        for (size_t _presynaptic_idx = 0; _presynaptic_idx < _n_pre; _presynaptic_idx++)
        {
            const size_t _idx = _postsynaptic_idx * _n_pre + _presynaptic_idx;
    {% else %}
    for (size_t _presynaptic_idx = 0; _presynaptic_idx < _n_pre; _presynaptic_idx++)
        #pragma GCC ivdep
        for (size_t _postsynaptic_idx = 0; _postsynaptic_idx < _n_post; _postsynaptic_idx++)
        {
            const size_t _idx = _presynaptic_idx * _n_post + _postsynaptic_idx;
    {% endif %}
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
{% endblock %}
