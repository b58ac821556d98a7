"""Modules under the names that they had when the package was flat: importing one warns, and gives it at its new place."""

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings

MOVED = {
    "animation": "figures.animation",
    "blocks": "runs.loop",
    "build": "engine.compiler",
    "convert": "cli.convert",
    "datasets": "files.datasets",
    "describe": "spec.describe",
    "divergence": "runs.divergence",
    "durable": "files.durable",
    "grid": "sweeps.sweep",
    "kinds": "values.kinds",
    "locks": "files.locks",
    "notes": "results.notes",
    "options": "cli.options",
    "plotting": "figures",
    "plotting_activity": "figures.activity",
    "plotting_sweep": "figures.sweep",
    "plotting_trials": "figures.trials",
    "pool": "sweeps.pool",
    "preferences": "engine.preferences",
    "probes": "network.probes",
    "progress": "console.progress",
    "protocol": "spec.protocol",
    "results_probes": "results.probes",
    "results_trials": "results.trials",
    "runfolder": "results.folder",
    "runtime": "engine.runtime",
    "serialize": "spec.serialize",
    "state": "network.initial",
    "stored": "results.stored",
    "streams": "console.streams",
    "sweep": "sweeps.jobs",
    "training": "runs.training",
    "trials": "network.trials",
    "units": "values.quantities",
}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a module of the package under its old name."""

    def find_spec(self, fullname, path=None, target=None):
        """Return a spec for a name that has moved, None for others."""
        package, _, name = fullname.partition(".")
        if package == __package__ and name in MOVED:
            return importlib.machinery.ModuleSpec(fullname, self)
        return None

    def create_module(self, spec):
        """Return the module at its new place."""
        new = f"{__package__}.{MOVED[spec.name.partition('.')[2]]}"
        warnings.warn(f"{spec.name} is {new} now", DeprecationWarning, stacklevel=2)
        module = importlib.import_module(new)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module):
        """Give the module, which is loaded already, its own spec back."""
        module.__spec__ = module.__spec__.loader_state


def install():
    """Make the old names importable."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())
