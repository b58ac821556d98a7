{# The recorded steps as one backward sweep over postsynaptic units (superspike_brian/codegen/sweep.py) #}
{% extends 'kernel_lagging.cpp' %}

{% block buffers %}
constexpr int NI = superspike::padded(n_post), NY = {{sweep.inputs|length}}, NS = {{sweep.plan.states|length}};
alignas(64) T factor[{{sweep.plan.factors|length or 1}}][CHUNK][NI];
{% if sweep.events %}
alignas(64) T initial[NY][NJ], last[NY][NJ], jump[NY][NJ];
superspike::Events<T, NY> events;
superspike::Rows<T, NJ, NS * NI> rows;
{% else %}
superspike::Product<T, NJ, NI, CHUNK> product[{{sweep.driven|length or 1}}];
superspike::Sources<T, NJ, CHUNK> source[{{sweep.plan.sources|length or 1}}];
{% endif %}
{% endblock %}

{% block record %}
    for (int i = 0; i < n_post; i++)
    {
        {% for name in post_reads %}
        const auto {{name}} = {{get_array_name(variables[name])}}[i];
        {% endfor %}
        {% for expression in sweep.plan.factors %}
        factor[{{loop.index0}}][pending][i] = {{render(text(expression))}};
        {% endfor %}
    }
    {% if sweep.events %}
    // a jump is what the filter's own step does not explain
    int jumps = 0;
    if (pending == 0) {
        {% for name in sweep.inputs %}
        std::copy_n({{get_array_name(variables[name])}}, NJ, initial[{{loop.index0}}]);
        {% endfor %}
    } else {
        const T eps = 16 * std::numeric_limits<T>::epsilon(), tiny = 16 * std::numeric_limits<T>::min();
        #pragma GCC ivdep
        for (int j = 0; j < NJ; j++)
        {
            {% for name in sweep.inputs %}
            const T r{{loop.index0}} = {{get_array_name(variables[name])}}[j] - ({{sweep.predicted(loop.index0)}});
            const bool b{{loop.index0}} = std::abs(r{{loop.index0}}) > eps * ({{sweep.scale(loop.index0)}}) + tiny;
            jump[{{loop.index0}}][j] = b{{loop.index0}} ? r{{loop.index0}} : 0;
            jumps += b{{loop.index0}};
            {% endfor %}
        }
    }
    {% for name in sweep.inputs %}
    std::copy_n({{get_array_name(variables[name])}}, NJ, last[{{loop.index0}}]);
    {% endfor %}
    if (jumps) events.add(pending, NJ, jump);
    {% else %}
    for (int j = 0; j < NJ; j++)
    {
        {% for name in pre_reads %}
        const auto {{name}} = {{get_array_name(variables[name])}}[j];
        {% endfor %}
        {% for kind, expression in sweep.plan.sources if kind == "pre" %}
        source[{{sweep.plan.sources.index((kind, expression))}}].set(pending, j, {{render(text(expression))}});
        {% endfor %}
    }
    {% endif %}
{% endblock %}

{% block catch_up %}
    {% for name in uniform_reads %}
    const T {{name}} = {{get_array_name(variables[name])}}[0];
    {% endfor %}
    {% for line in sweep.declare(render) %}
    {{line}}
    {% endfor %}
    {% if sweep.events %}
    rows.clear();
    auto event = events.list.rbegin();
    {% else %}
    T* h[{{sweep.driven|length or 1}}];
    {% for _ in sweep.driven %}
    h[{{loop.index0}}] = product[{{loop.index0}}].h;
    {% endfor %}
    {% endif %}
    for (int t = pending - 1; t >= 0; t--)
    {
        {% for _ in sweep.plan.factors %}
        const T* __restrict f{{loop.index0}} = factor[{{loop.index0}}][t];
        {% endfor %}
        #pragma GCC ivdep
        for (int i = 0; i < NI; i++)
        {
            {% if not sweep.events %}
            const int at = superspike::Product<T, NJ, NI, CHUNK>::at(t, i);
            {% endif %}
            {% for line in sweep.unit_step() %}
            {{line}}
            {% endfor %}
        }
        {% for line in sweep.uniform_step() %}
        {{line}}
        {% endfor %}
        {% if sweep.events %}
        for (; event != events.list.rend() && event->step == t; ++event)
        {
            T* __restrict row = rows.of(event->unit);
            {% for a, c in sweep.g %}
            if (event->jump[{{c}}] != 0)
                for (int i = 0; i < NI; i++) row[{{a}} * NI + i] += event->jump[{{c}}] * g_{{a}}_{{c}}[i];
            {% endfor %}
        }
        {% endif %}
    }
    for (int j = 0; j < NJ; j++)
    {
        {% for name in sweep.plan.states %}
        {{c_data_type(variables[name].dtype)}}* __restrict s_{{loop.index0}} = {{get_array_name(variables[name])}} + (size_t)j * n_post;
        {% endfor %}
        {% for name in own_reads %}
        const {{c_data_type(variables[name].dtype)}}* __restrict o_{{name}} = {{get_array_name(variables[name])}} + (size_t)j * n_post;
        {% endfor %}
        {% for _ in sweep.inputs %}
        const T y_{{loop.index0}} = initial[{{loop.index0}}][j];
        {% endfor %}
        {% if sweep.events %}
        const T* __restrict row = rows.read(j);
        {% endif %}
        #pragma GCC ivdep
        for (int i = 0; i < n_post; i++)
        {
            {% for name in own_reads %}
            const T {{name}} = o_{{name}}[i];
            {% endfor %}
            {% for _ in sweep.plan.states %}
            const T x_{{loop.index0}} = s_{{loop.index0}}[i];
            {% endfor %}
            {% for _ in sweep.plan.states %}
            s_{{loop.index0}}[i] = {{sweep.finish(loop.index0, render)}}{% if sweep.events %} + row[{{loop.index0}} * NI + i]{% endif %};
            {% endfor %}
        }
    }
    {% if sweep.events %}
    events.list.clear();
    {% else %}
    {% for a, r in sweep.driven %}
    product[{{loop.index0}}].add(source[{{r}}], pending, {{get_array_name(variables[sweep.plan.states[a]])}}, n_post);
    {% endfor %}
    {% endif %}
{% endblock %}
