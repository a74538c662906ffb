"""The circularity checks: an honest design passes, a circular one cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from credit_core.config import ModelConfig
from credit_core.data.ledger import open_ledger
from credit_core.data.store import Dataset
from credit_core.features.build import build_features
from credit_core.features.catalogue import build_catalogue
from credit_core.labels.observed import observed_labels
from credit_core.labels.proxy import proxy_labels
from credit_core.labels.samples import OUT_OF_TIME
from credit_core.modelling.checks import canary, find_leaks, run_checks
from credit_core.modelling.reference import outcome_references
from credit_core.settings import Settings

CONFIG = ModelConfig()


def checked(dataset: Dataset, settings: Settings, kind: str, seed: int = 0):
    config = CONFIG.replacing(training={"seed": seed})
    with open_ledger(dataset, settings) as ledger:
        make = observed_labels if kind == "observed" else proxy_labels
        given = (dataset, ledger) if kind == "observed" else (ledger, kind)
        labels = make(*given, config)
        catalogue = build_catalogue(labels.observation_days, ledger.abilities)
        return canary(ledger, labels, catalogue, config)


@pytest.mark.parametrize("kind", ["disengaged", "inactive", "observed"])
def test_the_canary_passes_on_a_forward_design(
    kind: str, dataset: Dataset, shared_settings: Settings
) -> None:
    found = checked(dataset, shared_settings, kind)
    assert found.passed is True, found
    assert found.low <= 0.5 or found.high < 0.5
    assert found.high - found.low < 0.5, "an interval that says something"


def test_the_canary_fails_where_label_and_features_share_a_window(
    dataset: Dataset, shared_settings: Settings
) -> None:
    found = checked(dataset, shared_settings, "same_window")
    assert found.passed is False
    assert found.auc > 0.9
    assert found.low > 0.5


def test_the_canary_does_not_depend_on_row_order(
    dataset: Dataset, shared_settings: Settings
) -> None:
    found = []
    with open_ledger(dataset, shared_settings) as ledger:
        labels = proxy_labels(ledger, "disengaged", CONFIG)
        catalogue = build_catalogue(labels.observation_days, ledger.abilities)
        ledger.run("CREATE TEMP TABLE other AS SELECT * FROM transactions ORDER BY hash(amount)")
        for relation in ("transactions", "other"):
            given = replace(ledger, relation=relation)
            found.append(canary(given, labels, catalogue, CONFIG))
    assert found[0] == found[1]


def test_a_design_on_noise_is_called_what_it_is(
    dataset: Dataset, shared_settings: Settings
) -> None:
    with open_ledger(dataset, shared_settings) as ledger:
        for kind, circular in (("same_window", True), ("inactive", False)):
            labels = proxy_labels(ledger, kind, CONFIG)
            catalogue = build_catalogue(labels.observation_days, ledger.abilities)
            table = build_features(ledger, labels.frame, catalogue)
            found = run_checks(
                ledger, labels, catalogue, list(table.columns), table.to_numpy(), CONFIG
            )
            assert found["circular"] is circular
            assert (found["refusal"] is not None) is circular
            assert found["canary"]["passed"] is not circular


def noise(n: int = 1500) -> tuple[np.ndarray, np.ndarray, list[str]]:
    rng = np.random.default_rng(0)
    X = rng.lognormal(0, 1, (n, 5))
    return X, (rng.random(n) < 0.3).astype(np.int64), [f"x{i}" for i in range(5)]


def test_no_leak_is_found_in_noise() -> None:
    X, label, names = noise()
    assert find_leaks(X, names, label, 0) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_a_copy_of_the_label_is_found(sign: int) -> None:
    X, label, names = noise()
    X[:, 3] = sign * label
    (leak,) = find_leaks(X, names, label, 0)
    assert (leak.features, leak.form, leak.auc) == (("x3",), "alone", 1.0)


@pytest.mark.parametrize("form", ["ratio", "product"])
def test_a_label_masked_by_noise_in_two_columns_is_found(form: str) -> None:
    X, label, names = noise()
    mask = np.random.default_rng(1).lognormal(0, 3, len(label))
    hidden = np.exp(label + 0.05 * np.random.default_rng(2).normal(size=len(label)))
    X[:, 1] = mask
    X[:, 4] = hidden * mask if form == "ratio" else hidden / mask
    found = find_leaks(X, names, label, 0)
    assert [(leak.features, leak.form) for leak in found] == [(("x1", "x4"), form)]
    assert found[0].auc > 0.98
    assert find_leaks(X[:, [0, 1, 2, 3]], names[:4], label, 0) == [], "neither leaks alone"


def test_a_leak_hidden_by_a_few_missing_values_is_found() -> None:
    X, label, names = noise()
    X[:, 2] = label
    X[::3, 2] = np.nan
    assert find_leaks(X, names, label, 0)[0].features == ("x2",)


def test_a_feature_that_all_but_tells_the_label_is_found() -> None:
    X, label, names = noise()
    X[:, 0] = label + np.random.default_rng(5).normal(size=len(label)) * 0.3
    (leak,) = find_leaks(X, names, label, 0)
    assert leak.features == ("x0",)
    assert 0.98 < leak.auc < 0.999


def test_a_strong_but_honest_feature_is_no_leak() -> None:
    X, label, names = noise()
    X[:, 0] = label + np.random.default_rng(5).normal(size=len(label)) * 0.6
    assert find_leaks(X, names, label, 0) == []


def test_the_references_say_what_money_and_the_proxy_know(
    dataset: Dataset, shared_settings: Settings
) -> None:
    with open_ledger(dataset, shared_settings) as ledger:
        labels = observed_labels(dataset, ledger, CONFIG)
        found = outcome_references(ledger, labels, CONFIG)
    named = ("recency_days", "frequency", "monetary", "rfm_model")
    assert found["best_rfm_auc"] == max(found[name]["auc"] for name in named)
    assert all(found[name]["auc"] >= 0.5 for name in named[:3])
    inside = labels.frame["sample"] != OUT_OF_TIME
    assert found["rfm_model"]["n"] < inside.sum()
    proxy = found["proxy_label"]
    assert proxy["auc_low"] <= proxy["auc"] <= proxy["auc_high"]
    assert 0 <= proxy["bad_rate_others"] <= 1
    assert isinstance(pd.Series(found["monetary"])["n"], int | float)
