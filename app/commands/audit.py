"""``candor audit`` and ``candor replay``: is the record whole, and does it still compute?"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from credit_core.errors import IntegrityError
from credit_core.settings import get_settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
audit_app = typer.Typer(no_args_is_help=True, help="The record: verify that it is whole.")


@audit_app.command("verify")
def verify(as_json: Json = False) -> None:
    """Check every event's hash and order; the first that is wrong is named, with exit code 1."""
    from credit_core.oversight import events

    settings = get_settings()
    broken = events.verify(settings)
    count = events.count(settings)
    if as_json:
        typer.echo(json.dumps({"whole": broken is None, "events": count, "problem": broken}))
        raise typer.Exit(0 if broken is None else 1)
    if broken is not None:
        raise IntegrityError(broken)
    typer.echo(f"The record is whole: {count:,} events, each following the one before.")


def replay(
    event: Annotated[int, typer.Argument(min=1, help="The decision's number in the record.")],
    as_json: Json = False,
) -> None:
    """Recompute a recorded decision from its inputs and model; exit code 1 where it differs."""
    from credit_core import workflows

    found = workflows.replay(get_settings(), event)
    if as_json:
        typer.echo(json.dumps(found.facts()))
        raise typer.Exit(0 if found.identical else 1)
    typer.echo(f"then  {found.score_then:.6f}  {found.recommended_then}  ({found.model})")
    typer.echo(f"now   {found.score_now:.6f}  {found.recommended_now}")
    typer.echo("identical" if found.identical else "NOT identical")
    if not found.identical:
        raise IntegrityError(f"Decision {event} does not come out as it was recorded.")


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.add_typer(audit_app, name="audit")
    app.command()(replay)
