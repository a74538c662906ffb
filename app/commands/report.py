"""``candor report``: a model's dossier, its card, or an evidence pack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands.shared import ConfigFile, Json, ModelName, config_of, print_json
from credit_core.settings import get_settings


def report(
    out: Annotated[
        Path, typer.Option(help=".pdf or .html: dossier; .md: model card; .zip: evidence pack.")
    ],
    model: ModelName = "champion",
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Write what is on record about a model; missing evidence is named in red."""
    from credit_core.workflows.report import report as write

    settings = get_settings()
    event = write(settings, model, config_of(config, settings).governance, out)
    if as_json:
        print_json({"out": str(out), "event": event.sequence, **event.details})
        return
    typer.echo(f"{out} written on {event.details['model']} (event {event.sequence})")


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command()(report)
