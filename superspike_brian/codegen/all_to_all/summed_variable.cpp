{# A sum over presynaptic units for each postsynaptic one, without index arrays: a matrix times a vector #}
{# USES_VARIABLES { N_pre, N_post } #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    const int _n_pre = {{constant_or_scalar('N_pre', variables['N_pre'])}};
    const int _n_post = {{constant_or_scalar('N_post', variables['N_post'])}};
    auto* __restrict _target = {{get_array_name(_target_var)}};
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    {% if post_major %}
    for (int _postsynaptic_idx = 0; _postsynaptic_idx < _n_post; _postsynaptic_idx++)
    {
        // the order of the sum is that of Brian2's own code, so that its bits are, too
        {{c_data_type(_target_var.dtype)}} _sum = 0;
        for (int _presynaptic_idx = 0; _presynaptic_idx < _n_pre; _presynaptic_idx++)
        {
            const size_t _idx = (size_t)_postsynaptic_idx * _n_pre + _presynaptic_idx;
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            _sum += _synaptic_var;
        }
        _target[_postsynaptic_idx] = _sum;
    }
    {% else %}
    std::fill_n(_target, _n_post, 0);
    for (int _presynaptic_idx = 0; _presynaptic_idx < _n_pre; _presynaptic_idx++)
        #pragma GCC ivdep
        for (int _postsynaptic_idx = 0; _postsynaptic_idx < _n_post; _postsynaptic_idx++)
        {
            const size_t _idx = (size_t)_presynaptic_idx * _n_post + _postsynaptic_idx;
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            _target[_postsynaptic_idx] += _synaptic_var;
        }
    {% endif %}
{% endblock %}
