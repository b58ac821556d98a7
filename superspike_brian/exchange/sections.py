"""The sections of a script of plain Brian2, in the order in which they are read."""

import importlib
from textwrap import wrap

from brian2 import SpikeGeneratorGroup, SpikeMonitor, StateMonitor, Synapses, volt

from .._version import __version__
from ..codegen.brian2_api import get_identifiers
from ..engine.runtime import RuntimeProgram
from ..models import noise
from ..network.structure import Structure
from ..runs.loaded import Loaded, learning_factor
from ..spec.describe import ROLES
from ..values.clock import n_steps
from ..values.docstrings import meanings
from ..values.hints import State
from ..values.quantities import as_python, readable
from .objects import BEGIN, Objects
from .texts import one_line

# names that a script gives or uses, besides Brian2's units and functions, which no population can have
OWN = (
    *("DURATION", "LEARN", "Path", "begins", "constants", "group", "k", "monitor", "np", "saved", "v"),
    *("NeuronGroup", "SpikeGeneratorGroup", "SpikeMonitor", "StateMonitor", "Synapses", "linked_var"),
    *("defaultclock", "dict", "len", "prefs", "print", "run", "set_device"),
)
DOES = {  # by the beginning of a name
    "axons": "spikes of {0} reach their terminals after the axonal delay",
    "window_cue": "a cue opens the window of an answer",
    "window_deadline": "its deadline closes it",
    "deadlines": "outputs are judged at their deadline",
    "error_target": "a target spike is an impulse of the output's error",
    "error_output": "so is an output spike, of the other sign",
    "feedback_target": "impulses of target spikes reach {1}",
    "feedback_output": "impulses of output spikes reach {1}",
    "feedback": "errors of {0} reach {1} in every step",
}


def random_numbers(loaded: Loaded) -> list[str]:
    """Random functions and noise terms of a run's model, by name."""
    models = {id(m): m for m in loaded.spec.structure.models.values()}.values()
    strings = (
        code for m in models for c in m.components.values() for place, code in c.strings.items() if place != "initial"
    )
    names = get_identifiers("\n".join(strings))
    return sorted(n for n in names if n in noise.RANDOM_FUNCTIONS or n == "xi" or n.startswith("xi_"))


def check_names(structure: Structure) -> None:
    """Refuse populations that are called like something else of a script (ValueError)."""
    for name in structure.populations:
        if name in OWN or name.endswith("_equations") or name.startswith("step_of_"):
            raise ValueError(
                f"a script of Brian2 has something else that is called '{name}' and cannot have a population of this name: "
                "train the network with another name for it"
            )


