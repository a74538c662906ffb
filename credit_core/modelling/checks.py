"""Checks that a design is not circular: the canary, and leaks by one feature or two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger
from credit_core.errors import InputError
from credit_core.features.build import build_features
from credit_core.features.catalogue import Catalogue
from credit_core.labels.proxy import apply_proxy
from credit_core.labels.samples import DEVELOPMENT, LabelledSnapshots
from credit_core.labels.scramble import scrambled
from credit_core.modelling.design import fit_design
from credit_core.modelling.quick import FEWEST, Quick, one_cohort, rarer

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CANARY_LEVEL = 0.999
"""Level of the canary's interval: one false alarm in a thousand, for it cannot be overridden."""
LEAK_AUC = 0.98
_CANARY_CUSTOMERS = 20_000
_LEAK_ROWS = 2_000


@dataclass(frozen=True)
class Canary:
    """What the design still finds where there is nothing to find.

    ``passed`` is None where the canary does not apply; ``why`` says so in words.
    """

    auc: float | None
    low: float | None
    high: float | None
    n: int
    passed: bool | None
    why: str

    def facts(self) -> dict[str, Any]:
        return {**asdict(self), "level": CANARY_LEVEL}


def canary(
    ledger: Ledger,
    labels: LabelledSnapshots,
    catalogue: Catalogue,
    config: ModelConfig,
) -> Canary:
    """Give every transaction to a random customer, rebuild features and label, and train.

    An honest design falls to AUC 0.5; one whose label comes from the features' own window stays
    near 1. One cohort is used, so that calendar effects cannot pass for a finding; half of the
    customers are fitted and the other half tested, both ways round.
    """
    seed = config.training.seed
    cohort = one_cohort(labels, _CANARY_CUSTOMERS, seed)
    cohort = replace(cohort, frame=cohort.frame.reset_index(drop=True))
    label, table = _scrambled_design(ledger, cohort, catalogue, config)
    if rarer(label) < FEWEST:
        return Canary(
            None,
            None,
            None,
            len(label),
            None,
            f"only {rarer(label)} of the rarer label were left after scrambling, too few",
        )
    X = fit_design(table, frozenset(), 2).matrix(table)
    quick = Quick(seed)
    found = quick.cross_fitted(X, label, cohort.frame["customer_id"], CANARY_LEVEL)
    passed = found.low <= 0.5
    why = "with every transaction given to a random customer the design "
    if not passed:
        why += "still predicts its label, so label and features share their source"
    elif found.high < 0.5:
        why += "ranks its label a little the wrong way round, as cross-fitting does on noise"
    else:
        why += "finds nothing, as it should"
    return Canary(found.auc, found.low, found.high, len(label), passed, why)


def _scrambled_design(
    ledger: Ledger, cohort: LabelledSnapshots, catalogue: Catalogue, config: ModelConfig
) -> tuple[IntArray, pd.DataFrame]:
    seed = config.training.seed
    frame = cohort.frame
    if not cohort.is_proxy:
        # Dates are dealt out anew as well: what is left can only be a leak.
        dates = frame["as_of"].to_numpy()
        frame = frame.assign(as_of=np.random.default_rng(seed).permutation(dates))
    opens = frame["as_of"].min() - timedelta(days=cohort.observation_days)
    closes = frame["as_of"].max() + timedelta(days=cohort.outcome_days or 0)
    nobody = scrambled(
        ledger,
        frame["customer_id"].drop_duplicates(),
        opens.to_pydatetime(),
        closes.to_pydatetime(),
        seed,
        _kept_share(ledger, cohort),
    )
    if cohort.is_proxy:
        label = apply_proxy(nobody, cohort, config).frame["label"]
    else:
        label = frame["label"]
    return label.to_numpy(dtype=np.int64), build_features(nobody, frame, catalogue)


def _kept_share(ledger: Ledger, cohort: LabelledSnapshots) -> float:
    """Return the share of transactions that keeps inactivity as common as it really is."""
    if cohort.kind != "inactive":
        return 1.0
    rate = float(np.clip(cohort.frame["label"].mean(), 0.02, 0.98))
    as_of = cohort.frame["as_of"].max()
    count = ledger.one(
        f"SELECT count(*) FROM {ledger.relation} WHERE timestamp >= $start AND timestamp < $end",
        {"start": as_of, "end": as_of + timedelta(days=cohort.outcome_days or 0)},
    )[0]
    expected = count / len(cohort.frame)
    return float(min(1.0, -np.log(rate) / expected)) if expected > 0 else 1.0


