"""Score a dataset, explain one customer, record a decision."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from credit_core.data.intake import Progress
from credit_core.data.ledger import Ledger, Span, open_ledger
from credit_core.data.rejects import plain_cell
from credit_core.data.store import Dataset
from credit_core.decisions.contributions import Scored
from credit_core.decisions.peers import share_below, unusual
from credit_core.decisions.policy import Policy
from credit_core.decisions.reasons import Reason
from credit_core.decisions.scoring import (
    ScoredSnapshots,
    cautions_of,
    in_parts,
    needed_columns,
    score_parts,
    score_snapshots,
)
from credit_core.errors import InputError
from credit_core.features.words import NUMBER
from credit_core.labels.observed import dated, load_applications
from credit_core.labels.rfm import customers_seen
from credit_core.labels.wording import RISK_NAME
from credit_core.modelling.bundle import Bundle
from credit_core.oversight.policies import load_in_force
from credit_core.oversight.registry import ModelVersion, find_version
from credit_core.settings import Settings

_PART = 50_000


@contextmanager
def opened(dataset: Dataset, settings: Settings) -> Iterator[Ledger | None]:
    """Open a dataset's ledger; None where it holds applications alone."""
    with open_ledger(dataset, settings) if dataset.has_transactions else nullcontext() as ledger:
        yield ledger


def snapshots_of(
    dataset: Dataset, ledger: Ledger | None, bundle: Bundle, as_of: datetime | None
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return whom to score and when, and the applications where the model reads them.

    A model that reads attributes scores the applications at their dates; any other scores every
    customer of the ledger at ``as_of`` (the ledger's end unless told otherwise).
    """
    if bundle.attributes or ledger is None:
        applications = applications_at(dataset, ledger, as_of, bundle)
        return applications[["customer_id", "as_of"]].reset_index(drop=True), applications
    return customers_seen(ledger, moment_in(ledger, as_of, bundle)), None


def applications_at(
    dataset: Dataset, ledger: Span | None, as_of: datetime | None, bundle: Bundle
) -> pd.DataFrame:
    """Return the applications to score: at their own dates, or each customer's last at one."""
    if dataset.applications is None:
        raise InputError(
            "The model reads application attributes; bring in an applications file as well."
        )
    if ledger is not None and bundle.reads_transactions:
        moment_in(ledger, as_of, bundle)  # refuses a date that sees nothing
    applications = dated(load_applications(dataset), ledger)
    if as_of is None:
        return applications
    applications = applications.assign(as_of=pd.Timestamp(as_of))
    return applications.drop_duplicates("customer_id", keep="last")


def moment_in(ledger: Span, as_of: datetime | None, bundle: Bundle) -> datetime:
    """Return when to score the customers of a ledger: its end unless told otherwise.

    Raises
    ------
    InputError
        Where no transaction lies in what the model looks back on from there.
    """
    moment = as_of or ledger.end
    if moment <= ledger.first:
        raise InputError(
            f"No transaction lies before {moment:%Y-%m-%d}; the ledger begins on "
            f"{ledger.first:%Y-%m-%d}. Choose a later date to score at."
        )
    if moment >= ledger.end + timedelta(days=bundle.observation_days):
        raise InputError(
            f"No transaction lies in the {bundle.observation_days} days before {moment:%Y-%m-%d}; "
            f"the ledger ends on {ledger.end:%Y-%m-%d}. Choose an earlier date to score at."
        )
    return moment


def score(
    dataset: Dataset,
    settings: Settings,
    bundle: Bundle,
    *,
    as_of: datetime | None = None,
    customers: list[str] | None = None,
) -> ScoredSnapshots:
    """Score a dataset's customers, or some of them, with a bundle.

    Raises
    ------
    InputError
        Where a customer is not in the data, or the data lacks what the model reads.
    """
    with opened(dataset, settings) as ledger:
        snapshots, applications = snapshots_of(dataset, ledger, bundle, as_of)
        if customers is not None:
            snapshots = snapshots[snapshots["customer_id"].isin(customers)]
            unknown = sorted(set(customers) - set(snapshots["customer_id"]))
            if unknown:
                raise InputError(
                    f"There is no customer {unknown[0]!r} in {dataset.name}; check the spelling "
                    "(case and leading zeros count)."
                )
        return score_snapshots(bundle, ledger, snapshots, applications)


def fits(dataset: Dataset, bundle: Bundle) -> bool:
    """Return whether a dataset holds every column and attribute that a model reads."""
    given = (
        {found.name for found in dataset.applications.attributes} if dataset.applications else ()
    )
    return (
        (dataset.has_transactions or not bundle.reads_transactions)
        and needed_columns(bundle).issubset(dataset.columns)
        and {attribute.name for attribute in bundle.attributes}.issubset(given)
    )


class BatchScores(NamedTuple):
    """A dataset scored: the scores file's rows, the model, and what speaks against trusting it."""

    frame: pd.DataFrame
    version: ModelVersion
    warnings: tuple[str, ...]


def score_dataset(
    dataset: Dataset,
    settings: Settings,
    *,
    model: str = "champion",
    as_of: datetime | None = None,
    progress: Progress | None = None,
) -> BatchScores:
    """Score a whole dataset in parts of bounded size."""
    tell = progress or (lambda _share, _text: None)
    tell(0.02, "Loading the model")
    version = find_version(settings, model)
    bundle = load_in_force(settings, version)
    parts = []
    with opened(dataset, settings) as ledger:
        tell(0.1, "Choosing whom to score")
        snapshots, applications = snapshots_of(dataset, ledger, bundle, as_of)
        slices = in_parts(len(snapshots), _PART)
        tell(0.15, f"0 of {len(snapshots):,} scored")
        scores = score_parts(bundle, ledger, snapshots, applications, slices)
        for part, scored in zip(slices, scores, strict=True):
            parts.append(scored.frame(version.name, version.version))
            share = part.stop / len(snapshots)
            tell(0.15 + 0.8 * share, f"{part.stop:,} of {len(snapshots):,} scored")
        warnings = cautions_of(bundle, ledger, applications, snapshots["as_of"].to_numpy())
    frame = pd.concat(parts, ignore_index=True)
    tell(1.0, f"{len(frame):,} scored")
    return BatchScores(frame, version, warnings)


def write_scores(frame: pd.DataFrame, path: Path) -> None:
    """Write a scores file, CSV or Parquet by its ending, whole or not at all."""
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path.name}: scores are written as .csv or .parquet; choose one.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} into.")
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        if path.suffix == ".csv":
            safe_for_spreadsheets(frame).to_csv(scratch, index=False, lineterminator="\n")
        else:
            frame.to_parquet(scratch, index=False)
        scratch.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        scratch.unlink(missing_ok=True)


