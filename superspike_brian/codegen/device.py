"""A C++ standalone device whose program reads its state, runs block after block, and writes its state after each.

``main THREADS EAGER`` reads blocks from stdin (format: ``superspike.h``): first step, number of steps, windows in which probes
record, and any subset of the arrays; what is missing keeps the value that the block before, or the model, gave it. THREADS,
the main one included, share the work of deferred synapses (``workers.h``); with EAGER (0 or 1) even that of small layers.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from brian2 import Group, Network, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, Synapses, all_devices

from . import layouts
from .brian2_api import (
    ArrayVariable,
    CPPStandaloneCodeObject,
    CPPStandaloneDevice,
    CythonCodeObject,
    DynamicArrayVariable,
    RuntimeDevice,
    Variable,
    pathways_of,
)
from .calls import Calls
from .probed import EVERY, ProbedSynapses
from .random_numbers import SeededCythonCodeObject, seeded
from .uses import ObservedGenerator, Uses

NAME, RUNTIME = "superspike_program", "superspike_runtime"
HEADERS = sorted(Path(__file__).parent.glob("*.h"))
SOURCE = Path(__file__).with_name("random_numbers.cpp")
_WRITES_ARRAYS = re.compile(r"(^void _write_arrays\(\)\n\{).*?(^\}$)", re.M | re.S)
RANDOM = "random.key"  # entry of the state, see `superspike_brian.codegen.random_numbers`
# set by the network's structure, or rewritten at every step before anyone reads it
_FIXED = {
    "N",
    "i",
    "j",
    "_synaptic_pre",
    "_synaptic_post",
    "_row_start",
    "_presynaptic_idx",
    "_postsynaptic_idx",
    "N_incoming",
    "N_outgoing",
    "delay",
    "_spikespace",
    "t",
    "dt",
}
_PATTERN = ("_timebins", "neuron_index", "_period_bins", "_lastindex")


class StateCodeObject(CPPStandaloneCodeObject):
    """Brian2's standalone code object with this package's templates."""

    templater = CPPStandaloneCodeObject.templater.derive("superspike_brian.codegen")
    generator_class, class_name = ObservedGenerator, "superspike_program"


class SeededDevice:
    """What makes the random numbers of any device those of the run's seed."""

    def code_object(
        self,
        owner: Any,
        name: str,
        abstract_code: Mapping[str, str],
        variables: Mapping[str, Variable],
        template_name: str,
        variable_indices: Mapping[str, str],
        **kwds: Any,
    ) -> Any:
        """As Brian2, with other random functions."""
        code, variables = seeded(owner, name, template_name, abstract_code, variables)
        device: Any = super()  # one of Brian2's, with which it is combined
        chosen = device.code_object_class(kwds.get("codeobj_class"))
        if chosen is CythonCodeObject:
            kwds["codeobj_class"] = SeededCythonCodeObject
        return device.code_object(owner, name, code, variables, template_name, variable_indices, **kwds)


class SeededRuntimeDevice(SeededDevice, RuntimeDevice):
    """Brian2's runtime device with seeded random functions. A network may have objects of both: they share their arrays."""

    def __init__(self) -> None:
        super().__init__()
        self.arrays = all_devices["runtime"].arrays


