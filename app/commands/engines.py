"""``candor score --engine``: on this machine, or on Spark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.shared import config_of, dataset_of, is_fingerprint
from credit_core.errors import InputError
from credit_core.settings import Settings

if TYPE_CHECKING:
    from credit_core.data.store import Dataset
    from credit_core.workflows.batch import Batch


def score_here(
    file: str | None,
    out: Path,
    settings: Settings,
    mapping: Path | None,
    applications: Path | None,
    **options: Any,
) -> tuple[Batch, Dataset]:
    """Store a file and score it on this machine, into one file."""
    from credit_core import workflows
    from credit_core.workflows.batch import check_target

    check_target(out)
    dataset = dataset_of(file, settings, config_of(None, settings), mapping, applications)
    return workflows.score_to_files(dataset, settings, [out], **options), dataset


def score_on_spark(
    file: str | None,
    out: Path,
    settings: Settings,
    mapping: Path | None,
    applications: Path | None,
    **options: Any,
) -> tuple[Batch, Dataset]:
    """Score a stored dataset, or a file that Spark reads itself, into a folder."""
    from credit_core.data.mapping import load_mapping
    from credit_core.data.store import open_dataset
    from credit_core.workflows.spark import SparkFile
    from credit_core.workflows.spark import score_on_spark as score

    if file is None:
        raise InputError("Give a transactions file or a stored dataset for Spark to read.")
    if mapping is None and applications is None and is_fingerprint(file):
        return score(open_dataset(settings, file), settings, out, **options)
    protected = config_of(None, settings).applications.protected
    read = load_mapping(mapping) if mapping else None
    given = SparkFile(Path(file), read, applications, protected)
    return score(given, settings, out, **options)
