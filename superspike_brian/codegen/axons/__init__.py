"""Code of axons, whose queue of spikes holds presynaptic units instead of synapses: all synapses of a unit share one delay."""

from ..device import StateCodeObject


class OneToOne(StateCodeObject):
    """Synapses from every unit to the one with the same number."""

    class_name = "superspike_axons"
    templater = StateCodeObject.templater.derive("superspike_brian.codegen", templates_dir="axons")


def code_object_class(kernel: str) -> type[OneToOne] | None:
    """Class of the code objects of synapses that connect unit i to unit i; None is Brian2's own."""
    return None if kernel == "stock" else OneToOne
