"""What the server does once in the background after it has started.

It imports the heavy libraries, and ends the trainings that an earlier process left open.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import threading

from credit_core.oversight import registry
from credit_core.settings import get_settings

_LIBRARIES = (
    "xgboost",
    "lightgbm",
    "sklearn.linear_model",
    "sklearn.cluster",
    "scipy.special",
    "plotly.graph_objects",
)
_started = threading.Event()


def start() -> None:
    """Begin importing unless that has been done; returns at once."""
    if not _started.is_set():
        _started.set()
        threading.Thread(target=_import_all, name="warm-up", daemon=True).start()


def settle() -> None:
    """Spare the collector what is imported: walking it takes a tenth of a second each time."""
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # or libraries report at the end that nothing was collected


def _import_all() -> None:
    registry.import_mlflow()
    for name in _LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    settle()
    registry.end_abandoned(get_settings())