@dataclass(frozen=True)
class Leak:
    """A feature, or a product or ratio of two, that alone ranks the label almost perfectly."""

    features: tuple[str, ...]
    form: str
    auc: float

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def find_leaks(X: FloatArray, names: list[str], label: IntArray, seed: int) -> list[Leak]:
    """Return what reaches AUC > 0.98 alone or as a pair, the strongest first.

    Pairs are looked at on up to 2,000 rows; a pair with a leaking member is not reported again.
    """
    if len(label) > _LEAK_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(label), _LEAK_ROWS, replace=False))
        X, label = X[chosen], label[chosen]
    if rarer(label) < FEWEST:
        return []
    leaks = []
    clean = []
    for j, name in enumerate(names):
        strength = _strength(X[:, j], label)
        if strength > LEAK_AUC:
            leaks.append(Leak((name,), "alone", strength))
        else:
            clean.append(j)
    for first, second, form, values in _pairs(X, clean):
        strength = _strength(values, label)
        if strength > LEAK_AUC:
            leaks.append(Leak((names[first], names[second]), form, strength))
    return sorted(leaks, key=lambda leak: (len(leak.features), -leak.auc))


def _pairs(X: FloatArray, columns: list[int]) -> Iterator[tuple[int, int, str, FloatArray]]:
    for a, first in enumerate(columns):
        for second in columns[a + 1 :]:
            x, y = X[:, first], X[:, second]
            yield first, second, "product", x * y
            with np.errstate(divide="ignore", invalid="ignore"):
                yield first, second, "ratio", x / y


def _strength(values: FloatArray, label: IntArray) -> float:
    """Return max(AUC, 1 - AUC); rows without a value come last, come first, or are left out.

    They are left out only where most rows have a value: a label may hide in what is missing.
    """
    known = np.isfinite(values)
    if known.all():
        return _separation(values, label)
    found = [_separation(np.where(known, values, filler), label) for filler in (-np.inf, np.inf)]
    if known.sum() >= 0.5 * len(label):
        found.append(_separation(values[known], label[known]))
    return max(found)


def _separation(values: FloatArray, label: IntArray) -> float:
    if rarer(label) < FEWEST:
        return 0.5
    bad, good = values[label == 1], np.sort(values[label == 0])
    below = np.searchsorted(good, bad, "left") + np.searchsorted(good, bad, "right")
    auc = below.sum() / (2 * len(good) * len(bad))
    return float(max(auc, 1 - auc))


def run_checks(
    ledger: Ledger | None,
    labels: LabelledSnapshots,
    catalogue: Catalogue | None,
    design_names: list[str],
    X: FloatArray,
    config: ModelConfig,
) -> dict[str, Any]:
    """Return the checks of a design as facts: canary, leaks, and whether it is circular."""
    development = (labels.frame["sample"] == DEVELOPMENT).to_numpy()
    label = labels.frame["label"].to_numpy(dtype=np.int64)
    leaks = find_leaks(X[development], design_names, label[development], config.training.seed)
    if ledger is None or catalogue is None:
        bird = Canary(None, None, None, 0, None, "there are no transactions to scramble")
    else:
        try:
            bird = canary(ledger, labels, catalogue, config)
        except InputError as error:
            bird = Canary(None, None, None, 0, None, str(error))
    circular = labels.kind == "same_window" or bird.passed is False
    return {
        "canary": bird.facts(),
        "leaks": [leak.facts() for leak in leaks],
        "circular": circular,
        "refusal": refusal(labels.kind, bird, leaks),
    }


def refusal(kind: str, bird: Canary, leaks: list[Leak]) -> str | None:
    """Return why the design cannot be promoted, None where nothing stands against it."""
    if kind == "same_window":
        return (
            "The label same_window comes from the very window the features come from, so the "
            "model only re-learns the clustering rule. It is shown for comparison and cannot be "
            "promoted; train on the label disengaged or inactive, or on observed outcomes."
        )
    if bird.passed is False:
        return (
            f"The canary failed: {bird.why} (AUC {bird.auc:.3f}, {bird.low:.3f} to "
            f"{bird.high:.3f}). A circular design cannot be promoted."
        )
    if leaks:
        worst = leaks[0]
        return (
            f"{' and '.join(worst.features)} ({worst.form}) alone reaches AUC {worst.auc:.3f}: "
            "the label is all but written in the features. Remove the leak and train again."
        )
    return None
