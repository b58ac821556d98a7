{# Brian2's own statements, all recorded steps at a time on each tile of synapses, which stays in the fastest cache #}
{% extends 'kernel_lagging.cpp' %}

{% block buffers %}
constexpr int TILE = 64, TILES = (n_post + TILE - 1) / TILE;
{% for name in pre_reads %}
{{c_data_type(variables[name].dtype)}} _record_{{name}}[CHUNK][NJ];
{% endfor %}
{% for name in post_reads %}
{{c_data_type(variables[name].dtype)}} _record_{{name}}[TILES][CHUNK][TILE];
{% endfor %}
{% endblock %}

{% block record %}
    {% for name in pre_reads %}
    std::copy_n({{get_array_name(variables[name])}}, NJ, _record_{{name}}[pending]);
    {% endfor %}
    {% for name in post_reads %}
    for (int i = 0; i < n_post; i++)
        _record_{{name}}[i / TILE][pending][i % TILE] = {{get_array_name(variables[name])}}[i];
    {% endfor %}
{% endblock %}

{% block catch_up %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    for (int tile = 0; tile < TILES; tile++)
    for (int _presynaptic_idx = 0; _presynaptic_idx < NJ; _presynaptic_idx++)
    for (int step = 0; step < pending; step++)
    {
        const int width = n_post - tile * TILE < TILE ? n_post - tile * TILE : TILE;
        const size_t first = (size_t)_presynaptic_idx * n_post + tile * TILE;
        #pragma GCC ivdep
        for (int _postsynaptic_idx = 0; _postsynaptic_idx < width; _postsynaptic_idx++)
        {
            const size_t _idx = first + _postsynaptic_idx;
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    }
{% endblock %}
