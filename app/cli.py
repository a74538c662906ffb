"""``candor ...``: the command line. Results go to standard output, progress to standard error.

Each command imports what it runs: ``candor --help`` must not wait for pandas and DuckDB.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

# Waiting threads of the model libraries must not burn the cores others work on.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import typer

from app.commands import audit, erasure, fairness, monitoring, report, serving, stream
from app.commands.engines import score_here, score_on_spark
from app.commands.shared import (
    ApplicationsFile,
    AsOf,
    ConfigFile,
    File,
    Json,
    MappingFile,
    ModelName,
    Protected,
    config_of,
    dataset_of,
    date_of,
    is_fingerprint,
    print_json,
    progress,
    warn,
)
from credit_core.data.remarks import of_dataset
from credit_core.errors import CandorError, InputError
from credit_core.labels.wording import RISK_NAME
from credit_core.settings import get_settings

if TYPE_CHECKING:
    from credit_core.workflows import TrainingResult

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Candor: explained credit scores, and how far they may be trusted.",
)


def main() -> NoReturn:
    """Run the command line; errors become one sentence and an exit code."""
    as_json = "--json" in sys.argv[1:]
    try:
        # Outside its own main loop, Click returns the code of an Exit instead of raising it.
        code = app(standalone_mode=False)
    except CandorError as error:
        _fail(str(error), 2 if isinstance(error, InputError) else 1, as_json)
    except typer.Abort:
        _fail("Stopped.", 1, as_json)
    except Exception as error:  # the last line of defence: never a traceback
        message = getattr(error, "format_message", None)
        if message is not None:  # a usage error of the command line itself
            said = f"{message().rstrip('.')}. " if message() else "Say what to do: "
            _fail(f"{said}`candor --help` shows the options.", 2, as_json)
        if os.environ.get("CANDOR_DEBUG"):
            raise
        _fail(
            f"Something went wrong inside Candor: {type(error).__name__}: {error}. Set "
            "CANDOR_DEBUG=1 to see where.",
            1,
            as_json,
        )
    sys.exit(code if isinstance(code, int) else 0)


def _fail(sentence: str, code: int, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"error": sentence})
    typer.echo(f"candor: {sentence}", err=True)
    sys.exit(code)


@app.command()
def ingest(
    file: File = None,
    mapping: MappingFile = None,
    applications: ApplicationsFile = None,
    protected: Protected = None,
    as_json: Json = False,
) -> None:
    """Check a file, set broken rows aside with their reasons, and store it."""
    settings = get_settings()
    config = config_of(None, settings)
    dataset = dataset_of(file, settings, config, mapping, applications, protected, remark=False)
    remarks = of_dataset(dataset)
    if as_json:
        print_json(
            {
                "dataset": dataset.summary(),
                "rejects_by_reason": dataset.rejects_by_reason,
                "quality": dataset.quality,
                "mapping": dataset.mapping,
                "evidence": dataset.evidence,
                "unused": dataset.unused,
                "rejects_file": str(dataset.rejects_path),
                "applications_rejects_file": str(dataset.applications_rejects_path),
                "remarks": remarks,
            }
        )
        return
    typer.echo(f"dataset   {dataset.fingerprint}  ({dataset.name})")
    if dataset.has_transactions:
        typer.echo(f"rows      {dataset.rows:,} kept, {dataset.rejected:,} set aside")
        typer.echo(f"customers {dataset.customers:,}, from {dataset.first} to {dataset.last}")
        for reason, count in sorted(dataset.rejects_by_reason.items()):
            typer.echo(f"          {count:,} x {reason}")
        if dataset.rejected:
            typer.echo(f"rejects   {dataset.rejects_path}")
        for one in dataset.evidence:
            if one["confidence"] == "low":
                typer.echo(f"unsure    {one['column']} from {one['header']!r}: {one['why']}")
    if dataset.applications:
        found = dataset.applications
        typer.echo(f"applications {found.rows:,} kept, {found.rejected:,} set aside")
        for reason, count in sorted(found.rejects_by_reason.items()):
            typer.echo(f"          {count:,} x {reason}")
        if found.rejected:
            typer.echo(f"rejects   {dataset.applications_rejects_path}")
    for remark in remarks:
        typer.echo(f"note      {remark}")


@app.command()
def train(
    file: File = None,
    applications: ApplicationsFile = None,
    mapping: MappingFile = None,
    protected: Protected = None,
    config: ConfigFile = None,
    models: Annotated[str | None, typer.Option(help="Families, joined by commas.")] = None,
    label: Annotated[
        str | None, typer.Option(help="disengaged, inactive, observed or same_window.")
    ] = None,
    promote: Annotated[bool, typer.Option("--promote", help="Make the best one champion.")] = False,
    as_json: Json = False,
) -> None:
    """Train models on a file or dataset, check the design, register every model."""
    from credit_core import workflows

    settings = get_settings()
    loaded = config_of(config, settings)
    families = tuple(part.strip() for part in (models or "").split(",") if part.strip())
    if models is not None and not families:
        raise InputError("--models is empty; name families joined by commas, or leave it out.")
    dataset = dataset_of(file, settings, loaded, mapping, applications, protected)
    request = workflows.TrainingRequest(label, families, promote)
    result = workflows.train(dataset, settings, loaded, request, progress)
    if as_json:
        print_json(result.facts())
    else:
        _show_training(result)
    if result.refused:
        typer.echo(f"candor: {result.refused}", err=True)
        raise typer.Exit(2)


def _show_training(result: TrainingResult) -> None:
    label, canary = result.label, result.checks["canary"]
    typer.echo(f"label     {label['kind']}: {label['definition']}")
    typer.echo(f"          {label['snapshots']:,} snapshots, {label['bad_rate']:.1%} bad")
    if canary["auc"] is not None:
        verdict = "passed" if canary["passed"] else "FAILED"
        typer.echo(
            f"canary    {verdict}: AUC {canary['auc']:.3f} "
            f"({canary['low']:.3f} to {canary['high']:.3f}); {canary['why']}"
        )
    else:
        typer.echo(f"canary    does not apply: {canary['why']}")
    if result.checks["small_sample"]:
        typer.echo(f"sample    {result.checks['small_sample']}")
    typer.echo(f"gauge     {result.checks['gauge']['why']}")
    typer.echo(f"varied    {result.checks['sensitivity']['why']}")
    for version in result.versions:
        for sample, m in version.metrics.items():
            typer.echo(
                f"{version.reference:18} {version.family:9} {sample:17} AUC {m['auc']:.3f} "
                f"({m['auc_low']:.3f} to {m['auc_high']:.3f})  Gini {m['gini']:.3f}  "
                f"KS {m['ks']:.3f}  Brier {m['brier']:.4f}  n {m['n']:,}"
            )
    if result.references:
        proxy = result.references["proxy_label"]
        typer.echo(
            f"beside it recency, frequency and money alone: best AUC "
            f"{result.references['best_rfm_auc']:.3f}"
            + (f"; the proxy label: {proxy['auc']:.3f}" if proxy else "")
        )
    if result.champion:
        typer.echo(f"champion  {result.champion.reference} ({result.champion.family})")
        for sentence in result.changes:
            typer.echo(f"changed   {sentence}")


@app.command()
def score(
    file: File = None,
    out: Annotated[Path | None, typer.Option(help="Scores file, .csv, .parquet or .xlsx.")] = None,
    applications: ApplicationsFile = None,
    mapping: MappingFile = None,
    as_of: AsOf = None,
    model: ModelName = "champion",
    reasons: Annotated[
        str, typer.Option(help="adverse: for declined and referred customers; or all.")
    ] = "adverse",
    engine: Annotated[
        str, typer.Option(help="duckdb; or spark, which writes a folder of Parquet files.")
    ] = "duckdb",
    as_json: Json = False,
) -> None:
    """Score every customer of a file and write one row each, with decision and reasons."""
    from credit_core.workflows.batch import manifest_path

    settings = get_settings()
    if out is None:
        raise InputError("Say where the scores go: --out SCORES.csv, .parquet or .xlsx.")
    if reasons not in ("adverse", "all"):
        raise InputError(f"--reasons {reasons!r} is neither adverse nor all; choose one.")
    if engine not in ("duckdb", "spark"):
        raise InputError(f"--engine {engine!r} is neither duckdb nor spark; choose one.")
    given = [Path(one) for one in (file, applications, mapping) if one is not None]
    if out.resolve() in [one.resolve() for one in given]:
        raise InputError(f"--out names {out}, which is read here; the scores would replace it.")
    scored = score_on_spark if engine == "spark" else score_here
    found, dataset = scored(
        file,
        out,
        settings,
        mapping,
        applications,
        model=model,
        as_of=date_of(as_of),
        all_reasons=reasons == "all",
        progress=progress,
    )
    version, counts = found.version, found.decisions
    stored = file is not None and is_fingerprint(file)  # its remarks were made when it came in
    remarks = () if stored else of_dataset(dataset)
    facts = {
        "scored": found.rows,
        "rejected_rows": dataset.rejected,
        "decisions": counts,
        "counts": found.manifest["counts"],
        "psi": found.summary["psi"],
        "model": version.name,
        "model_version": version.version,
        "label": version.label,
        "risk_is": RISK_NAME[version.name],
        "circular": found.manifest["model"]["circular"],
        "warnings": [*found.warnings, *remarks],
        "out": str(out),
        "manifest": str(manifest_path(out)),
    }
    warn(found.warnings)
    if as_json:
        print_json(facts)
    else:
        decided = ", ".join(f"{n:,} {decision}" for decision, n in counts.items())
        typer.echo(f"{found.rows:,} customers scored by {version.reference} -> {out}: {decided}")
        psi = found.summary["psi"]
        if psi is not None:
            typer.echo(
                f"risk is {RISK_NAME[version.name]}; PSI of the scores against unseen customers "
                f"at training {psi['psi']:.3f} ({psi['verdict']}, n {psi['n_now']:,})"
            )


@app.command()
def explain(
    customer: Annotated[str, typer.Option(help="The customer's id.")],
    file: File = None,
    applications: ApplicationsFile = None,
    mapping: MappingFile = None,
    as_of: AsOf = None,
    model: ModelName = "champion",
    as_json: Json = False,
) -> None:
    """Say why one customer has the score they have, in points."""
    from credit_core import workflows

    settings = get_settings()
    dataset = dataset_of(file, settings, config_of(None, settings), mapping, applications)
    found = workflows.explain(dataset, settings, customer, model=model, as_of=date_of(as_of))
    warn(found.warnings)
    if as_json:
        print_json(found.facts())
        return
    name = RISK_NAME[found.bundle.question]
    typer.echo(
        f"model     {found.version.reference} ({found.version.label}); --model names another"
    )
    typer.echo(f"score     {found.score:.1f}  ({name} {found.risk:.1%}, band {found.band})")
    typer.echo(f"decision  {found.decision}")
    if found.thin_file:
        typer.echo(f"thin file {found.too_few}")
    if found.reasons:
        typer.echo(
            "reasons   (points lost against the average approved customer; with a typical approved "
            "customer's value the score rises by the points behind it)"
        )
    for reason in found.reasons:
        steady = f", stability {reason.stability}" if reason.stability else ""
        typer.echo(
            f"  {reason.sentence}  ({reason.points:+.1f} points; with {reason.reference} "
            f"{reason.gain:+.1f}{steady})"
        )
    typer.echo(f"base      {found.base:.1f}  (average development customer)")
    for part in found.contributions:
        if abs(part.points) >= 0.05:
            typer.echo(f"{part.points:+8.1f}  {part.description.rstrip('.')}: {part.value}")


@app.command()
def models(as_json: Json = False) -> None:
    """List the registered models."""
    from credit_core.oversight.registry import list_versions

    versions = list_versions(get_settings())
    if as_json:
        print_json(
            {
                "models": [
                    {key: value for key, value in vars(version).items() if key != "path"}
                    for version in versions
                ]
            }
        )
        return
    if not versions:
        typer.echo("No model yet. `candor train FILE --promote` makes one.")
    for version in versions:
        sample = next(
            name
            for name in ("out_of_time", "holdout", "cross_validation")
            if name in version.metrics
        )
        found = version.metrics[sample]
        marks = " champion" if version.champion else ""
        marks += " circular" if version.circular else ""
        typer.echo(
            f"{version.reference:18} {version.family:9} {version.label:12} "
            f"AUC {found['auc']:.3f} ({found['auc_low']:.3f} to {found['auc_high']:.3f}, n "
            f"{found['n']:,}, {sample})  {version.created}{marks}"
        )


@app.command()
def promote(
    model: Annotated[str, typer.Argument(help="NAME:VERSION")],
    reason: Annotated[str, typer.Option(help="Why; kept in the record.")] = "",
    as_json: Json = False,
) -> None:
    """Make a model the champion of its question."""
    from credit_core.workflows import champions

    if not reason.strip():
        raise InputError('Say why: --reason "..."; the reason is kept in the record.')
    changes = champions.changes(get_settings(), model)
    version = champions.promote(model, reason, get_settings())
    if as_json:
        champion = {"name": version.name, "version": version.version}
        print_json({"champion": champion, "changes": changes})
        return
    typer.echo(f"{version.reference} is now the champion for {version.name}.")
    for sentence in changes:
        typer.echo(f"changed   {sentence}")


@app.command()
def datasets(as_json: Json = False) -> None:
    """List the stored datasets."""
    from credit_core.data.store import list_datasets

    found = list_datasets(get_settings())
    if as_json:
        print_json({"datasets": [dataset.summary() for dataset in found]})
        return
    for dataset in found:
        typer.echo(f"{dataset.fingerprint}  {dataset.rows:>12,} rows  {dataset.name}")


@app.command()
def sample(
    out: Annotated[Path, typer.Option(help="Folder to write into.")],
    customers: Annotated[int, typer.Option(min=10)] = 4000,
    months: Annotated[int, typer.Option(min=6, max=120)] = 18,
    seed: Annotated[int, typer.Option(min=0)] = 20240101,
    with_truth: Annotated[bool, typer.Option(help="Also write the simulated truth.")] = False,
    as_json: Json = False,
) -> None:
    """Simulate transactions and applications; nobody in them is real."""
    from credit_core.data.simulate import simulate

    try:
        made = simulate(
            out,
            customers=customers,
            months=months,
            seed=seed,
            with_truth=with_truth,
            progress=progress,
        )
    except OSError as error:
        raise InputError(f"{out} cannot be written into: {error.strerror}.") from error
    if as_json:
        print_json(vars(made))
    else:
        typer.echo(f"{made.customers:,} customers, {made.transactions:,} transactions in {out}")


serving.register(app)
audit.register(app)
monitoring.register(app)
erasure.register(app)
report.register(app)
fairness.register(app)
stream.register(app)
