{# The queue holds presynaptic units instead of synapses #}
{# USES_VARIABLES { _n_sources, _n_targets, delay, _source_dt } #}
{% extends 'common_group.cpp' %}

{% block before_code %}
    const int n_sources = {{constant_or_scalar('_n_sources', variables['_n_sources'])}};
    const int n_targets = {{constant_or_scalar('_n_targets', variables['_n_targets'])}};
    std::vector<int32_t> units(n_sources);
    for (int j = 0; j < n_sources; j++) units[j] = j;
    {{owner.name}}.prepare(n_sources, n_targets, {{get_array_name(variables['delay'])}}, 1, units.data(), n_sources, {{_source_dt}});
{% endblock %}

{% block extra_headers %}
#include "superspike.h"
{% endblock %}

{% block maincode %}
    {% set _eventspace = get_array_name(eventspace_variable) %}
    superspike::push_spikes({{owner.name}}, {{_eventspace}}, {{_eventspace}}[_num{{eventspace_variable.name}}-1]);
{% endblock %}
