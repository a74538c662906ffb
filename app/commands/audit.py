"""``candor audit`` and ``candor replay``: is the record whole, and does it still compute?"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer

from credit_core.errors import IntegrityError
from credit_core.settings import get_settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
audit_app = typer.Typer(no_args_is_help=True, help="The record: verify that it is whole.")


@audit_app.command("verify")
def verify(
    pack: Annotated[
        Path | None, typer.Option(help="Check an evidence pack instead, offline.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every event's hash and order; the first that is wrong is named, with exit code 1."""
    from credit_core.oversight import events

    if pack is not None:
        _verify_pack(pack, as_json)
        return
    settings = get_settings()
    broken = events.verify(settings)
    count = events.count(settings)
    if as_json:
        typer.echo(json.dumps({"whole": broken is None, "events": count, "problem": broken}))
        raise typer.Exit(0 if broken is None else 1)
    if broken is not None:
        raise IntegrityError(broken)
    typer.echo(f"The record is whole: {count:,} events, each following the one before.")


def _verify_pack(path: Path, as_json: bool) -> None:
    from credit_core.oversight.pack import verify_pack

    problems = verify_pack(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if as_json:
        typer.echo(json.dumps({"whole": not problems, "problems": problems, "sha256": digest}))
        raise typer.Exit(1 if problems else 0)
    if problems:
        raise IntegrityError(" ".join(problems))
    typer.echo(f"The pack is whole: every file is the one listed. SHA-256 {digest}")
    typer.echo("The record it came from has the same hash in its event 'reported'; compare them.")


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
