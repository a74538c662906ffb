"""``candor monitor`` and ``candor outcomes``: is a model still fed, and still right, as it was?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands.shared import (
    ApplicationsFile,
    AsOf,
    ConfigFile,
    File,
    Json,
    MappingFile,
    ModelName,
    config_of,
    dataset_of,
    date_of,
    print_json,
    progress,
    warn,
)
from credit_core.labels.wording import CIRCULAR
from credit_core.settings import get_settings

EXIT_CODES = {"ok": 0, "watch": 10, "investigate": 11, "stop promoting": 12}


def monitor(
    file: File = None,
    mapping: MappingFile = None,
    applications: ApplicationsFile = None,
    model: ModelName = "champion",
    as_of: AsOf = None,
    config: ConfigFile = None,
    record: Annotated[bool, typer.Option(help="Put the report on record.")] = True,
    as_json: Json = False,
) -> None:
    """Compare a file with what the model was trained on; the exit code says how bad it is.

    0 = ok, 10 = watch, 11 = investigate, 12 = stop promoting (promotions of the model are then
    refused); 2 and 1 as everywhere.
    """
    from credit_core.workflows.monitoring import monitor as compare
    from credit_core.workflows.monitoring import record_report

    settings = get_settings()
    chosen = config_of(config, settings)
    dataset = dataset_of(file, settings, chosen, mapping, applications)
    facts = compare(
        dataset, settings, chosen.monitoring, model=model, as_of=date_of(as_of), progress=progress
    )
    if record:
        facts["event"] = record_report(settings, facts).sequence
    if facts["circular"]:
        warn((CIRCULAR,))
    if as_json:
        print_json(facts)
    else:
        score, approval = facts["drift"]["score"], facts["drift"]["approval"]
        typer.echo(f"level     {facts['level']}")
        typer.echo(f"model     {facts['model']} ({facts['label']}), n {facts['n']:,}")
        typer.echo(
            f"score     PSI {score['psi']:.3f} (chance alone reaches {score['critical']:.3f})"
        )
        typer.echo(
            f"approved  {approval['rate']:.1%} by the policy set at training "
            f"({approval['low']:.1%} to {approval['high']:.1%}); at training {approval['then']:.1%}"
        )
        if facts["in_development"]:
            typer.echo("data      the model was trained on these very data: no drift is no news")
        if (outcome := facts["outcomes"]) is not None:
            typer.echo(
                f"outcomes  AUC {outcome['auc']:.3f} ({outcome['low']:.3f} to "
                f"{outcome['high']:.3f}), n {outcome['n']:,}, {outcome['bads']:,} bad"
            )
        for alert in facts["alerts"]:
            typer.echo(f"{alert['level']:<15} {alert['what']} {alert['do']}")
        if not facts["alerts"]:
            typer.echo("No measure reaches a limit.")
    raise typer.Exit(EXIT_CODES[facts["level"]])


def outcomes(
    file: Annotated[Path, typer.Argument(help="customer_id, outcome (1 = bad), as_of.")],
    data: Annotated[str, typer.Option(help="The fingerprint of the dataset they were scored in.")],
    as_json: Json = False,
) -> None:
    """Keep outcomes that arrived after scoring; `candor monitor` then compares with them."""
    from credit_core.data.store import open_dataset
    from credit_core.workflows.monitoring import receive_outcomes

    settings = get_settings()
    found = receive_outcomes(file, open_dataset(settings, data), settings)
    if as_json:
        print_json(found)
        return
    typer.echo(
        f"{found['matched']:,} of {found['rows']:,} outcomes belong to customers of this data; "
        f"{found['known']:,} are known now, {found['bads']:,} of them bad."
    )
    if found["rejected"]:
        typer.echo(f"{found['rejected']:,} rows could not be read and were set aside.")


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command()(monitor)
    app.command()(outcomes)
