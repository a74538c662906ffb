"""The honesty gauge: what the common recipe seems to reach on this data, and what is true.

Three AUCs of one quick model, side by side: label and features from the same window, label after
the features, and label after the features on a later cohort. For observed outcomes the second and
third stand beside what recency, frequency, money and the proxy label reach alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger
from credit_core.labels.proxy import apply_proxy
from credit_core.labels.samples import OUT_OF_TIME, LabelledSnapshots
from credit_core.modelling.metrics import auc_interval
from credit_core.modelling.quick import FEWEST, Quick, auc_facts, one_cohort, rarer

FloatArray = NDArray[np.float64]
CUSTOMERS = 10_000
PROXY_BARS = ("same_window", "forward", "out_of_time")
OBSERVED_BARS = (
    "cross_validation",
    "out_of_time",
    "rfm_model",
    "recency_days",
    "frequency",
    "monetary",
    "proxy_label",
)


def honesty_gauge(
    ledger: Ledger | None,
    labels: LabelledSnapshots,
    X: FloatArray,
    config: ModelConfig,
    references: dict[str, Any],
) -> dict[str, Any]:
    """Return the gauge as JSON-ready facts.

    Parameters
    ----------
    X : array of shape (snapshots, columns)
        The design matrix of ``labels.frame``, row for row.
    references : dict
        `outcome_references` of observed outcomes; empty otherwise.

    Returns
    -------
    dict
        ``bars``: {name: AUC facts, or None where it could not be measured}, in the order of
        `PROXY_BARS` or `OBSERVED_BARS`; ``customers``: how many at most it was measured on;
        ``why``: what the bars say, in words.
    """
    quick = Quick(config.training.seed)
    if ledger is None or not labels.is_proxy:
        return _observed(labels, X, quick, references)
    return _proxy(ledger, labels, X, config, quick)


def _proxy(
    ledger: Ledger, labels: LabelledSnapshots, X: FloatArray, config: ModelConfig, quick: Quick
) -> dict[str, Any]:
    cohort = one_cohort(labels, CUSTOMERS, quick.seed)
    later = one_cohort(labels, CUSTOMERS, quick.seed, out_of_time=True)
    both = replace(cohort, frame=pd.concat([cohort.frame, later.frame.assign(sample=OUT_OF_TIME)]))
    label = both.frame["label"].to_numpy(dtype=np.int64)
    if labels.kind == "same_window":
        label = _labelled(ledger, both, "disengaged", config)
    same = _labelled(ledger, cohort, "same_window", config)
    design, fitted = X[both.frame.index], len(cohort.frame)
    customers = cohort.frame["customer_id"]
    bars = {
        "same_window": _cross_fitted(quick, design[:fitted], same, customers),
        "forward": _cross_fitted(quick, design[:fitted], label[:fitted], customers),
        "out_of_time": _later(quick, design, label, fitted),
    }
    return {
        "customers": len(cohort.frame),
        "observation_days": labels.observation_days,
        "outcome_days": labels.outcome_days,
        "bars": bars,
        "why": _proxy_words(bars, labels),
    }


def _labelled(
    ledger: Ledger, cohort: LabelledSnapshots, kind: str, config: ModelConfig
) -> NDArray[np.int64]:
    relabelled = apply_proxy(ledger, replace(cohort, kind=kind), config)
    return relabelled.frame["label"].to_numpy(dtype=np.int64)


def _cross_fitted(
    quick: Quick, X: FloatArray, label: NDArray[np.int64], customers: pd.Series
) -> dict[str, Any] | None:
    if rarer(label) < FEWEST:
        return None
    return auc_facts(quick.cross_fitted(X, label, customers))


def _later(
    quick: Quick, X: FloatArray, label: NDArray[np.int64], fitted: int
) -> dict[str, Any] | None:
    """Return the AUC on the rows from ``fitted`` on of a model of the rows before."""
    if rarer(label[:fitted]) < FEWEST or rarer(label[fitted:]) < FEWEST:
        return None
    model = quick.fit(X[:fitted], label[:fitted])
    return auc_facts(auc_interval(label[fitted:], model(X[fitted:])))


def _observed(
    labels: LabelledSnapshots, X: FloatArray, quick: Quick, references: dict[str, Any]
) -> dict[str, Any]:
    known = one_cohort(labels, CUSTOMERS, quick.seed)
    later = one_cohort(labels, CUSTOMERS, quick.seed, out_of_time=True)
    frame = pd.concat([known.frame, later.frame])
    label, fitted = frame["label"].to_numpy(dtype=np.int64), len(known.frame)
    design = X[frame.index]
    bars: dict[str, Any] = {
        "cross_validation": _cross_fitted(
            quick, design[:fitted], label[:fitted], known.frame["customer_id"]
        ),
        "out_of_time": _later(quick, design, label, fitted),
    }
    for name in OBSERVED_BARS[2:]:
        found = references.get(name)
        bars[name] = found and {key: found[key] for key in ("auc", "auc_low", "auc_high")} | {
            "n": found["n"],
            "bads": found["bads"],
        }
    return {
        "customers": len(known.frame),
        "observation_days": labels.observation_days,
        "outcome_days": None,
        "bars": bars,
        "why": _observed_words(bars),
    }


def _proxy_words(bars: dict[str, Any], labels: LabelledSnapshots) -> str:
    same, forward, later = (bars[name] for name in PROXY_BARS)
    after = f"the {labels.outcome_days} days after them"
    said = []
    if same:
        said.append(
            f"With clusters as the label and features from the same {labels.observation_days} days "
            f"a model reaches AUC {same['auc']:.3f}: it finds the clustering rule again."
        )
    else:
        said.append("The same-window recipe could not be measured: too few of the rarer label.")
    if forward:
        asked = "disengaged" if labels.kind == "same_window" else labels.kind
        said.append(
            f"Asked who is {asked} in {after}, one reaches {forward['auc']:.3f}: what can truly be "
            "known."
        )
    else:
        said.append(f"For {after} it could not be measured: too few of the rarer label.")
    if later:
        said.append(f"On the later cohort, {later['auc']:.3f}.")
    elif labels.windows.get("out_of_time") is None:
        said.append("The ledger is too short for a later cohort, so none was tested out of time.")
    else:
        said.append("Out of time too few of the rarer label are left to measure it.")
    return " ".join(said)


def _observed_words(bars: dict[str, Any]) -> str:
    inside, later = bars["cross_validation"], bars["out_of_time"]
    if inside is None:
        return "There are too few of the rarer outcome to measure anything."
    said = [f"A quick model reaches AUC {inside['auc']:.3f} on customers it has not seen"]
    said[0] += f" and {later['auc']:.3f} on later applications." if later else "."
    if later is None:
        said.append("No applications are late enough to be out of time.")
    rfm, proxy = bars.get("rfm_model"), bars.get("proxy_label")
    if rfm:
        said.append(f"Recency, frequency and money alone reach {rfm['auc']:.3f}.")
    if proxy:
        said.append(f"The proxy label, which even sees the days after, reaches {proxy['auc']:.3f}.")
    return " ".join(said)
