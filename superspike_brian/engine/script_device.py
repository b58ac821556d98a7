"""The device ``superspike_standalone``: any Brian2 script as C++ standalone, with the fast kernels for its plastic synapses.

Only synapses that are integrated in every time step ("clock-driven") get another code than on ``cpp_standalone``, and of these
such as the script connects all to all or in the order of their presynaptic units. Spikes, delays, monitors, random numbers
and ``run_args`` are Brian2's. Object files are compiled once for all programs, as in `superspike_brian.engine.compiler`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Network, Quantity, Synapses, all_devices, prefs, second

from ..codegen import kernels, layouts
from ..codegen.brian2_api import CPPStandaloneCodeObject, get_local_namespace, pathways_of
from ..codegen.calls import Calls
from ..codegen.device import ObservedDevice
from ..codegen.uses import ObservedGenerator
from ..values.kinds import Choice
from .compiler import compile_program, default_build_dir

NAME = "superspike_standalone"
_SPARSE = 0.1  # of all pairs: a guess of how many a probability or a condition connects, to choose how a kernel works


class ScriptCodeObject(CPPStandaloneCodeObject):
    """Brian2's standalone code object; the device learns what it reads and writes."""

    generator_class, class_name = ObservedGenerator, NAME


class ScriptDevice(ObservedDevice):
    """Brian2's standalone device with the kernels of `superspike_brian.codegen.kernels`.

    ``set_device("superspike_standalone", ...)`` takes Brian2's arguments (``directory``, ``build_on_run``, ...) and two more:

    Parameters
    ----------
    kernel : {'auto', 'stock', 'dense', 'gemm', 'events'}
        How plastic synapses are integrated.
    build_dir : path, optional
        Where compiled object files are kept; default: the user's cache folder.

    Attributes
    ----------
    kernels : dict of str to str
        What integrates each group of plastic synapses, once a run has been generated.
    """

    usual_class = ScriptCodeObject
    array_cache: dict[Any, Any]
    build_on_run: bool

    def __init__(self) -> None:  # Brian2's `reinit` calls it, too
        super().__init__()
        self.kernels: dict[str, str] = {}
        self.connected: dict[str, list[layouts.Layout | None]] = {}  # what each connect of synapses made, by their name

    def activate(
        self, build_on_run: bool = True, *, kernel: str = "auto", build_dir: Path | str | None = None, **kwds: Any
    ) -> None:
        """As Brian2, with two more arguments."""
        self.kernel = Choice("auto", known=("auto", *kernels.KERNELS)).check(kernel, "kernel")
        self.build_dir = Path(build_dir or default_build_dir())
        super().activate(build_on_run=build_on_run, **kwds)

    def observe(
        self,
        made: Any,
        template_name: str,
        code: Mapping[str, str],
        variables: Mapping[str, Any],
        given: Mapping[str, Any],
    ) -> None:
        """Note how synapses are connected."""
        if template_name.startswith("synapses_create_"):
            self.connected.setdefault(made.owner.name, []).append(self._layout(made.owner, code, variables, given))

    def _layout(self, synapses, code, variables, given):
        """Layout of what a connect makes; None where it is not known."""
        n_pre, n_post = len(synapses.source), len(synapses.target)
        if synapses.multisynaptic_index is not None or any(
            "_offset" in g.variables for g in (synapses.source, synapses.target)
        ):
            return None
        if "sources" in variables:
            pre, post = (self.array_cache.get(variables[end]) for end in ("sources", "targets"))
            if pre is None or post is None or (np.diff(pre.astype(np.int64) * n_post + post) <= 0).any():
                return None
            return (
                layouts.AllToAll(n_pre, n_post) if len(pre) == n_pre * n_post else layouts.Rows(n_pre, n_post, len(pre))
            )
        steps = given["iterator_kwds"]
        if given["result_index"] != "j" or given["element"] != given["inner_variable"] or steps["step"] != "1":
            return None
        if code["update"].splitlines()[-1] != "_n = 1":
            return None
        whole = given["iterator_func"] == "range" and (steps["low"], steps["high"]) == ("0", "N_post")
        if whole and given["if_expression"] in (None, "True"):
            return layouts.AllToAll(n_pre, n_post)
        return layouts.Rows(n_pre, n_post, round(_SPARSE * n_pre * n_post))

    def network_run(
        self,
        net: Network,
        duration: Quantity,
        report: Any = None,
        report_period: Quantity = 10 * second,
        namespace: Mapping[str, Any] | None = None,
        profile: bool | None = None,
        level: int = 0,
        **kwds: Any,
    ) -> None:
        """As Brian2; plastic synapses have their kernels."""
        if prefs.devices.cpp_standalone.openmp_threads:
            raise NotImplementedError(
                f"{NAME} has no OpenMP: set prefs.devices.cpp_standalone.openmp_threads = 0, or use cpp_standalone"
            )
        if self.build_on_run and self.has_been_run:
            raise RuntimeError(
                f"{NAME} builds and runs the program with the first run of a script: for several, use "
                f'set_device("{NAME}", build_on_run=False), and device.build() after the last'
            )
        namespace = get_local_namespace(level=level + 2) if namespace is None else namespace
        for synapses in self._synapses(net):
            self._install(synapses, namespace)
        build_on_run, self.build_on_run = self.build_on_run, False  # not before the calls are complete
        try:
            super().network_run(net, duration, report, report_period, namespace, profile, level, **kwds)
            self._complete(net)
        finally:
            self.build_on_run = build_on_run
        if build_on_run:
            self.build(direct_call=False, **self.build_options)

    def _complete(self, net):
        """Let the calls of a run be those of `Calls`."""
        at, lines, run = self.last_run(net)
        called = [c for c in self.code_objects.values() if any(f"_run_{c.name});" in line for line in lines)]
        pathways = [p for s in self._synapses(net) for p in pathways_of(s) if p.codeobj is not None]
        step = Calls(called, self.uses, pathways)
        lines = [*step.complete(lines[:run]), lines[run], *step.at_end(), *lines[run + 1 :]]
        self.main_queue[at] = ("run_network", (net, [*self._checks(net), *lines]))

    @staticmethod
    def _synapses(net):
        """Synapses of a network, those that belong to others included."""
        return sorted((o for o in net.sorted_objects if isinstance(o, Synapses)), key=lambda s: s.name)

    def _install(self, synapses, namespace):
        """Choose the kernel of synapses in their first run; pathways, and what they lack, are Brian2's."""
        if synapses.state_updater is None or synapses.name in self.kernels:
            return
        made = self.connected.get(synapses.name, [])
        layout = made[0] if len(made) == 1 else None
        if layout is not None:
            layouts.mark(synapses, layout)
        if isinstance(layout, layouts.Rows):
            synapses.variables.add_array(
                "_row_start", size=layout.n_pre + 1, dtype=np.int32, constant=True, read_only=True, index="0"
            )
        self.kernels[synapses.name] = kernels.install(synapses, layout, self.kernel, namespace=namespace)

    def _checks(self, net):
        """Lines that make sure that synapses lie as their kernels take for granted."""
        for synapses in self._synapses(net):
            if self.kernels.get(synapses.name, "stock") == "stock":
                continue
            layout: Any = layouts.layout_of(synapses)
            pre, post, *derived = (
                self.get_array_name(synapses.variables[n], access_data=False)
                for n in ("_synaptic_pre", "_synaptic_post", "N_outgoing", "N_incoming")
            )
            named, sizes = f'"{synapses.name}", {pre}, {post}', f"{layout.n_pre}, {layout.n_post}"
            if isinstance(layout, layouts.AllToAll):
                yield f"superspike::check_all_to_all({named}, {sizes});"
            else:
                start = self.get_array_name(synapses.variables["_row_start"])
                yield f"superspike::lay_rows({named}, {pre}.size(), {sizes}, true, {start}, {', '.join(derived)});"

    def generate_main_source(self, writer: Any) -> None:
        """As Brian2, with this package's headers; subnormal numbers are flushed to zero."""
        self.insert_code("before_start", "superspike::flush_subnormals();")
        self.headers.append('"rows.h"')
        super().generate_main_source(writer)

    def generate_makefile(
        self, writer: Any, compiler: str, compiler_flags: str, linker_flags: str, nb_threads: int, debug: bool
    ) -> None:
        """As Brian2; the kernels can have threads."""
        linker_flags += " -pthread"
        self.flags = compiler_flags.split(), linker_flags.split()
        super().generate_makefile(writer, compiler, compiler_flags, linker_flags, nb_threads, debug)

    def compile_source(self, directory: Path | str, compiler: str, debug: bool, clean: bool) -> None:
        """Compile what is new, unless Brian2's own way is asked for."""
        if compiler != "unix" or debug or clean:
            super().compile_source(directory, compiler, debug, clean)
            return
        sources, jobs = sorted(self.writer.source_files), os.cpu_count() or 1
        compile_program(Path(directory).absolute(), sources, *self.flags, self.build_dir / "objects", jobs)


if NAME not in all_devices:
    all_devices[NAME] = ScriptDevice()
