"""Import every module of the installed package: what one needs and setup.cfg does not name is missing here."""

import importlib
import pkgutil

import superspike_brian

names = [m.name for m in pkgutil.walk_packages(superspike_brian.__path__, "superspike_brian.")]
for name in names:
    importlib.import_module(name)
print(f"{len(names)} modules import")
