"""Models side by side: tables that a screen or a report shows as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.decisions.contributions import scale_of
from credit_core.decisions.policy import Policy
from credit_core.labels.samples import DEVELOPMENT, HOLDOUT, OUT_OF_TIME
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.grades import band_table, gains_table
from credit_core.modelling.metrics import (
    AucDifference,
    auc_difference,
    calibration_table,
    roc_points,
)
from credit_core.oversight.registry import ModelVersion

FloatArray = NDArray[np.float64]
SAMPLES = {
    "cross_validation": DEVELOPMENT,
    "holdout": HOLDOUT,
    "out_of_time": OUT_OF_TIME,
}
"""The samples models are compared on, and their names in the evaluation rows."""
_FIGURES = (
    *("auc", "auc_low", "auc_high", "gini", "ks", "ks_low", "ks_high", "pr_auc", "brier"),
    *("log_loss", "slope", "n", "bads"),
)


def leaderboard(versions: Sequence[ModelVersion]) -> pd.DataFrame:
    """Return one row a model and sample, in the order given.

    Columns: reference, family, label, dataset, champion, circular, mark ('champion', 'circular'
    or ''), sample, then auc with auc_low and auc_high (95%), gini, ks with ks_low and ks_high,
    pr_auc, brier, log_loss, slope (of calibration; 1 = right), n, bads.
    """
    rows = [
        {
            "reference": version.reference,
            "family": version.family,
            "label": version.label,
            "dataset": version.dataset,
            "champion": version.champion,
            "circular": version.circular,
            "mark": "circular" if version.circular else "champion" * version.champion,
            "sample": sample,
            **{figure: metrics.get(figure) for figure in _FIGURES},
        }
        for version in versions
        for sample, metrics in version.metrics.items()
    ]
    return pd.DataFrame(rows)


def same_sample(evaluations: Sequence[pd.DataFrame]) -> bool:
    """Return True where evaluations hold the same rows: same samples and labels, in order."""
    columns = ["sample", "label"]
    return all(
        evaluations[0][columns].equals(evaluation[columns]) for evaluation in evaluations[1:]
    )


def rows_of(evaluation: pd.DataFrame, sample: str) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the labels and risks of a sample's rows, shape (n,) each."""
    chosen = evaluation[evaluation["sample"] == SAMPLES[sample]]
    return chosen["label"].to_numpy(dtype=np.int64), chosen["risk"].to_numpy(dtype=np.float64)


def roc_curve(evaluation: pd.DataFrame, sample: str, most: int = 400) -> pd.DataFrame:
    """Return false_positive_rate and true_positive_rate of a sample, at most ``most`` points.

    A cross-validation's curve pools its folds, so its area may differ from their mean AUC.
    """
    points = roc_points(*rows_of(evaluation, sample))
    return pd.DataFrame(
        points[_spread(len(points), most)], columns=["false_positive_rate", "true_positive_rate"]
    )


def precision_curve(evaluation: pd.DataFrame, sample: str, most: int = 400) -> pd.DataFrame:
    """Return recall (share of bads found) and precision (share of those found that are bad)."""
    label, risk = rows_of(evaluation, sample)
    rates = roc_points(label, risk)[1:]
    bads, goods = rates[:, 1] * label.sum(), rates[:, 0] * (len(label) - label.sum())
    table = pd.DataFrame({"recall": rates[:, 1], "precision": bads / (bads + goods)})
    return table.iloc[_spread(len(table), most)].reset_index(drop=True)


def ks_curve(evaluation: pd.DataFrame, sample: str, most: int = 400) -> pd.DataFrame:
    """Return bads_share and goods_share found, and their distance, from the riskiest down.

    ``population_share`` is the share of everyone looked at; KS is the largest distance.
    """
    label, risk = rows_of(evaluation, sample)
    rates = roc_points(label, risk)
    seen = rates[:, 1] * label.sum() + rates[:, 0] * (len(label) - label.sum())
    table = pd.DataFrame(
        {
            "population_share": seen / len(label),
            "bads_share": rates[:, 1],
            "goods_share": rates[:, 0],
            "distance": rates[:, 1] - rates[:, 0],
        }
    )
    kept = np.union1d(_spread(len(table), most), [int(table["distance"].argmax())])
    return table.iloc[kept].reset_index(drop=True)


def _spread(n: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, n - 1, most).round().astype(np.int64))


def gains(evaluation: pd.DataFrame, sample: str) -> pd.DataFrame:
    """Return a sample's lift and gains by tenths of risk (see `gains_table`)."""
    return gains_table(*rows_of(evaluation, sample))


def bands(evaluation: pd.DataFrame, sample: str, bundle: Bundle) -> pd.DataFrame:
    """Return predicted against observed by the policy's bands, safest first (see `band_table`)."""
    label, risk = rows_of(evaluation, sample)
    policy = Policy.from_facts(bundle.facts["policy"])
    names = [band.name for band in reversed(policy.bands)]
    return band_table(label, risk, policy.band_of(_points(risk, bundle)), names)


