"""``candor consume``: scores for applicants that arrive on a topic."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Annotated

import typer

from credit_core.errors import InputError
from credit_core.settings import get_settings


def consume(
    applicants: Annotated[str, typer.Option("--from", help="Topic of applicants.")] = "applicants",
    scores: Annotated[str, typer.Option("--to", help="Topic of answers.")] = "scores",
    brokers: Annotated[
        str, typer.Option(help="HOST:PORT, several joined by commas.")
    ] = "localhost:9092",
    group: Annotated[str, typer.Option(help="Processes of one group share the work.")] = "candor",
) -> None:
    """Score applicants from one topic and write the answers to another, until stopped."""
    try:
        from app import stream
    except ImportError as error:
        raise InputError(
            "Reading topics needs faststream, which is not installed; run "
            "`pip install -r requirements-stream.txt`."
        ) from error
    if applicants == scores:
        raise InputError(f"--from and --to are both {scores!r}; answers need a topic of their own.")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    stream.log.addHandler(handler)
    stream.log.setLevel(logging.INFO)
    named = [name.strip() for name in brokers.split(",") if name.strip()]
    asyncio.run(stream.consume(get_settings(), named, stream.Topics(applicants, scores, group)))


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command()(consume)
