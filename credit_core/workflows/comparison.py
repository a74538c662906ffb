"""Models side by side: tables that a screen or a report shows as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.config import ScaleConfig
from credit_core.decisions.scale import Scale
from credit_core.labels.samples import DEVELOPMENT, HOLDOUT, OUT_OF_TIME
from credit_core.modelling.bundle import Bundle
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
_FIGURES = ("auc", "auc_low", "auc_high", "gini", "ks", "brier", "log_loss", "n", "bads")


def leaderboard(versions: Sequence[ModelVersion]) -> pd.DataFrame:
    """Return one row a model and sample, in the order given.

    Columns: reference, family, label, dataset, champion, circular, mark ('champion', 'circular'
    or ''), sample, then auc with auc_low and auc_high (95%), gini, ks, brier, log_loss, n, bads.
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
            **{figure: metrics[figure] for figure in _FIGURES},
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


def _rows(evaluation: pd.DataFrame, sample: str) -> tuple[NDArray[np.int64], FloatArray]:
    chosen = evaluation[evaluation["sample"] == SAMPLES[sample]]
    return chosen["label"].to_numpy(dtype=np.int64), chosen["risk"].to_numpy(dtype=np.float64)


def roc_curve(evaluation: pd.DataFrame, sample: str, most: int = 400) -> pd.DataFrame:
    """Return false_positive_rate and true_positive_rate of a sample, at most ``most`` points.

    A cross-validation's curve pools its folds, so its area may differ from their mean AUC.
    """
    points = roc_points(*_rows(evaluation, sample))
    kept = np.unique(np.linspace(0, len(points) - 1, most).round().astype(int))
    return pd.DataFrame(points[kept], columns=["false_positive_rate", "true_positive_rate"])


def calibration(evaluation: pd.DataFrame, sample: str) -> pd.DataFrame:
    """Return a sample's calibration by tenths of predicted risk (see `calibration_table`)."""
    return calibration_table(*_rows(evaluation, sample))


def score_shares(
    evaluation: pd.DataFrame, sample: str, bundle: Bundle, width: float = 10.0
) -> pd.DataFrame:
    """Return the scores of goods and bads in bins of ``width`` points.

    Columns: low (points, the bin's lower edge), goods and bads (counts), goods_share and
    bads_share (of all goods and of all bads).
    """
    label, risk = _rows(evaluation, sample)
    clipped = np.clip(risk, 1e-15, 1 - 1e-15)
    scale = Scale.of(ScaleConfig(**bundle.facts["scale"]))
    points = scale.points(np.log(clipped) - np.log1p(-clipped))
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
    label, risk = _rows(first, sample)
    if len(np.unique(label)) < 2:
        return None
    return auc_difference(label, risk, _rows(second, sample)[1])


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
