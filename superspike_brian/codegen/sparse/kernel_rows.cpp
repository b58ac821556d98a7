{# The kernel events over the synapses that there are #}
{# USES_VARIABLES { _row_start, _synaptic_post } #}
{% extends 'kernel_sweep.cpp' %}

{% block rows %}
superspike::RaggedRows<_T, _NJ, _Chunk::_NS> _rows;
superspike::Lookup<_T, _Chunk::_NI, {{sweep.per_unit|length or 1}}> _lookup;
{% endblock %}

{% block begin_rows %}
    const int32_t* __restrict _start = {{get_array_name(variables['_row_start'])}};
    _rows.lay_out(_events.list, _pending, _start);
{% endblock %}

{% block add_event %}
            const int _n = _start[_event->unit + 1] - _start[_event->unit];
            const int32_t* __restrict _post = {{_synaptic_post}} + _start[_event->unit];
            _T* __restrict _row = _rows.of(_event->unit);
            {% for c in range(sweep.inputs|length) %}
            if (const _T _jump = _event->jump[{{c}}])
                #pragma GCC ivdep
                for (int k = 0; k < _n; k++)
                {
                    const int i = _post[k];
                    {% for a, c_ in sweep.g if c_ == c %}
                    _row[{{a}} * _n + k] += _jump * _g_{{a}}_{{c}}[i];
                    {% endfor %}
                }
            {% endfor %}
{% endblock %}

{% block finish %}
    {% for name in sweep.per_unit %}
    _lookup.set({{loop.index0}}, {{name}});
    {% endfor %}
    for (int j = 0; j < _NJ; j++)
    {
        const int _n = _start[j + 1] - _start[j];
        _lookup.look_up({{_synaptic_post}} + _start[j], _n);
        {% for name in sweep.per_unit %}
        const _T* __restrict {{name}} = _lookup[{{loop.index0}}];
        {% endfor %}
        {% for name in sweep.plan.states %}
        {{c_data_type(variables[name].dtype)}}* __restrict _s_{{loop.index0}} = {{get_array_name(variables[name])}} + _start[j];
        {% endfor %}
        {% for name in own_reads %}
        const {{c_data_type(variables[name].dtype)}}* __restrict _o_{{name}} = {{get_array_name(variables[name])}} + _start[j];
        {% endfor %}
        {% for _ in sweep.inputs %}
        const _T _y_{{loop.index0}} = _initial[{{loop.index0}}][j];
        {% endfor %}
        const _T* __restrict _row = _rows.read(j);
        #pragma GCC ivdep
        for (int i = 0; i < _n; i++) // the i-th synapse of the row
        {
            {% for name in own_reads %}
            const _T {{name}} = _o_{{name}}[i];
            {% endfor %}
            {% for _ in sweep.plan.states %}
            const _T _x_{{loop.index0}} = _s_{{loop.index0}}[i];
            {% endfor %}
            {% for _ in sweep.plan.states %}
            _s_{{loop.index0}}[i] = {{sweep.finish(loop.index0, render)}} + _row[{{loop.index0}} * _n + i];
            {% endfor %}
        }
    }
{% endblock %}
