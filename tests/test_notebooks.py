"""Every notebook runs from top to bottom, shows its figures, and is stored without outputs."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def tried(path):
    """A notebook, and when it runs: those whose metadata call them slow take 40 s and more, and run every night."""
    slow = nbformat.read(path, as_version=4).metadata.get("slow")
    return pytest.param(path, marks=[pytest.mark.slow] if slow else [], id=path.stem)


@pytest.mark.parametrize("path", map(tried, NOTEBOOKS))
def test_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel then shows figures as in Jupyter
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for cell in notebook.cells:
        if re.search(r"^(figure\b.*=|plot_\w+\()", cell.source, re.M):
            assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_is_stored_without_outputs(path):
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    assert cells
    assert all(not c.outputs and c.execution_count is None for c in cells)
    assert all("sys.path" not in c.source for c in cells)
