{# Brian2's own statements in a loop over [pre][post]: no index arrays, contiguous loads, vectorised by the compiler #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    for (int _presynaptic_idx = 0; _presynaptic_idx < {{shape[0]}}; _presynaptic_idx++)
    {
        #pragma GCC ivdep
        for (int _postsynaptic_idx = 0; _postsynaptic_idx < {{shape[1]}}; _postsynaptic_idx++)
        {
            const size_t _idx = (size_t)_presynaptic_idx * {{shape[1]}} + _postsynaptic_idx;
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    }
{% endblock %}
