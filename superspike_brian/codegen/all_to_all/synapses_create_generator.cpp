{# Synapses without index arrays: their order says what they connect #}
{# USES_VARIABLES { N_incoming, N_outgoing, N, N_pre, N_post } #}
{# WRITES_TO_READ_ONLY_VARIABLES { N_incoming, N_outgoing, N } #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    const size_t _n_pre = {{constant_or_scalar('N_pre', variables['N_pre'])}};
    const size_t _n_post = {{constant_or_scalar('N_post', variables['N_post'])}};
    {{_dynamic_N_incoming}}.assign(_n_post, _n_pre);
    {{_dynamic_N_outgoing}}.assign(_n_pre, _n_post);
    {{N}} = _n_pre * _n_post;
    {% for varname in owner._registered_variables | rejectattr('name', 'in', ['_synaptic_pre', '_synaptic_post']) | variables_to_array_names(access_data=False) | sort %}
    {{varname}}.resize({{N}});
    {% endfor %}
{% endblock %}