def _points(risk: FloatArray, bundle: Bundle) -> FloatArray:
    clipped = np.clip(risk, 1e-15, 1 - 1e-15)
    scale = scale_of(bundle)
    return scale.points(np.log(clipped) - np.log1p(-clipped))


def calibration(evaluation: pd.DataFrame, sample: str) -> pd.DataFrame:
    """Return a sample's calibration by tenths of predicted risk (see `calibration_table`)."""
    return calibration_table(*rows_of(evaluation, sample))


def score_shares(
    evaluation: pd.DataFrame, sample: str, bundle: Bundle, width: float = 10.0
) -> pd.DataFrame:
    """Return the scores of goods and bads in bins of ``width`` points.

    Columns: low (points, the bin's lower edge), goods and bads (counts), goods_share and
    bads_share (of all goods and of all bads).
    """
    label, risk = rows_of(evaluation, sample)
    points = _points(risk, bundle)
    low = np.floor(points / width).astype(int)
    bins = np.arange(low.min(), low.max() + 1)
    goods = np.bincount(low[label == 0] - bins[0], minlength=len(bins))
    bads = np.bincount(low[label == 1] - bins[0], minlength=len(bins))
    return pd.DataFrame(
        {
            "low": bins * width,
            "goods": goods,
            "bads": bads,
            "goods_share": goods / max(goods.sum(), 1),
            "bads_share": bads / max(bads.sum(), 1),
        }
    )


def difference(first: pd.DataFrame, second: pd.DataFrame, sample: str) -> AucDifference | None:
    """Return the first's AUC minus the second's, None where they were not judged on one sample."""
    if sample not in SAMPLES or not same_sample([first, second]):
        return None
    label, risk = rows_of(first, sample)
    if len(np.unique(label)) < 2:
        return None
    return auc_difference(label, risk, rows_of(second, sample)[1])


def changes(candidate: Bundle, champion: Bundle) -> list[str]:
    """Return what changes with a promotion besides the model, a sentence each.

    That is the data, the label with its windows, and the inputs: who sends applications to be
    scored has to send others from then on.
    """
    new, old = candidate.facts, champion.facts
    said = []
    if new["dataset"]["fingerprint"] != old["dataset"]["fingerprint"]:
        said.append(
            f"It was trained on other data: {_data_of(new)}; the champion on {_data_of(old)}."
        )
    if _label_of(new) != _label_of(old):
        said.append(f"Its label is {_label_of(new)}; the champion's {_label_of(old)}.")
    if candidate.reads_transactions != champion.reads_transactions:
        said.append(
            "It reads transactions; the champion reads none."
            if candidate.reads_transactions
            else "It reads no transactions; the champion does."
        )
    if added := _others(candidate, champion):
        said.append(f"It reads what the champion does not: {added}.")
    if dropped := _others(champion, candidate):
        said.append(f"It no longer reads {dropped}.")
    return said


def _data_of(facts: dict[str, Any]) -> str:
    found = facts["dataset"]
    return f"{found['name']!r} ({found['customers']:,} customers)"


def _label_of(facts: dict[str, Any]) -> str:
    label = facts["label"]
    followed = f", followed for {label['outcome_days']}" if label["outcome_days"] else ""
    seen = f", observed for {label['observation_days']} days" if facts["features"] else ""
    return f"{label['kind']}{seen}{followed}"


def _others(one: Bundle, other: Bundle, most: int = 6) -> str:
    """Name the inputs of one model that another does not have; "" where there are none."""
    known = set(other.design.sources)
    names = [source for source in one.design.sources if source not in known]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def evidence(
    candidate: ModelVersion,
    champion: ModelVersion | None,
    evaluation: Callable[[ModelVersion], pd.DataFrame],
) -> pd.DataFrame:
    """Return what a promotion rests on: one row a sample the candidate was judged on.

    Columns: sample, n, bads; auc, auc_low, auc_high of the candidate; champion_auc of the
    champion on its own sample; and difference, difference_low, difference_high (DeLong's paired
    test), missing where the two were not judged on the same rows. A cross-validation's
    difference pools the folds. ``evaluation`` gives a version's evaluation rows.
    """
    rows = []
    for sample, metrics in candidate.metrics.items():
        beside = champion.metrics.get(sample) if champion else None
        found = (
            difference(evaluation(candidate), evaluation(champion), sample) if champion else None
        )
        rows.append(
            {
                "sample": sample,
                **{name: metrics[name] for name in ("n", "bads", "auc", "auc_low", "auc_high")},
                "champion_auc": beside["auc"] if beside else None,
                "difference": found.difference if found else None,
                "difference_low": found.low if found else None,
                "difference_high": found.high if found else None,
            }
        )
    columns = ["champion_auc", "difference", "difference_low", "difference_high"]
    table = pd.DataFrame(rows)
    return table.astype(dict.fromkeys(columns, "float64"))
