"""Files on their way in: written to disk once, so that no browser session holds their bytes."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from credit_core.settings import Settings

_KEPT_SECONDS = 24 * 3600


def keep(stream: BinaryIO, name: str, settings: Settings) -> Path:
    """Write an upload under ``home/incoming`` in a folder of its own and return its path.

    Files that nobody brought in within a day are swept away first.
    """
    root = settings.home / "incoming"
    root.mkdir(parents=True, exist_ok=True)
    for folder in root.iterdir():
        with suppress(FileNotFoundError):  # another session was faster
            if time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
    folder = root / uuid.uuid4().hex
    folder.mkdir()
    path = folder / plain_name(name)
    with path.open("wb") as target:
        shutil.copyfileobj(stream, target)
    return path


def plain_name(name: str) -> str:
    """Return a file name with letters, digits, spaces, dots and dashes only.

    >>> plain_name("../june's sales.csv")
    'june_s sales.csv'
    """
    return re.sub(r"[^\w.\- ]", "_", Path(name).name).lstrip(".")[-100:] or "upload"


def is_upload(path: Path, settings: Settings) -> bool:
    """Return True for a file that `keep` wrote."""
    return path.parent.parent == settings.home / "incoming"


def discard(path: Path) -> None:
    """Delete an upload and its folder."""
    shutil.rmtree(path.parent, ignore_errors=True)
