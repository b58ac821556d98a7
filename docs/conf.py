"""Build of the documentation: ``sphinx-build -W --keep-going -b html docs docs/_build/html``.

The notebooks are executed, which takes minutes; while neither they nor the package change, they come from a cache.
``SUPERSPIKE_NOTEBOOKS`` in the environment says which: ``all``, ``short`` (those that `.ci/run` has time for) or ``none``. The
others show text and code.
"""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

from superspike_brian import __version__  # noqa: E402

project = "superspike_brian"
author = "the superspike_brian developers"
copyright = f"2026, {author}"
version = release = __version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "sphinx.ext.viewcode",
    "from_the_code",
    "mathml",
]
exclude_patterns = ["_build"]
default_role = "py:obj"

html_theme = "furo"
html_title = f"superspike_brian {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_math_renderer = "mathml"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have them
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = {"of", "or", "optional", "shape", "default", "path", "component", "group", "generator"}

# which names of other packages have a link; the lists lie here, so that a build needs no network
OTHERS = {
    "python": "https://docs.python.org/3/",
    "brian2": "https://brian2.readthedocs.io/en/stable/",
    "numpy": "https://numpy.org/doc/stable/",
    "xarray": "https://docs.xarray.dev/en/stable/",
}
intersphinx_mapping = {name: (where, f"inventories/{name}.txt") for name, where in OTHERS.items()}
intersphinx_cache_limit = -1


def _short_names():
    """What docstrings call the objects of the inventories: their last name, for Brian2's also ``brian2.NAME``."""
    lines = [
        line.split() for name in OTHERS for line in (HERE / "inventories" / f"{name}.txt").read_text().splitlines()[3:]
    ]
    names = [line[0] for line in lines if line]
    short = {name.rpartition(".")[2]: name for name in names}
    return short | {f"brian2.{k}": name for k, name in short.items() if name.startswith("brian2.")}


numpydoc_xref_aliases = _short_names() | {
    **dict.fromkeys(("array", "arrays"), "numpy.ndarray"),
    **{name.lower(): f"collections.abc.{name}" for name in ("Iterable", "Mapping", "Sequence")},
}

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
myst_update_mathjax = False

os.environ.pop("MPLBACKEND", None)  # the kernel then shows figures as in Jupyter
chosen = os.environ.get("SUPERSPIKE_NOTEBOOKS", "all")
nb_execution_mode = "off" if chosen == "none" else "cache"
nb_execution_excludepatterns = [
    f"notebooks/{path.name}"
    for path in sorted((HERE.parent / "notebooks").glob("*.ipynb"))
    if chosen == "short" and json.loads(path.read_text())["metadata"].get("slow")
]
nb_execution_timeout = 600
nb_execution_in_temp = True
nb_execution_raise_on_error = True
files = sorted(f for room in ("superspike_brian", "models", "tasks") for f in (HERE.parent / room).rglob("*"))
content = hashlib.sha256(b"".join(f.read_bytes() for f in files if f.suffix in (".py", ".h", ".cpp"))).hexdigest()
nb_execution_cache_path = str(HERE / "_build" / "notebooks" / content[:12])  # another package has other outputs
nb_merge_streams = True
nb_output_stderr = "remove"  # progress
nb_ipywidgets_js = {}  # they come from another host, and a slider does nothing on a page

linkcheck_timeout = 20
linkcheck_anchors = False
linkcheck_report_timeouts_as_broken = False


def copy_notebooks(app, config):
    """Bring the notebooks into the documentation; unchanged ones keep their date, and are not read again."""
    shutil.rmtree(HERE / "notebooks", ignore_errors=True)
    shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", ignore=lambda folder, names: _not_notebooks(names))


def _not_notebooks(names):
    return [name for name in names if not name.endswith(".ipynb")]


def enlarge(app, doctree, docname):
    """Give pictures a scale, so that Sphinx makes of each a link to the picture alone, which opens large."""
    for image in doctree.findall(lambda node: node.tagname == "image"):
        image.setdefault("scale", 100)


def setup(app):
    """Copy before Sphinx looks for sources."""
    app.connect("config-inited", copy_notebooks)
    app.connect("doctree-resolved", enlarge)