class Script:
    """The text of a script and its arrays.

    Parameters
    ----------
    loaded : Loaded
        The run, in the state from which the script goes on.
    program : RuntimeProgram
        Its network in that state.
    file : str
        Name of the file with the arrays.
    """

    def __init__(self, loaded: Loaded, program: RuntimeProgram, file: str) -> None:
        self.loaded, self.file = loaded, file
        self.spec, self.step, self.trials = loaded.spec, loaded.step, loaded.trials
        self.structure, self.groups, self.dt = program.structure, program.groups, program.structure.dt
        check_names(self.structure)
        self.noise = random_numbers(loaded)
        self.begin = readable(self.step * self.dt)
        every = n_steps(self.structure.model.interval, self.dt)
        self.since_update = self.step % every * self.dt if self.structure.plastic else None
        self.learns = self.since_update == 0
        self._told: set[str] = set()  # names of equations that stand already
        self.objects = Objects(
            program, self.step, self._learning(learning_factor(loaded.spec, self.step)) if self.learns else {}
        )

    def _learning(self, factor):
        """What is different while it learns: learning rates, and inputs that probe windows have at 0."""
        rates = {f"{n}.r0": self.structure.learning_rate(n, self.step) * factor * volt for n in self.structure.plastic}
        model = self.structure.models["output"]
        judged = [e for e in model.equations_of("judge")[0].values() if "shared" in e.flags]
        return rates | {f"output.{e.varname}": model.parameters[e.varname] for e in judged}

    def written(self) -> tuple[str, State]:
        """Text and arrays."""
        sections = {
            "Constants": self._constants(),
            "The task's spikes": self._made(self.structure.generators),
            "Populations": self._made([*self.structure.populations[1:], "verdicts"]),
            "Axon terminals, which hold the presynaptic trace": self._terminals(),
            "Projections": self._made(self.structure.projections),
            "Errors and feedback": self._made(self._errors()),
            "Spikes that are on their way": self._late(),
            "Monitors": "\n".join(self._monitors()),
            "State": self._state(),
            "Run": self._run(),
        }
        parts = [f"{f'# ---- {title} ':-<100}\n\n{body}" for title, body in sections.items() if body]
        text = "\n\n".join([self._head(), *parts]) + "\n"
        return text, self.objects.arrays | {f"trials.{k}": v for k, v in self._trials().items()}

    def _head(self):
        """What the script is, what it imports, and what its reader may want to change."""
        task, models = self.spec.task, self.structure.model.components
        title = f"{one_line(task.name)}, seed {self.spec.seed}: the network of a run as one script of plain Brian2."
        width = max(map(len, models))
        parts = [
            f"{kind:{width}}  {one_line(': '.join(filter(None, (c.name, c.source))))}" for kind, c in models.items()
        ]
        lines = [
            title,
            "",
            *_wrapped(self._story()),
            "",
            f"Network: {self.structure.summary} units, from inputs to output. Model:",
            "",
            *(line for part in parts for line in _wrapped(part, width + 4, "  ")),
            "",
            f"Written by superspike_brian {__version__}; needs brian2, numpy and {self.file} beside it.",
        ]
        imports = ["from pathlib import Path", "", "import numpy as np", "from brian2 import *"]
        return "\n".join([f'"""{lines[0]}', *lines[1:], '"""', "", *imports, "", *self._settings()])

    def _story(self):
        state = "in the state" if self.loaded.whole else "with the weights"
        text = f"It begins {state} that the run had at {self.begin}, which is its time 0. "
        if not self.loaded.whole:
            text += "Everything else is as at the run's start. "
        if self.noise:
            text += f"The model has random numbers ({', '.join(self.noise)}): here they are others than in the run. "
        elif self.loaded.whole:
            text += "Its spikes are, to the spike, those of the run's probe window from there: weights do not change. "
        else:
            text += "Weights do not change. "
        if self.learns:
            text += "With LEARN = True they change as the run's would. "
        if not self.trials:
            return text + "The patterns of the task repeat for ever."
        return text + (
            f"The task's spikes are those of the {len(self.trials['label'])} trials of the probe window, and there are none "
            'after it: saved["trials.onset"] and saved["trials.deadline"] are their time steps, saved["trials.label"] their '
            "classes."
        )

    def _settings(self):
        length = self.spec.protocol.probe_steps(self.dt, self.spec.task.period) * self.dt
        choices = [(f"DURATION = {as_python(length)}", "how long it runs: the run's probe window")]
        if self.learns:
            choices.insert(0, ("LEARN = False", "whether weights change"))
        elif self.since_update is not None:
            since = readable(self.since_update)
            yield f"# It cannot learn on: the last weight update was {since} before, and here one comes first."
            yield "# The state at an update can: superspike export brian2 --at TIME"
        choices += [
            ('prefs.codegen.target = "numpy"', '"cython" is faster, and takes minutes to compile for the first time'),
            ('# set_device("cpp_standalone")', "without the first #: one compiled program, the fastest for long runs"),
        ]
        width = max(len(code) for code, _ in choices)
        yield from (f"{code:{width}}  # {text}" for code, text in choices)
        if self.spec.precision == "single":
            yield "prefs.core.default_float_dtype = np.float32  # single precision, as in the run"
        yield f"defaultclock.dt = {as_python(self.dt)}"
        yield f'saved = dict(np.load(Path(__file__).with_name("{self.file}")))  # arrays in SI units'

    def _constants(self):
        values = {n: as_python(v) for n, v in self.objects.constants.items()}
        if not values:
            return "constants = {}"
        known = {BEGIN: "time of the run at which the script begins"}
        for kind, component in self.structure.model.components.items():
            said = meanings(importlib.import_module(f"..models.{kind}", __package__))
            known |= {n: said[n] for n in component.parameters if n in said}
        entries = [f'"{name}": {value},' for name, value in values.items()]
        width = max(map(len, entries))
        told = (f"  # {known[n]}" if n in known else "" for n in values)
        lines = [f"    {entry:{width}}{text}".rstrip() for entry, text in zip(entries, told, strict=True)]
        return "\n".join(["constants = {", *lines, "}"])

    def _made(self, names):
        """Python of generators, populations or synapses, each below what it is, and before it the equations it shares."""
        texts = []
        for name in (n for n in names if n in self.groups):
            group = self.groups[name]
            shared = self.objects.equations.get(name, "")
            if (called := self.objects.common.get(shared)) and called not in self._told:
                self._told.add(called)
                texts.append(f"{called} = {self.objects.literal(shared, equations=True)}")
            if name in self.objects.solutions:
                texts.append(self.objects.solutions[name])
            if isinstance(group, SpikeGeneratorGroup):
                text = self.objects.generator(group)
            else:
                text = self.objects.synapses(group) if isinstance(group, Synapses) else self.objects.neurons(group)
            texts.append("\n".join(filter(None, [self._comment(name), text])))
        return "\n\n".join(texts)

    def _comment(self, name):
        group, scheduled = self.groups[name], bool(self.structure.model.error.on_cue)
        if name in self.structure.projections:
            p = self.structure.projections[name]
            kind = "plastic" if p.plastic else "fixed"
            return f"# {p.source} to {p.target}: {self.structure.n_synapses_of(name)} {kind} synapses"
        if isinstance(group, Synapses):
            does = next((text for prefix, text in DOES.items() if name.startswith(prefix)), "{0} to {1}")
            return "# " + does.format(group.source.name, group.target.name)
        if name.startswith("terminals_"):
            return ""
        told = ROLES | {"targets": "deadlines of answers" if scheduled else "target pattern"}
        told |= {"inputs": "input spikes" if scheduled else "input pattern"}
        return f"# {told.get(name.rstrip('_0123456789'), f'population {name}')}"

    def _terminals(self):
        labels = [self.structure.projections[name].label for name in self.structure.plastic]
        return self._made([f"{kind}_{label}" for label in labels for kind in ("terminals", "axons")])

    def _errors(self):
        labels = {p.label for p in self.structure.projections.values()}
        return [
            name
            for name, group in self.groups.items()
            if isinstance(group, Synapses)
            and name not in self.structure.projections
            and name not in {f"axons_{label}" for label in labels}
        ]

    def _late(self):
        found = [text for g in self.groups.values() if isinstance(g, Synapses) and (text := self.objects.late(g))]
        how = "# Delay lines of Brian2 begin empty: a generator with a unit a synapse emits what the run's hold, when it is due"
        return "\n\n".join([how, *found]) if found else ""

    def _monitors(self):
        for group in self.groups.values():
            if isinstance(group, SpikeMonitor) or (
                isinstance(group, StateMonitor) and group.source.name in self.structure.populations
            ):
                yield self.objects.monitor(group)

    def _state(self):
        names = ", ".join(self.objects.state())
        return f"""\
# Values at {self.begin} of the run; a variable that is not saved is 0
for group in [{names}]:
    begins = f"state.{{group.name}}."
    group.set_states({{k.removeprefix(begins): v for k, v in saved.items() if k.startswith(begins)}}, units=False)"""

    def _run(self):
        names = [g.name for g in self.groups.values() if isinstance(g, SpikeMonitor) and g.source.name != "verdicts"]
        return f"""\
run(DURATION)

for monitor in [{", ".join(names)}]:
    print(f"{{monitor.source.name}}: {{monitor.num_spikes}} spikes of {{len(monitor.source)}} units")"""

    def _trials(self):
        shift = dict.fromkeys(("onset", "deadline"), self.step)
        return {name: values - shift.get(name, 0) for name, values in self.trials.items()}


def _wrapped(text, hanging=0, first=""):
    return wrap(text, 110, initial_indent=first, subsequent_indent=" " * hanging, break_long_words=False)
