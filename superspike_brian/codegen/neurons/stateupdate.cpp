{# As Brian2's template, vectorised: no unit reads what the step of another writes, which the compiler cannot tell #}
{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    int _N = {{constant_or_scalar('N', variables['N'])}};
    {% if owner|length >= 16 %}
    asm("" : "+r"(_N)); // hides the number from the compiler, which would round in the last units otherwise than in all others
    #pragma GCC ivdep
    {% endif %}
    for (int _idx = 0; _idx < _N; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
{% endblock %}
