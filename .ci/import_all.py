"""Import every module of the installed package: what one needs and setup.cfg does not name is missing here."""

import importlib
import pkgutil

import superspike_brian

# modules that are drawn with an extra's library from end to end; what uses them says that it is missing
EXTRAS = {"superspike_brian.live": "bokeh"}

names = [m.name for m in pkgutil.walk_packages(superspike_brian.__path__, "superspike_brian.")]
without = []
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(name.rpartition(".")[0])
        if extra is None or str(error.name).partition(".")[0] != extra:
            raise
        without.append(name)
print(f"{len(names) - len(without)} modules import" + (f"; {', '.join(without)} need an extra" if without else ""))