class ObservedDevice(CPPStandaloneDevice):
    """Brian2's standalone device; it learns which arrays each piece of code uses, so that the kernels can be told."""

    main_queue: list[tuple[str, Any]]  # Brian2's: what the program does
    usual_class: type  # of code objects, unless a group or a kernel has its own

    def __init__(self) -> None:
        super().__init__()
        self.uses: defaultdict[str, Uses] = defaultdict(Uses)  # by code object

    def code_object_class(self, codeobj_class: type | None = None, fallback_pref: str | None = None) -> type:
        """As Brian2, with another usual one."""
        return self.usual_class if codeobj_class is None else codeobj_class

    def code_object(
        self,
        owner: Any,
        name: str,
        abstract_code: Mapping[str, str],
        variables: Mapping[str, Variable],
        template_name: str,
        variable_indices: Mapping[str, str],
        **kwds: Any,
    ) -> Any:
        """As Brian2; remembers what the code uses."""
        layouts.check(owner, kwds.get("codeobj_class"))
        made = super().code_object(owner, name, abstract_code, variables, template_name, variable_indices, **kwds)
        template, given = getattr(made.templater, template_name), kwds.get("template_kwds") or {}
        self.uses[made.name].add_template(template, made.variables, given)
        self.observe(made, template_name, abstract_code, variables, given)
        return made

    def observe(
        self,
        made: Any,
        template_name: str,
        code: Mapping[str, str],
        variables: Mapping[str, Variable],
        given: Mapping[str, Any],
    ) -> None:
        """Note what a device wants to know of a code object, from what it is made of."""

    def last_run(self, net: Network) -> tuple[int, list[str], int]:
        """The run that was generated last: its place in the queue, its lines, and which of them lets the network run."""
        at = max(i for i, (kind, _) in enumerate(self.main_queue) if kind == "run_network")
        _, lines = self.main_queue[at][1]
        return at, lines, next(k for k, line in enumerate(lines) if line.startswith(f"{net.name}.run("))

    def copy_source_files(self, writer: Any, directory: Path | str) -> None:
        """Add this package's headers to Brian2's library files."""
        super().copy_source_files(writer, directory)
        for file in HEADERS:
            (Path(directory) / file.name).write_text(file.read_text())


