{# The recorded steps as one backward sweep over postsynaptic units (superspike_brian/codegen/sweep.py) #}
{% extends 'kernel_deferred.cpp' %}

{% block buffers %}
static constexpr int _NI = superspike::padded(_n_post), _NY = {{sweep.inputs|length}}, _NS = {{sweep.plan.states|length}};
alignas(64) _T _factor[{{sweep.plan.factors|length or 1}}][_CHUNK][_NI];
{% if sweep.events %}
alignas(64) _T _initial[_NY][_NJ];
superspike::Events<_T, _NY> _events;
{% else %}
superspike::Sources<_T, _NJ, _CHUNK> _source[{{sweep.plan.sources|length or 1}}];
{% endif %}
{% endblock %}

{% block work %}
{% if sweep.events %}
{% block rows %}
superspike::Rows<_T, _NJ, _Chunk::_NS * _Chunk::_NI> _rows;
{% endblock %}
alignas(64) _T _before[_Chunk::_NY][_NJ]; // the filter, before a spike may change it
{% else %}
superspike::Product<_T, _NJ, _Chunk::_NI, _CHUNK> _product[{{sweep.driven|length or 1}}];
{% endif %}
{% endblock %}

{% block record %}
    {% for name in shared_reads %}
    const _T {{name}} = {{get_array_name(variables[name])}}[0];
    {% endfor %}
    for (int i = 0; i < _n_post; i++)
    {
        {% for name in post_reads %}
        const auto {{name}} = {{get_array_name(variables[name])}}[i];
        {% endfor %}
        {% for expression in sweep.plan.factors %}
        _factor[{{loop.index0}}][_pending][i] = {{render(text(expression))}};
        {% endfor %}
    }
    {% if sweep.events %}
    if (_pending == 0) {
        {% for name in sweep.inputs %}
        std::copy_n({{get_array_name(variables[name])}}, _NJ, _initial[{{loop.index0}}]);
        {% endfor %}
    }
    {% else %}
    for (int j = 0; j < _NJ; j++)
    {
        {% for name in pre_reads %}
        const auto {{name}} = {{get_array_name(variables[name])}}[j];
        {% endfor %}
        {% for kind, expression in sweep.plan.sources if kind == "pre" %}
        _source[{{sweep.plan.sources.index((kind, expression))}}].set(_pending, j, {{render(text(expression))}});
        {% endfor %}
    }
    {% endif %}
{% endblock %}

{% block flush %}
    {% for name in shared_reads %}
    const _T {{name}} = {{get_array_name(variables[name])}}[0];
    {% endfor %}
    {% for line in sweep.declare(render) %}
    {{line}}
    {% endfor %}
    {% if sweep.events %}
    {% block begin_rows %}
    _rows.clear();
    {% endblock %}
    auto _event = _events.list.rbegin();
    while (_event != _events.list.rend() && _event->step >= _pending) ++_event; // the next chunk starts from them
    {% else %}
    _T* _h[{{sweep.driven|length or 1}}];
    {% for _ in sweep.driven %}
    _h[{{loop.index0}}] = _product[{{loop.index0}}].h;
    {% endfor %}
    {% endif %}
    for (int t = _pending - 1; t >= 0; t--)
    {
        {% for _ in sweep.plan.factors %}
        const _T* __restrict _f{{loop.index0}} = _factor[{{loop.index0}}][t];
        {% endfor %}
        #pragma GCC ivdep
        for (int i = 0; i < _NI; i++)
        {
            {% if not sweep.events %}
            const int _at = superspike::Product<_T, _NJ, _NI, _CHUNK>::at(t, i);
            {% endif %}
            {% for line in sweep.unit_step() %}
            {{line}}
            {% endfor %}
        }
        {% for line in sweep.shared_step() %}
        {{line}}
        {% endfor %}
        {% if sweep.events %}
        for (; _event != _events.list.rend() && _event->step == t; ++_event)
        {
            {% block add_event %}
            _T* __restrict _row = _rows.of(_event->unit);
            {% for a, c in sweep.g %}
            if (_event->jump[{{c}}] != 0)
                for (int i = 0; i < _NI; i++) _row[{{a}} * _NI + i] += _event->jump[{{c}}] * _g_{{a}}_{{c}}[i];
            {% endfor %}
            {% endblock %}
        }
        {% endif %}
    }
    {% block finish %}
    for (int j = 0; j < _NJ; j++)
    {
        {% for name in sweep.plan.states %}
        {{c_data_type(variables[name].dtype)}}* __restrict _s_{{loop.index0}} = {{get_array_name(variables[name])}} + (size_t)j * _n_post;
        {% endfor %}
        {% for name in own_reads %}
        const {{c_data_type(variables[name].dtype)}}* __restrict _o_{{name}} = {{get_array_name(variables[name])}} + (size_t)j * _n_post;
        {% endfor %}
        {% for _ in sweep.inputs %}
        const _T _y_{{loop.index0}} = _initial[{{loop.index0}}][j];
        {% endfor %}
        {% if sweep.events %}
        const _T* __restrict _row = _rows.read(j);
        {% endif %}
        #pragma GCC ivdep
        for (int i = 0; i < _n_post; i++)
        {
            {% for name in own_reads %}
            const _T {{name}} = _o_{{name}}[i];
            {% endfor %}
            {% for _ in sweep.plan.states %}
            const _T _x_{{loop.index0}} = _s_{{loop.index0}}[i];
            {% endfor %}
            {% for _ in sweep.plan.states %}
            _s_{{loop.index0}}[i] = {{sweep.finish(loop.index0, render)}}{% if sweep.events %} + _row[{{loop.index0}} * _NI + i]{% endif %};
            {% endfor %}
        }
    }
    {% endblock %}
    {% if sweep.events %}
    _events.list.clear();
    {% else %}
    {% for a, r in sweep.driven %}
    _product[{{loop.index0}}].add(_source[{{r}}], _pending, {{get_array_name(variables[sweep.plan.states[a]])}}, _n_post);
    {% endfor %}
    {% endif %}
{% endblock %}

{% block deferred_functions_cpp %}
{% if sweep.events %}
void _before_jump_{{codeobj_name}}()
{
    using namespace brian;
    %CONSTANTS%
    {{pointers_lines|autoindent}}
    {% for name in sweep.inputs %}
    std::copy_n({{get_array_name(variables[name])}}, _NJ, _before[{{loop.index0}}]);
    {% endfor %}
}

namespace {
// stepped: the trace takes its own step before it is read again
void _note_jump(const bool _stepped)
{
    using namespace brian;
    %CONSTANTS%
    {{pointers_lines|autoindent}}
    _Chunk& _chunk = _chunks[_now];
    if (_chunk._pending == 0) return; // the chunk starts from it
    {% for name in sweep.inputs %}
    for (int j = 0; j < _NJ; j++) _before[{{loop.index0}}][j] = {{get_array_name(variables[name])}}[j] - _before[{{loop.index0}}][j];
    {% endfor %}
    if (_stepped)
        for (int j = 0; j < _NJ; j++) {
            {% for line in sweep.step_of_jump() %}
            {{line}}
            {% endfor %}
        }
    _chunk._events.add(_chunk._pending, _before);
}
}

void _after_jump_{{codeobj_name}}() { _note_jump(false); }
void _after_jump_before_step_{{codeobj_name}}() { _note_jump(true); }
{% endif %}
{% endblock %}

{% block deferred_functions_h %}
{% if sweep.events %}
void _before_jump_{{codeobj_name}}();
void _after_jump_{{codeobj_name}}();
void _after_jump_before_step_{{codeobj_name}}();
{% endif %}
{% endblock %}
