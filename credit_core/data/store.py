"""The dataset store: one folder a dataset, named by the hash of what went in."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from credit_core.errors import InputError, IntegrityError
from credit_core.settings import Settings

FORMAT = 2


@dataclass(frozen=True)
class Attribute:
    """An application attribute: a number, or a category with its levels left open."""

    name: str
    kind: str


@dataclass(frozen=True)
class Applications:
    """What the applications file held; the rows are in ``applications.parquet``.

    ``rejected`` rows were set aside, each with its line and reason in
    ``applications_rejects.csv``. ``unmatched`` of their customers have no transaction, where there
    is a ledger. ``like_an_outcome`` is an attribute that seems to be one; '' where none does.
    ``like_protected`` are attributes that seem to be protected characteristics and were not
    declared so.
    """

    name: str
    rows: int
    rejected: int
    attributes: tuple[Attribute, ...]
    protected: tuple[str, ...]
    has_as_of: bool
    has_outcome: bool
    bad_rate: float | None
    rejects_by_reason: dict[str, int] = field(default_factory=dict)
    unmatched: int | None = None
    like_an_outcome: str = ""
    like_protected: tuple[str, ...] = ()


_HELD_AFTER_SECONDS = 10
"""A scratch folder as young as that may not be held yet."""
Values = Counter[str | None]
"""The values of a column, None for none, each with its rows."""
MOST_VALUES = 1_000
"""Values up to which those of a column are counted and kept."""
VALUED = frozenset({"channel", "category"})
"""Columns whose values the features ask for."""


@dataclass(frozen=True)
class Dataset:
    """A stored ledger and/or applications, read only.

    ``rows`` were kept and ``rejected`` set aside; ``seen = rows + rejected``. ``first`` and
    ``last`` are the earliest and latest transaction (UTC), None without transactions.
    ``quality`` holds the facts of `credit_core.data.quality`. ``values`` has, for the columns in
    ``VALUED`` that have few, every value with its rows, most frequent first.
    ``erased_rows`` transactions of ``erased_customers`` were taken out on request; they count
    nowhere else.
    """

    fingerprint: str
    folder: Path
    name: str
    created: str
    rows: int = 0
    rejected: int = 0
    rejects_by_reason: dict[str, int] = field(default_factory=dict)
    customers: int = 0
    first: datetime | None = None
    last: datetime | None = None
    columns: tuple[str, ...] = ()
    has_time_of_day: bool = False
    has_money_in: bool = False
    mapping: dict[str, Any] = field(default_factory=dict)
    evidence: tuple[dict[str, str], ...] = ()
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    applications: Applications | None = None
    quality: dict[str, Any] = field(default_factory=dict)
    values: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    erased_customers: int = 0
    erased_rows: int = 0

    @property
    def seen(self) -> int:
        return self.rows + self.rejected

    @property
    def transactions_path(self) -> Path:
        return self.folder / "transactions.parquet"

    @property
    def customers_path(self) -> Path:
        """Each customer with the number of transactions, the first and the last; ordered."""
        return self.folder / "customers.parquet"

    @property
    def rejects_path(self) -> Path:
        return self.folder / "rejects.csv"

    @property
    def applications_rejects_path(self) -> Path:
        return self.folder / "applications_rejects.csv"

    @property
    def applications_path(self) -> Path:
        return self.folder / "applications.parquet"

    @property
    def has_transactions(self) -> bool:
        return self.rows > 0

    def summary(self) -> dict[str, Any]:
        """Return the facts that screens and ``--json`` show."""
        return {
            "rows": self.rows,
            "rejected": self.rejected,
            "rejects_by_reason": self.rejects_by_reason,
            "customers": self.customers,
            "from": self.first.isoformat() if self.first else None,
            "to": self.last.isoformat() if self.last else None,
            "fingerprint": self.fingerprint,
            "name": self.name,
            "columns": list(self.columns),
            "unused": list(self.unused),
            "mapping": self.mapping,
            "notes": list(self.notes),
            "applications": asdict(self.applications) if self.applications else None,
        }


@contextmanager
def new_folder(root: Path, name: str) -> Iterator[Path]:
    """Yield a scratch folder that becomes ``root/name`` only when the block ends well."""
    with scratch_folder(root, ".partial-") as scratch:
        yield scratch
        for path in scratch.iterdir():
            sync(path)
        target = root / name
        try:
            scratch.rename(target)
        except OSError:
            if not target.exists():
                raise
            # Someone else finished the same content first; theirs is as good as ours.
        sync(root)


@contextmanager
def scratch_folder(root: Path, prefix: str) -> Iterator[Path]:
    """Yield a hidden folder that is gone when the block ends, unless it was given another name.

    What processes left that were killed is taken away first: nobody holds its folder any more.
    """
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob(f"{prefix}*"):
        _take_away(left)
    folder = root / f"{prefix}{uuid.uuid4().hex}"
    folder.mkdir()
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_SH)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def incoming_folder(settings: Settings) -> AbstractContextManager[Path]:
    """Return a scratch folder for what is made of a file on its way in."""
    return scratch_folder(settings.home, ".incoming-")


def _take_away(folder: Path) -> None:
    """Delete a scratch folder that no living process holds."""
    with suppress(OSError):  # gone, or held
        if time.time() - folder.stat().st_mtime < _HELD_AFTER_SECONDS:
            return
        held = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(held)


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old bytes or the new ones, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with scratch.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save_manifest(dataset: Dataset, folder: Path) -> None:
    """Write the dataset's facts beside its rows."""
    facts = asdict(dataset) | {"format": FORMAT}
    del facts["folder"]
    text = json.dumps(facts, default=str, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / "dataset.json").write_text(text, encoding="utf-8")


def open_dataset(settings: Settings, reference: str) -> Dataset:
    """Open a stored dataset by its fingerprint or an unambiguous beginning of it."""
    folders = [folder for folder in _folders(settings) if folder.name.startswith(reference)]
    if len(folders) != 1 or len(reference) < 4:
        kind = "is no" if not folders else "is not enough to name one"
        raise InputError(
            f"{reference!r} {kind} stored dataset, and there is no such file; check the spelling."
        )
    return _read(folders[0])


def list_datasets(settings: Settings) -> list[Dataset]:
    """Return the stored datasets, newest first."""
    datasets = [_read(folder) for folder in _folders(settings)]
    return sorted(datasets, key=lambda dataset: dataset.created, reverse=True)


def _folders(settings: Settings) -> list[Path]:
    if not settings.datasets.is_dir():
        return []
    return [
        folder
        for folder in settings.datasets.iterdir()
        if not folder.name.startswith(".") and (folder / "dataset.json").is_file()
    ]


def _read(folder: Path) -> Dataset:
    facts = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    if facts.pop("format", None) != FORMAT:
        raise IntegrityError(
            f"The dataset {folder.name} was stored by another version; ingest its file again."
        )
    applications = facts.pop("applications")
    if applications is not None:
        applications["attributes"] = tuple(
            Attribute(**attribute) for attribute in applications["attributes"]
        )
        for key in ("protected", "like_protected"):
            applications[key] = tuple(applications.get(key, ()))
        applications = Applications(**applications)
    for key in ("first", "last"):
        facts[key] = datetime.fromisoformat(facts[key]) if facts[key] else None
    for key in ("columns", "evidence", "unused", "notes"):
        facts[key] = tuple(facts[key])
    return Dataset(folder=folder, applications=applications, **facts)