class StateDevice(SeededDevice, ObservedDevice):
    """Brian2's standalone device, with state in and out; compiling is left to `superspike_brian.engine.compiler`."""

    usual_class = StateCodeObject
    is_probe: Any  # function of an object's name; None before `prepare`

    def prepare(self, is_probe: Callable[[str], bool], every: int = EVERY) -> None:
        """Call it before the run.

        Parameters
        ----------
        is_probe : callable
            Which objects record in probe windows only, by their name.
        every : int
            Steps after which all deferred kernels have been flushed.
        """
        self.is_probe, self.every = is_probe, every
        self.run_args_applied = True  # the archive replaces Brian2's own command line
        self.insert_code("before_start", "superspike::flush_subnormals();")

    def reinit(self) -> None:
        """As Brian2; forgets the network too, whose names would otherwise push those of the next one."""
        super().reinit()
        self.is_probe, self.headers = None, ['"random_numbers.h"']
        self.initial: dict[str, str] = {}  # what a code object sets

    def observe(
        self,
        made: Any,
        template_name: str,
        code: Mapping[str, str],
        variables: Mapping[str, Variable],
        given: Mapping[str, Any],
    ) -> None:
        """Note what sets the value of a variable."""
        if template_name == "group_variable_set_conditional":
            (variable,) = self.uses[made.name].writes
            self.initial[made.name] = f"{made.owner.name}.{variable.name}"

    def network_run(self, net: Network, *args: Any, **kwds: Any) -> None:
        """As Brian2, with start, number of steps and probe windows as inputs of the program."""
        super().network_run(net, *args, **kwds)
        initial = self._take_initial_values()
        at, lines, run = self.last_run(net)
        probes = [o.name for o in net.sorted_objects if self.is_probe(o.name)]
        pathways = [p for s in self._synapses(net) if s.codeobj_class is not None for p in pathways_of(s)]
        step = Calls(self.code_objects.values(), self.uses, pathways, probes, self._copies(net))
        (clock,) = {o.clock.name for o in net.objects if self.is_probe(o.name)}
        calls = step.complete(lines[:run], clock)
        arrays, records = self.state_arrays(net), self.records(net)
        queues = {name: p.name + self._units_of_queue(p.synapses) for name, p in self.spike_queues(net).items()}
        key = f'"{RANDOM}", superspike::random_key, 2'
        block = [f"archive.load({key});"]
        block += [f'archive.load("{name}", {self._cpp(var)});' for name, var in arrays.items()]
        block += self._lay_rows(net)
        block += [f'archive.load_queue("{name}", {pathway});' for name, pathway in queues.items()]
        block += ["archive.loaded();", *self._prepare_queues(net), *initial, "probe.begin(archive.probe);"]
        block += step.at_start()
        block += [f"{net.name}.run(archive.start, archive.n_steps);"]
        block += step.at_end()
        block += [f"archive.save({key});"]
        block += [f'archive.save("{name}", {self._cpp(var)});' for name, var in arrays.items()]
        block += [f'archive.save_queue("{name}", {pathway});' for name, pathway in queues.items()]
        block += [f"_save_{o.codeobj.name}();" for o in net.objects if isinstance(o, StateMonitor)]
        spikes = {k: self.get_array_name(v, False) for k, v in records.items() if isinstance(v.owner, SpikeMonitor)}
        block += [f'archive.save("{name}", {array});' for name, array in spikes.items()]
        block += ["archive.saved();", *(f"{array}.clear();" for array in spikes.values())]
        probe = f"static superspike::Probe<{self.every}> probe;"
        # the stream holds everything: Brian2's own dump of all arrays to disk would double the work
        start = 'superspike::workers().start(std::stoi(args.at(0)) - 1, args.at(1) == "1");'
        dynamic = [self._cpp(var) for var in arrays.values() if isinstance(var, DynamicArrayVariable)]
        loop = [
            start,
            *(f"superspike::move_to_large_pages({name});" for name in dynamic),
            "superspike::Archive archive;",
            "while (archive.next_block()) {",
            *block,
            "}",
            "return 0;",
        ]
        self.main_queue[at] = ("run_network", (net, [probe, *self._index_arrays(net), *calls, *loop]))

    def _take_initial_values(self):
        """Take what sets initial values out of the program's beginning, where seed and parameters are not known yet."""
        taken = [e for e in self.main_queue if e[0] == "run_code_object" and e[1][0].name in self.initial]
        self.main_queue = [e for e in self.main_queue if e not in taken]
        names = [code_object.name for _, (code_object,) in taken]
        return [f'if (archive.lacks("{self.initial[n]}")) _run_{n}();' for n in names]

    @staticmethod
    def state_arrays(net: Network) -> dict[str, Variable]:
        """Arrays that a run reads or changes: dict of ``group.variable`` to Variable."""
        found = {}
        for group in sorted((o for o in net.objects if isinstance(o, Group)), key=lambda g: g.name):
            for name, var in sorted(group.variables.items()):
                mine = isinstance(var, ArrayVariable) and var.owner is not None and var.owner.name == group.name
                wanted = name in _PATTERN if isinstance(group, SpikeGeneratorGroup) else name not in _FIXED
                if mine and wanted and not isinstance(group, SpikeMonitor | StateMonitor | ProbedSynapses):
                    found[f"{group.name}.{name}"] = var
            found |= layouts.inputs_of(group)
        return found

    @staticmethod
    def _synapses(net):
        return [o for o in net.objects if isinstance(o, Synapses)]

    @classmethod
    def spike_queues(cls, net: Network) -> dict[str, Any]:
        """Spikes in flight: dict of record name to the pathway."""
        pathways = [p for s in cls._synapses(net) for p in pathways_of(s)]
        return {f"{p.name}.queue": p for p in sorted(pathways, key=lambda p: p.name)}

    @staticmethod
    def records(net: Network) -> dict[str, Variable]:
        """What monitors recorded: dict of ``monitor.variable`` to Variable."""
        found: dict[str, Variable] = {}
        for monitor in sorted(
            (o for o in net.objects if isinstance(o, SpikeMonitor | StateMonitor)), key=lambda m: m.name
        ):
            names = (
                sorted(monitor.record_variables)
                if isinstance(monitor, SpikeMonitor)
                else ("t", *monitor.record_variables)
            )
            found |= {f"{monitor.name}.{name}": monitor.variables[name] for name in names}
        return found

    def _index_arrays(self, net):
        """Fill the index arrays of synapses created without them where some code reads them (a monitor of z_pre)."""
        made = (c for c in self.code_objects.values() if c.template_name != "synapses_create_array")
        read = set().union(*(self.uses[c.name].reads for c in made))
        for group in net.objects:
            if isinstance(group, Synapses) and (strides := _strides(group)):
                ends = [group.variables[f"_synaptic_{end}"] for end in ("pre", "post")]
                names = [self.get_array_name(end, False) for end in ends]
                if read.intersection(ends):
                    yield f"superspike::connect_all({', '.join(names)}, {len(group.source)}{strides});"

    def _in_rows(self, net):
        """Synapses in rows, by name, with their layout and a function from the name of a variable to that of its array."""
        for group in sorted(self._synapses(net), key=lambda s: s.name):
            if isinstance(layout := layouts.layout_of(group), layouts.Rows):
                yield group, layout, lambda name, g=group: self.get_array_name(g.variables[name], False)

    def _lay_rows(self, net):
        """Lines that let follow what follows from the pairs of units that synapses connect."""
        for group, layout, array in self._in_rows(net):
            ends = [array("_synaptic_pre"), array("_synaptic_post")]
            lacks = " || ".join(f'archive.lacks("{group.name}._synaptic_{end}")' for end in ("pre", "post"))
            yield f'if ({lacks}) superspike::fail("the state does not say which units {group.name} connects");'
            derived = ", ".join(map(array, ("_row_start", "N_outgoing", "N_incoming")))
            sizes = f"{layout.n}, {layout.n_pre}, {layout.n_post}, {str(layout.ascending).lower()}"
            yield f'superspike::lay_rows("{group.name}", {", ".join(ends)}, {sizes}, {derived});'
        for group in net.objects:
            if isinstance(group, ProbedSynapses):
                yield from group.follow(lambda v: self.get_array_name(v, False))

    def _prepare_queues(self, net):
        """Lines that prepare queues of synapses in rows, which Brian2 did before units and delays were known."""
        for group, *_ in self._in_rows(net):
            for pathway in pathways_of(group) if group.codeobj_class is None else ():
                delay = self.get_array_name(pathway.variables["delay"], False)
                yield f"superspike::prepare_again({pathway.name}, {delay});"

    def _units_of_queue(self, synapses):
        """Arguments that say which synapses a unit in the queue stands for; nothing where it holds synapses."""
        if synapses.codeobj_class is not None and isinstance(layouts.layout_of(synapses), layouts.Rows):
            names = ("_row_start", "_synaptic_pre")
            return "".join(f", {self.get_array_name(synapses.variables[n], False)}" for n in names)
        return _strides(synapses)

    def _cpp(self, var):
        name = self.get_array_name(var, access_data=False)
        return name if isinstance(var, DynamicArrayVariable) else f"{name}, _num_{name}"

    def _copies(self, net):
        """Copies of probed synapses: dict of the synapses' code object to the copy's and to lines that let it start anew."""
        groups = [o for o in net.objects if isinstance(o, ProbedSynapses) and o.states]
        updaters = {g: (g.synapses.state_updater.codeobj.name, g.state_updater.codeobj.name) for g in groups}
        return {
            name: (copy, list(g.take(lambda v: self.get_array_name(v, False)))) for g, (name, copy) in updaters.items()
        }

    def generate_objects_source(self, writer: Any, *args: Any) -> None:
        """As Brian2, without what writes every array to a file, which takes a compiler long: the state leaves on stdout."""
        super().generate_objects_source(writer, *args)
        file = Path(writer.project_dir) / "objects.cpp"
        file.write_text(_WRITES_ARRAYS.sub(r"\1\2", file.read_text()))

    def generate_main_source(self, writer: Any) -> None:
        """As Brian2, with this package's headers (which include ``superspike.h``)."""
        headers = ['"pages.h"', '"workers.h"', '"rows.h"']
        self.headers += headers
        super().generate_main_source(writer)
        self.headers = [h for h in self.headers if h not in headers]

    def generate_makefile(
        self, writer: Any, compiler: str, compiler_flags: str, linker_flags: str, nb_threads: int, debug: bool
    ) -> None:
        """Keep the flags for the build; no makefile is needed."""
        self.compiler_flags, self.linker_flags = compiler_flags.split(), [*linker_flags.split(), "-pthread"]

    def copy_source_files(self, writer: Any, directory: Path | str) -> None:
        """Add the random numbers, too."""
        super().copy_source_files(writer, directory)
        (Path(directory) / SOURCE.name).write_text(SOURCE.read_text())
        writer.source_files.add(SOURCE.name)


def _strides(synapses):
    """Arguments that say where the synapses of a unit are (units, strides); nothing where index arrays say it."""
    post_major = getattr(synapses.codeobj_class, "post_major", None)
    if post_major is None:
        return ""
    n_pre, n_post = len(synapses.source), len(synapses.target)
    return f", {n_post}, {1 if post_major else n_post}, {n_pre if post_major else 1}"


if NAME not in all_devices:
    all_devices |= {NAME: StateDevice(), RUNTIME: SeededRuntimeDevice()}
