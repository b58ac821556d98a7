"""Build of the documentation: ``sphinx-build -W --keep-going -b html docs docs/_build/html``."""

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
    "numpydoc",
    "sphinx.ext.viewcode",
    "from_the_code",
]
html_theme = "furo"
html_title = f"superspike_brian {release}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
exclude_patterns = ["_build"]
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have them
numpydoc_show_class_members = False
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# the tests execute the notebooks; `-D nb_execution_mode=cache` does it here, for pages with figures
nb_execution_mode = "off"
nb_execution_timeout = 600
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_cache_path = str(HERE / "_build" / "notebooks")


def copy_notebooks(app, config):
    """Bring the notebooks into the documentation; unchanged ones keep their date, and are not read again."""
    shutil.rmtree(HERE / "notebooks", ignore_errors=True)
    shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", ignore=lambda folder, names: _not_notebooks(names))


def _not_notebooks(names):
    return [name for name in names if not name.endswith(".ipynb")]


def setup(app):
    """Copy before Sphinx looks for sources."""
    app.connect("config-inited", copy_notebooks)
