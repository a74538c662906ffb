"""How much a proxy label hangs on choices nobody can defend to the day.

One choice is changed at a time on one cohort; the label and a quick model are made anew, and
compared with those of the design as chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger
from credit_core.features.build import build_features
from credit_core.features.catalogue import build_catalogue
from credit_core.labels.clusters import fit_clusters
from credit_core.labels.rfm import rfm_table
from credit_core.labels.samples import LabelledSnapshots
from credit_core.labels.windows import SHORTEST_WINDOW_DAYS
from credit_core.modelling.design import fit_design
from credit_core.modelling.metrics import share_interval
from credit_core.modelling.quick import FEWEST, Quick, one_cohort, rarer
from credit_core.modelling.training import TrainingData

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CUSTOMERS = 4_000
SHIFTS = (-14, -7, 7, 14)
_NOT_A_PROXY = (
    "Sensitivity does not apply: the outcomes were recorded, so there is no window, cluster or "
    "rule of ours that could have been chosen otherwise."
)


@dataclass(frozen=True)
class _Choice:
    """How one label is made: the rule and what it depends on."""

    rule: str
    k: int
    logged: bool
    start_days: int
    end_days: int


@dataclass(frozen=True)
class _Case:
    """A design with one thing changed, for the cohort's customers at ``rows``."""

    change: str
    setting: str
    label: IntArray
    X: FloatArray
    rows: IntArray
    note: str = ""


def sensitivity(
    ledger: Ledger | None,
    labels: LabelledSnapshots,
    data: TrainingData,
    config: ModelConfig,
) -> dict[str, Any]:
    """Return the sensitivity table as JSON-ready facts.

    Returns
    -------
    dict
        ``applies``, ``why`` (in words), ``customers`` and ``rows``, the first one as chosen. A
        row: ``change`` (what was changed), ``setting`` (to what), ``n`` customers, ``bads``,
        ``bad_rate`` with its Jeffreys interval ``low`` and ``high``, ``kappa`` of the label
        against the chosen one (Cohen; 1 = the same people, 0 = as by chance),
        ``rank_correlation`` of the scores with the chosen design's (Spearman, on the half of the
        customers neither model was fitted on) and ``note``. Figures are None where ``note`` says
        why they could not be had.
    """
    if ledger is None or not labels.is_proxy:
        return {"applies": False, "why": _NOT_A_PROXY, "customers": 0, "rows": []}
    study = _Study(ledger, labels, data, config)
    rows = [study.row(case) for case in study.cases()]
    return {
        "applies": True,
        "why": _words(rows),
        "customers": len(study.frame),
        "rows": rows,
    }


