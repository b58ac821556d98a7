"""Import every module of the installed package: what one needs and setup.cfg does not name is missing here."""

import importlib
import pkgutil
from importlib.metadata import requires

from packaging.requirements import Requirement

import superspike_brian

# rooms that are drawn with an extra's libraries from end to end; what uses them says that they are missing
EXTRAS = {"superspike_brian.live": "watch"}


def libraries(extra):
    """Names under which the libraries of an extra are imported."""
    found = [Requirement(text) for text in requires("superspike_brian")]
    mine = [
        r for r in found if r.marker and r.marker.evaluate({"extra": extra}) and not r.marker.evaluate({"extra": ""})
    ]
    return {r.name.replace("-", "_") for r in mine}


names = [m.name for m in pkgutil.walk_packages(superspike_brian.__path__, "superspike_brian.")]
without = []
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(name.rpartition(".")[0])
        if extra is None or str(error.name).partition(".")[0] not in libraries(extra):
            raise
        without.append(name)
print(f"{len(names) - len(without)} modules import" + (f"; {', '.join(without)} need an extra" if without else ""))
