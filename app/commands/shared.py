"""What commands share: their options, and from arguments to datasets, dates and output."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from credit_core.errors import InputError
from credit_core.settings import Settings

if TYPE_CHECKING:
    from credit_core.config import ModelConfig
    from credit_core.data.store import Dataset

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
File = Annotated[
    str | None, typer.Argument(help="A transactions file, or a stored dataset's fingerprint.")
]
ApplicationsFile = Annotated[
    Path | None, typer.Option("--applications", help="Applications: attributes, outcomes.")
]
MappingFile = Annotated[Path | None, typer.Option("--mapping", help="A saved column mapping.")]
Protected = Annotated[
    list[str] | None,
    typer.Option(help="A column used for fairness only (repeat for several)."),
]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="A model configuration.")]
ModelName = Annotated[str, typer.Option("--model", help="champion, a question, or NAME:VERSION.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Score as of this date, YYYY-MM-DD.")]


def warn(sentences: tuple[str, ...]) -> None:
    for sentence in sentences:
        typer.echo(f"candor: warning: {sentence}", err=True)


def print_json(content: dict[str, Any]) -> None:
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False, default=str))


def progress(share: float, text: str) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{share:4.0%}  {text}", err=True, nl=share >= 1)
    else:
        typer.echo(f"{share:4.0%}  {text}", err=True)


def config_of(path: Path | None, settings: Settings) -> ModelConfig:
    from credit_core.config import ModelConfig, load_config

    if path is None and not settings.config.exists():
        return ModelConfig()
    return load_config(path or settings.config)


def dataset_of(
    file: str | None,
    settings: Settings,
    config: ModelConfig,
    mapping: Path | None = None,
    applications: Path | None = None,
    protected: list[str] | None = None,
    *,
    remark: bool = True,
) -> Dataset:
    """Return the dataset a FILE argument means: a stored one, or a file ingested now.

    What should be looked at in a file that was ingested is said on standard error, where
    ``remark`` asks for it.
    """
    from credit_core import workflows
    from credit_core.data.mapping import load_mapping
    from credit_core.data.remarks import of_dataset
    from credit_core.data.store import open_dataset

    if file is not None and applications is None and mapping is None and is_fingerprint(file):
        return open_dataset(settings, file)
    dataset = workflows.ingest(
        Path(file) if file is not None else None,
        settings,
        mapping=load_mapping(mapping) if mapping else None,
        applications=applications,
        protected=tuple(protected or ()) + config.applications.protected,
        progress=progress,
    )
    if remark:
        warn(of_dataset(dataset))
    return dataset


def is_fingerprint(file: str) -> bool:
    """Return True where a FILE argument looks like a stored dataset's name, not like a path."""
    return not Path(file).exists() and "/" not in file and "." not in file


def date_of(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise InputError(f"--as-of {text!r} is not a date; write it as YYYY-MM-DD.") from error
