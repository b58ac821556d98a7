{# What a spike does, for all postsynaptic units in a vectorised loop without index arrays #}
{# USES_VARIABLES { N_pre, N_post } #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
#include "columns.h"
#include "synapses_classes.h"
{% endblock %}

{% block maincode %}
    const std::vector<int>& _units = *{{pathway.name}}.queue[0]->peek();
    const size_t _n_pre = {{constant_or_scalar('N_pre', variables['N_pre'])}};
    const size_t _n_post = {{constant_or_scalar('N_post', variables['N_post'])}};
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    {% set in_columns = columns() if post_major else {} %}
    {% for name, columns_of in in_columns.items() %}
    static auto& _columns_of_{{name}} = {{columns_of}};
    {% endfor %}
    for (const int _presynaptic_idx : _units)
    {
        {% for name in in_columns %}
        const auto* __restrict _column_{{name}} = _columns_of_{{name}}.of({{get_array_name(variables[name])}}, _n_post, _n_pre, _presynaptic_idx);
        {% endfor %}
        #pragma GCC ivdep
        for (size_t _postsynaptic_idx = 0; _postsynaptic_idx < _n_post; _postsynaptic_idx++)
        {
            {% if post_major %}
            const size_t _vectorisation_idx = _postsynaptic_idx * _n_pre + _presynaptic_idx;
            {% else %}
            const size_t _vectorisation_idx = _presynaptic_idx * _n_post + _postsynaptic_idx;
            {% endif %}
            {% for name in in_columns %}
            const auto* __restrict {{get_array_name(variables[name])}} = _column_{{name}};
            {% endfor %}
            const size_t _idx = {{'_postsynaptic_idx' if in_columns else '_vectorisation_idx'}};
            {{vector_code|autoindent}}
        }
    }
{% endblock %}

{% block extra_functions_cpp %}
{% if post_major and columns() %}
void _renew_{{codeobj_name}}()
{
    {% for columns_of in columns().values() %}
    {{columns_of}}.renew();
    {% endfor %}
}
{% endif %}
{% endblock %}

{% block extra_functions_h %}
{% if post_major and columns() %}
void _renew_{{codeobj_name}}();
{% endif %}
{% endblock %}
