"""``candor fairness``: how the groups of declared protected attributes fare."""

from __future__ import annotations

from typing import Annotated

import typer

from app.commands.shared import (
    ApplicationsFile,
    ConfigFile,
    File,
    Json,
    MappingFile,
    ModelName,
    Protected,
    config_of,
    dataset_of,
    print_json,
    warn,
)
from credit_core.labels.wording import CIRCULAR
from credit_core.settings import get_settings


def fairness(
    file: File = None,
    mapping: MappingFile = None,
    applications: ApplicationsFile = None,
    protected: Protected = None,
    model: ModelName = "champion",
    config: ConfigFile = None,
    record: Annotated[bool, typer.Option(help="Put the report on record.")] = True,
    as_json: Json = False,
) -> None:
    """Compare decisions and scores between groups; say what the numbers do not prove."""
    from credit_core.workflows.fairness import fairness_report, record_fairness

    settings = get_settings()
    chosen = config_of(config, settings)
    dataset = dataset_of(file, settings, chosen, mapping, applications, protected)
    facts = fairness_report(dataset, settings, chosen.fairness, model=model)
    if record:
        facts["event"] = record_fairness(settings, facts).sequence
    if facts["circular"]:
        warn((CIRCULAR,))
    if as_json:
        print_json(facts)
        return
    for one in facts["attributes"]:
        typer.echo(f"{one['attribute']}  (reference: {one['reference']})")
        for group in one["groups"]:
            ratio = ""
            if group["air"] is not None and group["air_low"] is not None:
                ratio = (
                    f"  ratio {group['air']:.2f} ({group['air_low']:.2f} to "
                    f"{group['air_high']:.2f})  SMD {group['smd']:+.2f}"
                )
            typer.echo(
                f"  {group['group']:<20} n {group['n']:>7,}  approved {group['approval']:.1%} "
                f"({group['approval_low']:.1%} to {group['approval_high']:.1%}){ratio}"
            )
        for name, n in one["too_small"].items():
            typer.echo(f"  {name:<20} n {n:>7,}  too few to say")
    typer.echo("These rates prove neither fairness nor discrimination; they say where to look.")


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command()(fairness)