class _Study:
    """One cohort, its design as chosen, and the changes to it."""

    def __init__(
        self,
        ledger: Ledger,
        labels: LabelledSnapshots,
        data: TrainingData,
        config: ModelConfig,
    ) -> None:
        self.ledger, self.labels, self.data, self.config = ledger, labels, data, config
        self.quick = Quick(config.training.seed)
        cohort = one_cohort(labels, CUSTOMERS, self.quick.seed)
        self.X = data.X[cohort.frame.index]
        self.frame = cohort.frame[["customer_id", "as_of"]].reset_index(drop=True)
        self.as_of = self.frame["as_of"].max()
        self.half = self.quick.half(self.frame["customer_id"])
        same = labels.kind == "same_window"
        outcome = labels.outcome_days or 0
        start, end = (-labels.observation_days, 0) if same else (0, outcome)
        rule = "disengaged" if same else labels.kind
        self.chosen = _Choice(rule, config.labels.clusters, True, start, end)
        self.label = self.labelled(self.chosen)
        self.scores = self.scored(self.X, self.label, np.arange(len(self.frame)))

    def labelled(self, choice: _Choice, frame: pd.DataFrame | None = None) -> IntArray:
        snapshots = self.frame if frame is None else frame
        table = rfm_table(
            self.ledger, snapshots, start_days=choice.start_days, end_days=choice.end_days
        )
        if choice.rule == "inactive":
            label = table["frequency"].to_numpy() == 0
        elif choice.rule == "lowest fifth":
            label = _disengagement_rank(table) <= 0.2
        else:
            rule = fit_clusters(table, choice.k, self.quick.seed, logged=choice.logged)
            label = rule.assign(table) == 0
        return label.astype(np.int64)

    def scored(self, X: FloatArray, label: IntArray, rows: IntArray) -> FloatArray | None:
        """Return the scores of the half not fitted (NaN elsewhere), placed by ``rows``."""
        fitted = self.half[rows]
        if rarer(label[fitted]) < FEWEST:
            return None
        scores = np.full(len(self.frame), np.nan)
        scores[rows[~fitted]] = self.quick.fit(X[fitted], label[fitted])(X[~fitted])
        return scores

    def cases(self) -> Iterator[_Case]:
        """Yield the design as chosen, then every change to it."""
        yield self.relabelled("as chosen", self._named(), self.chosen)
        chosen = self.chosen
        if chosen.rule == "disengaged":
            for k in (chosen.k - 1, chosen.k + 1, chosen.k + 2):
                if k >= 2:
                    changed = _Choice(chosen.rule, k, True, chosen.start_days, chosen.end_days)
                    yield self.relabelled("clusters (k)", str(k), changed)
            changed = _Choice(chosen.rule, chosen.k, False, chosen.start_days, chosen.end_days)
            yield self.relabelled("scale", "not logged", changed)
        for days in SHIFTS:
            yield self.shifted(days)
        yield from self.other_windows()
        yield from self.other_rules()

    def _named(self) -> str:
        if self.chosen.rule == "inactive":
            return f"inactive for {self.chosen.end_days} days"
        window = "same window" if self.chosen.end_days == 0 else f"{self.chosen.end_days} days"
        return f"k = {self.chosen.k}, logged, {window}"

    def relabelled(self, change: str, setting: str, choice: _Choice) -> _Case:
        rows = np.arange(len(self.frame))
        return _Case(change, setting, self.labelled(choice), self.X, rows)

    def shifted(self, days: int) -> _Case:
        """Return the cohort taken ``days`` later (earlier where below 0)."""
        setting = f"{days:+d} days"
        moment = self.as_of + timedelta(days=days)
        missing = (moment + timedelta(days=self.chosen.end_days) - self.ledger.end).days
        if missing > 0:
            return self.impossible("cohort date", setting, f"needs {missing} more days of ledger")
        first = self.first_seen()
        rows = np.flatnonzero(first < moment)
        frame = self.frame.iloc[rows].assign(as_of=moment).reset_index(drop=True)
        assert self.data.catalogue is not None  # noqa: S101 - a proxy has transactions
        table = build_features(self.ledger, frame, self.data.catalogue)
        X = self.data.design.matrix(table)
        label = self.labelled(self.chosen, frame)
        short = (self.ledger.first - moment).days + self.labels.observation_days
        note = f"history lacks the first {short} days" if short > 0 else ""
        return _Case("cohort date", setting, label, X, rows, note)

    def first_seen(self) -> pd.Series:
        """Return each customer's first transaction."""
        found = self.ledger.frame(f"SELECT customer_id, first FROM {self.ledger.customers}")
        return self.frame["customer_id"].map(found.set_index("customer_id")["first"])

    def other_windows(self) -> Iterator[_Case]:
        """Yield windows a third shorter and longer."""
        chosen, observed = self.chosen, self.labels.observation_days
        history, future = (self.as_of - self.ledger.first).days, self.ledger.end - self.as_of
        for days in _thirds(chosen.end_days):
            if days > future.days:
                note = f"needs {days - future.days} more days of ledger"
                yield self.impossible("outcome window", f"{days} days", note)
            else:
                changed = _Choice(chosen.rule, chosen.k, True, 0, days)
                yield self.relabelled("outcome window", f"{days} days", changed)
        for days in _thirds(observed):
            if days > history:
                note = f"needs {days - history} more days of ledger"
                yield self.impossible("observation window", f"{days} days", note)
            else:
                yield self.observed(days)

    def observed(self, days: int) -> _Case:
        """Return the design with features (and a same-window label) from another window."""
        categories = self.data.catalogue.categories if self.data.catalogue else ()
        catalogue = build_catalogue(days, self.ledger.abilities, categories)
        table = build_features(self.ledger, self.frame, catalogue)
        X = fit_design(table, frozenset(), 2).matrix(table)
        chosen, label = self.chosen, self.label
        if chosen.end_days == 0:
            label = self.labelled(_Choice(chosen.rule, chosen.k, True, -days, 0))
        rows = np.arange(len(self.frame))
        return _Case("observation window", f"{days} days", label, X, rows)

    def other_rules(self) -> Iterator[_Case]:
        chosen = self.chosen
        start, end = chosen.start_days, chosen.end_days
        if end == 0 and self.labels.outcome_days:
            forward = _Choice("disengaged", chosen.k, True, 0, self.labels.outcome_days)
            yield self.relabelled("rule", "disengaged, after the features", forward)
        for rule in ("disengaged", "inactive", "lowest fifth"):
            if rule != chosen.rule:
                yield self.relabelled("rule", rule, _Choice(rule, chosen.k, True, start, end))

    def impossible(self, change: str, setting: str, note: str) -> _Case:
        empty = np.zeros(0, dtype=np.int64)
        return _Case(change, setting, empty, np.zeros((0, 0)), empty, note)

    def row(self, case: _Case) -> dict[str, Any]:
        """Compare a case with the design as chosen."""
        from sklearn.metrics import cohen_kappa_score

        n, bads = len(case.label), int(case.label.sum())
        row: dict[str, Any] = {"change": case.change, "setting": case.setting, "n": n}
        empty = dict.fromkeys(("bad_rate", "low", "high", "kappa", "rank_correlation"))
        row |= {"bads": bads, **empty, "note": case.note}
        if not n:
            return row
        low, high = share_interval(np.array([bads]), np.array([n]))
        row |= {"bad_rate": bads / n, "low": float(low[0]), "high": float(high[0])}
        base = self.label[case.rows]
        if rarer(case.label) == 0 or rarer(base) == 0:
            only = "everyone" if bads else "nobody"
            return row | {"note": f"{only} is bad under this rule"}
        row["kappa"] = float(cohen_kappa_score(base, case.label))
        scores = self.scored(case.X, case.label, case.rows)
        if scores is None or self.scores is None:
            return row | {"note": case.note or "too few of the rarer label to fit a model"}
        both = np.isfinite(scores) & np.isfinite(self.scores)
        if np.ptp(scores[both]) > 0 and np.ptp(self.scores[both]) > 0:
            row["rank_correlation"] = _spearman(scores[both], self.scores[both])
        return row