def safe_for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with text cells that no spreadsheet takes for a formula."""
    texts = ["customer_id", *[name for name in frame.columns if name.startswith("reason_")]]
    # A bare carriage return would stand unquoted and begin a line, perhaps with a formula.
    return frame.assign(
        **{
            name: frame[name].map(lambda text: plain_cell(text).replace("\r", " "))
            for name in texts
        }
    )


@dataclass(frozen=True)
class Contribution:
    """One factor of a score: its value in words and its points; below 0 = lowers the score.

    ``family`` is the group of features it belongs to; ``below`` the share of development customers
    with a lower value, None where it has no order or is missing.
    """

    source: str
    value: str
    points: float
    description: str
    family: str
    below: float | None


@dataclass(frozen=True)
class Explanation:
    """One customer's score and why: base + the contributions' points = score.

    To the last bit where they are added in the order of the model's sources.
    """

    customer_id: str
    as_of: datetime | None
    score: float
    risk: float
    base: float
    band: str
    decision: str
    contributions: tuple[Contribution, ...]
    reasons: tuple[Reason, ...]
    version: ModelVersion
    bundle: Bundle
    transactions: int | None
    warnings: tuple[str, ...]
    inputs: dict[str, float | str | None]

    @cached_property
    def policy(self) -> Policy:
        return Policy.from_facts(self.bundle.facts["policy"])

    @property
    def thin_file(self) -> bool:
        limit = self.policy.thin_file_transactions
        return self.transactions is not None and self.transactions < limit

    @property
    def too_few(self) -> str:
        """Why a thin file is referred whatever its score; "" where it is none."""
        if not self.thin_file or self.transactions is None:
            return ""
        return self.policy.too_few(self.transactions, self.bundle.observation_days)

    def families(self) -> dict[str, float]:
        """Return the points of each family of factors; with ``base`` they add up to the score."""
        found: dict[str, float] = {}
        for part in self.contributions:
            found[part.family] = found.get(part.family, 0.0) + part.points
        return dict(sorted(found.items(), key=lambda one: one[1]))

    def facts(self) -> dict[str, Any]:
        """Return what ``candor explain --json`` prints."""
        return {
            "customer_id": self.customer_id,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "score": self.score,
            "risk": self.risk,
            "risk_is": RISK_NAME[self.bundle.question],
            "question": self.bundle.question,
            "label": self.bundle.facts["label"]["kind"],
            "band": self.band,
            "decision": self.decision,
            "thin_file": self.thin_file,
            "base": self.base,
            "contributions": [vars(part) for part in self.contributions],
            "reasons": [vars(reason) for reason in self.reasons],
            "warnings": [*([f"{self.too_few}."] if self.thin_file else []), *self.warnings],
            "model": self.version.name,
            "model_version": self.version.version,
        }


def explain(
    dataset: Dataset,
    settings: Settings,
    customer_id: str,
    *,
    model: str = "champion",
    as_of: datetime | None = None,
) -> Explanation:
    """Score one customer and say why."""
    version = find_version(settings, model)
    bundle = load_in_force(settings, version)
    scored = score(dataset, settings, bundle, as_of=as_of, customers=[customer_id])
    return explanation(scored, len(scored.snapshots) - 1, version)


def explanation(scored: ScoredSnapshots, row: int, version: ModelVersion) -> Explanation:
    """Return the explanation of one row of scored snapshots."""
    moment = scored.snapshots["as_of"].iloc[row]
    return explained(
        scored.bundle,
        version,
        customer_id=str(scored.snapshots["customer_id"].iloc[row]),
        as_of=None if pd.isna(moment) else pd.Timestamp(moment).to_pydatetime(),
        values=dict(scored.table.iloc[row]),
        scored=scored.scored,
        row=row,
        reasons=scored.reasons_of(row),
        warnings=scored.warnings_of(row),
    )


def explained(
    bundle: Bundle,
    version: ModelVersion,
    *,
    customer_id: str,
    as_of: datetime | None,
    values: Mapping[str, Any],
    scored: Scored,
    row: int,
    reasons: Sequence[Reason],
    warnings: tuple[str, ...],
) -> Explanation:
    """Put one score and its parts into words; ``values`` are the features' and attributes'."""
    words, quantiles = bundle.words, bundle.facts["reference"]["quantiles"]
    parts = []
    for source, moved in zip(scored.sources, scored.contributions[:, row].tolist(), strict=True):
        value, written = values[source], words[source]
        below = None
        if isinstance(value, NUMBER):
            below = share_below(quantiles.get(source, ()), float(value))
        shown = written.show(value)
        parts.append(Contribution(source, shown, moved, written.description, written.family, below))
    counted = values.get("transactions")
    policy = Policy.from_facts(bundle.facts["policy"])
    points = scored.points[[row]]
    seen = None if counted is None or pd.isna(counted) else np.array([counted], dtype=np.float64)
    return Explanation(
        customer_id=customer_id,
        as_of=as_of,
        score=float(points[0]),
        risk=float(scored.risk[row]),
        base=scored.base,
        band=str(policy.band_of(points)[0]),
        decision=str(policy.decide(points, seen)[0]),
        contributions=tuple(sorted(parts, key=lambda part: part.points)),
        reasons=tuple(reasons),
        version=version,
        bundle=bundle,
        transactions=None if seen is None else int(seen[0]),
        warnings=(*warnings, *unusual(bundle, values)),
        inputs={name: _plain_value(value) for name, value in values.items()},
    )


def _plain_value(value: Any) -> float | str | None:
    """Return a cell as JSON holds it; a number keeps every bit."""
    if value is None or value is pd.NA or value != value:
        return None
    return float(value) if isinstance(value, NUMBER) else str(value)


def first_scores(path: Path, limit: int) -> pd.DataFrame:
    """Return the first rows of a Parquet scores file without reading the others."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=limit):
            return batch.to_pandas()
        return file.schema_arrow.empty_table().to_pandas()


def summarise_scores(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a scores file in figures: what a batch page shows without reading the rows again.

    ``decisions`` has one row a band and decision (band, decision, n), bands from E to A;
    ``scores`` one row a bin of 10 points (low: the bin's lower edge, n).
    """
    counted = frame.groupby(["band", "decision"], sort=True).size().reset_index(name="n")
    counted = counted.sort_values(["band", "decision"], ascending=[False, True], kind="stable")
    low = np.floor(frame["score"].to_numpy() / 10).astype(int)
    first = int(low.min())
    return {
        "decisions": counted.to_dict("records"),
        "scores": [
            {"low": (first + i) * 10, "n": int(n)} for i, n in enumerate(np.bincount(low - first))
        ],
    }
