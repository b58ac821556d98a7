{# Brian2's own statements, all recorded steps at a time on each tile of synapses, which stays in the fastest cache #}
{% extends 'kernel_lagging.cpp' %}

{% block buffers %}
static constexpr int _TILE = 64, _TILES = (_n_post + _TILE - 1) / _TILE;
{% for name in pre_reads %}
{{c_data_type(variables[name].dtype)}} _record_{{name}}[_CHUNK][_NJ];
{% endfor %}
{% for name in post_reads %}
{{c_data_type(variables[name].dtype)}} _record_{{name}}[_TILES][_CHUNK][_TILE];
{% endfor %}
{% endblock %}

{% block record %}
    {% for name in pre_reads %}
    std::copy_n({{get_array_name(variables[name])}}, _NJ, _record_{{name}}[_pending]);
    {% endfor %}
    {% for name in post_reads %}
    for (int i = 0; i < _n_post; i++)
        _record_{{name}}[i / _TILE][_pending][i % _TILE] = {{get_array_name(variables[name])}}[i];
    {% endfor %}
{% endblock %}

{% block catch_up %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    for (int _tile = 0; _tile < _TILES; _tile++)
    for (int _presynaptic_idx = 0; _presynaptic_idx < _NJ; _presynaptic_idx++)
    for (int _step = 0; _step < _pending; _step++)
    {
        const int _width = _n_post - _tile * _TILE < _TILE ? _n_post - _tile * _TILE : _TILE;
        const size_t _first = (size_t)_presynaptic_idx * _n_post + _tile * _TILE;
        {% for name in pre_reads %}
        const auto {{name}} = _record_{{name}}[_step][_presynaptic_idx];
        {% endfor %}
        #pragma GCC ivdep
        for (int _postsynaptic_idx = 0; _postsynaptic_idx < _width; _postsynaptic_idx++)
        {
            const size_t _idx = _first + _postsynaptic_idx;
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    }
{% endblock %}