def _disengagement_rank(table: pd.DataFrame) -> FloatArray:
    """Return each customer's place from the least engaged, 0 to 1; ties share the first place."""
    counts = table["frequency"].rank() + table["monetary"].rank()
    engagement = counts + table["recency_days"].rank(ascending=False)
    return engagement.rank(method="min").to_numpy() / len(table)


def _spearman(first: FloatArray, second: FloatArray) -> float:
    """Return Spearman's rank correlation: Pearson's of the mean ranks."""
    ranks = pd.Series(first).rank(), pd.Series(second).rank()
    return float(np.corrcoef(*ranks)[0, 1])


def _thirds(days: int) -> list[int]:
    """Return a window a third shorter and one a third longer, none below a week."""
    others = (round(days * 2 / 3), round(days * 4 / 3))
    return [other for other in others if other >= SHORTEST_WINDOW_DAYS]


def _words(rows: list[dict[str, Any]]) -> str:
    rates = [row["bad_rate"] for row in rows if row["bad_rate"] is not None]
    said = [f"One choice changed at a time, the bad rate runs from {min(rates):.1%} to "]
    said[0] += f"{max(rates):.1%}."
    changed = [row for row in rows[1:] if row["kappa"] is not None]
    if changed:
        worst = min(changed, key=lambda row: row["kappa"])
        said.append(
            f"The label agrees least with the chosen one under {worst['change']}: "
            f"{worst['setting']} (kappa {worst['kappa']:.2f})."
        )
    ranked = [row for row in changed if row["rank_correlation"] is not None]
    if ranked:
        worst = min(ranked, key=lambda row: row["rank_correlation"])
        said.append(
            f"The ranking of customers moves most under {worst['change']}: {worst['setting']} "
            f"(rank correlation {worst['rank_correlation']:.2f})."
        )
    return " ".join(said)
