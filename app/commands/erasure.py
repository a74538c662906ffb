"""``candor erase``: everything stored about a customer goes, the record stays whole."""

from __future__ import annotations

from typing import Annotated

import typer

from app.commands.shared import Json, print_json
from credit_core.settings import get_settings


def erase(
    customer: Annotated[str, typer.Argument(help="The customer's exact id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Erase; without it, only say what.")] = False,
    as_json: Json = False,
) -> None:
    """Erase a customer from datasets, outcomes, batch results, notes and kept answers.

    The record's events stay: they name the customer by a keyed hash only. Models stay too; train
    again where they shall forget. A running dashboard forgets at its next start.
    """
    from credit_core.workflows import erasure

    settings = get_settings()
    found = erasure.erase(settings, customer) if yes else erasure.held(settings, customer)
    if as_json:
        print_json({"erased": yes, **found.facts()})
        return
    for name, (transactions, applications) in found.datasets.items():
        typer.echo(f"dataset {name}: {transactions:,} transactions, {applications:,} applications")
    typer.echo(
        f"{found.outcomes:,} outcomes, {len(found.results):,} batch results, {found.kept:,} notes "
        f"and inputs, {found.answers:,} answers of the API"
    )
    typer.echo(f"{found.decisions:,} events name the customer by a keyed hash and stay")
    if yes:
        typer.echo("Erased. The record is still whole: `candor audit verify` checks it.")
    elif found.nothing:
        typer.echo("Nothing is stored about this customer; check the spelling.")
    else:
        typer.echo("Nothing was erased yet; add --yes to erase.")


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command()(erase)
