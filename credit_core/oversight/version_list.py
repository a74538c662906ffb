"""The list of model versions, kept in a file, so that reading it needs no MLflow.

To import MLflow and open its database takes longer than to score most files. The list is as good as
the database as long as that has not changed.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from credit_core.data.store import write_atomic

NAME = "versions.json"
FORMAT = 1
"""Raised when what is kept, or what it means, changes."""
_SETTLED_NS = 2_000_000_000
"""A file system may tell two changes within a moment by one time."""


def changed_ns(database: Path) -> int:
    """Return when an SQLite database was last changed, in nanoseconds."""
    log = database.with_name(database.name + "-wal")
    times = [path.stat().st_mtime_ns for path in (database, log) if path.exists()]
    return max(times, default=0)


def kept(folder: Path, changed: int, fields: set[str]) -> list[dict[str, Any]] | None:
    """Return the versions, of these fields, kept in a model store last changed then; else None."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        content = json.loads((folder / NAME).read_text(encoding="utf-8"))
        if (content["format"], content["changed"]) == (FORMAT, changed):
            versions = [dict(version) for version in content["versions"]]
            return versions if all(version.keys() == fields for version in versions) else None
    return None


def keep(folder: Path, changed: int, versions: list[dict[str, Any]]) -> None:
    """Keep the versions read from a store, unless it changed only just, or cannot be written."""
    if time.time_ns() - changed < _SETTLED_NS:
        return
    content = {"format": FORMAT, "changed": changed, "versions": versions}
    with suppress(OSError):
        write_atomic(folder / NAME, json.dumps(content).encode("utf-8"))
