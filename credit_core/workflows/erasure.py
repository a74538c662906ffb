"""Erase a customer: everything stored about them goes, and the record stays whole.

The record's events carry a keyed hash instead of the customer's id, and hashes of what was decided
on, so nothing in it has to change. Models keep what they learnt: they hold no rows, and train
again from data that no longer have the customer.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from credit_core.data.erasure import erase_rows, rows_of
from credit_core.data.store import list_datasets, write_atomic
from credit_core.errors import InputError
from credit_core.oversight import access, events, idempotency
from credit_core.settings import Settings


@dataclass(frozen=True)
class Held:
    """What is stored about a customer: by dataset name (transactions, applications), and beside.

    ``kept`` are files of notes and inputs of decisions; ``outcomes`` rows of outcomes that arrived
    later; ``results`` finished batches that scored the customer; ``answers`` kept by the API;
    ``decisions`` events that stay, under the keyed hash.
    """

    datasets: dict[str, tuple[int, int]]
    kept: int
    outcomes: int
    results: tuple[str, ...]
    answers: int
    decisions: int

    @property
    def nothing(self) -> bool:
        return not (self.datasets or self.kept or self.outcomes or self.results or self.answers)

    def facts(self) -> dict[str, Any]:
        return {**vars(self), "results": len(self.results)}


def held(settings: Settings, customer_id: str) -> Held:
    """Return what is stored about a customer; nothing changes."""
    found = {
        dataset.fingerprint: rows_of(dataset, customer_id, settings)
        for dataset in list_datasets(settings)
    }
    key = events.customer_key(settings, customer_id)
    notes = settings.home / "notes" / key
    decided = events.list_events(settings, limit=None)
    return Held(
        {name: rows for name, rows in found.items() if any(rows)},
        len(list(notes.iterdir())) if notes.is_dir() else 0,
        sum(int(_is(path, customer_id).sum()) for path in _outcomes(settings)),
        tuple(str(folder) for folder in _results(settings, customer_id)),
        idempotency.count_about(settings, customer_id),
        sum(event.details.get("customer") == key for event in decided),
    )


def erase(settings: Settings, customer_id: str) -> Held:
    """Erase everything stored about a customer, record that, and return what was erased.

    Raises
    ------
    InputError
        Where nothing is stored about such a customer.
    """
    access.require(settings, "erase")
    found = held(settings, customer_id)
    if found.nothing:
        raise InputError(
            f"Nothing is stored about {customer_id!r}; check the spelling (case and leading zeros "
            "count)."
        )
    key = events.customer_key(settings, customer_id)
    for dataset in list_datasets(settings):
        if dataset.fingerprint in found.datasets:
            erase_rows(dataset, customer_id, settings)
    for path in _outcomes(settings):
        frame = pd.read_parquet(path)
        write_atomic(path, frame[frame["customer_id"] != customer_id].to_parquet(index=False))
    for folder in found.results:
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(settings.home / "batches", ignore_errors=True)  # parts of unfinished batches
    shutil.rmtree(settings.home / "notes" / key, ignore_errors=True)
    idempotency.forget_about(settings, customer_id)
    events.record(
        settings,
        "erased",
        {"customer": key, "datasets": sorted(found.datasets), "kept": found.kept},
    )
    return found


def _outcomes(settings: Settings) -> list[Path]:
    return sorted((settings.home / "outcomes").glob("*.parquet"))


def _is(path: Path, customer_id: str) -> pd.Series:
    return pd.read_parquet(path, columns=["customer_id"])["customer_id"] == customer_id


def _results(settings: Settings, customer_id: str) -> list[Path]:
    """Return the folders of finished jobs that hold the customer's score."""
    found = []
    for folder in sorted((settings.home / "jobs").glob("*/")):
        scores = [path for path in folder.rglob("*.parquet") if "customer_id" in _names(path)]
        quoted = json.dumps(customer_id).encode()
        texts = [path.read_bytes() for path in folder.glob("*.json")]
        if any(_is(path, customer_id).any() for path in scores) or any(
            quoted in text for text in texts
        ):
            found.append(folder)
    return found


def _names(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    return list(pq.read_schema(path).names)
