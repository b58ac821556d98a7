{# Records leave the program as they fill: a long window takes no memory here, and no allocation at every step #}
{# USES_VARIABLES { _clock_t, _indices } #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
#include "superspike.h"
namespace {
constexpr size_t _STEPS = 4096;
size_t _recorded = 0; // steps
std::vector<double> _times;
{% for varname, var in _recorded_variables | dictsort %}
std::vector<{{c_data_type(var.dtype)}}> _rows_{{varname}};
{% endfor %}
}
{% endblock %}

{% block maincode %}
    if (_recorded == _STEPS) _save_{{codeobj_name}}();
    if (_times.empty()) {
        _times.resize(_STEPS);
        {% for varname, _ in _recorded_variables | dictsort %}
        _rows_{{varname}}.resize(_STEPS * _num_indices);
        {% endfor %}
    }
    _times[_recorded] = {{_clock_t}};
    {% for varname, var in _recorded_variables | dictsort %}
    {{c_data_type(var.dtype)}}* __restrict _row_{{varname}} = &_rows_{{varname}}[_recorded * _num_indices];
    {% endfor %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    for (int _i = 0; _i < (int)_num_indices; _i++)
    {
        const size_t _idx = {{_indices}}[_i];
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
        {% for varname, _ in _recorded_variables | dictsort %}
        _row_{{varname}}[_i] = _to_record_{{varname}};
        {% endfor %}
    }
    _recorded++;
{% endblock %}

{% block extra_functions_cpp %}
void _save_{{codeobj_name}}()
{
    superspike::Archive::put("{{owner.name}}.t", _times.data(), _recorded * sizeof(double));
    {% for varname, var in _recorded_variables | dictsort %}
    superspike::Archive::put("{{owner.name}}.{{varname}}", _rows_{{varname}}.data(), _recorded * {{owner.n_indices}} * sizeof({{c_data_type(var.dtype)}}));
    {% endfor %}
    _recorded = 0;
}
{% endblock %}

{% block extra_functions_h %}
void _save_{{codeobj_name}}();
{% endblock %}
