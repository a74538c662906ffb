"""The newcomer's notebooks run from top to bottom, draw, and carry no outputs in git."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from credit_core.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "notebooks"
NOTEBOOKS = (
    "01_eda_and_proxy",
    "02_features",
    "03_training",
    "04_lightgbm_experiments",
    "05_checking_predictions",
)
_FIGURE = "application/vnd.plotly.v1+json"


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def test_these_are_all():
    assert tuple(sorted(path.stem for path in FOLDER.glob("*.ipynb"))) == NOTEBOOKS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_git_keeps_no_output(name: str):
    cells = [cell for cell in read(name).cells if cell.cell_type == "code"]
    assert cells
    assert not any(cell.outputs or cell.execution_count for cell in cells)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_runs_and_draws(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A cell that raises fails here, with its traceback."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT_ROOT))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PLOTLY_RENDERER", "plotly_mimetype")
    notebook = read(name)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    figures = [out.data[_FIGURE] for out in outputs if _FIGURE in out.get("data", {})]
    assert len(figures) >= 2
    assert all(figure["data"] for figure in figures)
