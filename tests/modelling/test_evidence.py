"""The gauge, the sensitivity table and the concordance: what a training says about its label."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger, open_ledger
from credit_core.data.store import Dataset
from credit_core.features.build import build_features
from credit_core.features.catalogue import build_catalogue
from credit_core.labels.clusters import fit_clusters
from credit_core.labels.observed import known_outcomes
from credit_core.labels.proxy import proxy_labels
from credit_core.labels.rfm import rfm_table
from credit_core.labels.samples import DEVELOPMENT, LabelledSnapshots
from credit_core.modelling.checks import find_leaks
from credit_core.modelling.concordance import clusters_against
from credit_core.modelling.design import fit_design
from credit_core.modelling.gauge import honesty_gauge
from credit_core.modelling.sensitivity import sensitivity
from credit_core.modelling.training import TrainingData
from credit_core.settings import Settings

CONFIG = ModelConfig()


def designed(ledger: Ledger, kind: str) -> tuple[LabelledSnapshots, TrainingData]:
    labels = proxy_labels(ledger, kind, CONFIG)
    catalogue = build_catalogue(labels.observation_days, ledger.abilities)
    table = build_features(ledger, labels.frame, catalogue)
    inside = (labels.frame["sample"] == DEVELOPMENT).to_numpy()
    design = fit_design(table[inside], frozenset(), 2)
    kept = catalogue.only(set(design.sources))
    return labels, TrainingData(design.matrix(table), labels.frame, design, kept)


@pytest.fixture(scope="module")
def checks(store) -> dict[str, dict[str, Any]]:
    """The checks of the shared store's two trainings, as their bundles keep them."""
    return {
        "proxy": store.proxy.checks,
        "observed": store.observed.checks,
    }


def test_the_same_window_shines_and_the_future_is_harder(checks) -> None:
    bars = checks["proxy"]["gauge"]["bars"]
    same, forward, later = bars["same_window"], bars["forward"], bars["out_of_time"]
    assert same["auc"] > 0.97
    assert same["auc_low"] > forward["auc_high"], "the gap is no accident"
    for found in (same, forward, later):
        assert found["auc_low"] <= found["auc"] <= found["auc_high"]
        assert found["n"] > found["bads"] > 0
    assert forward["auc"] > 0.6
    assert f"{same['auc']:.3f}" in checks["proxy"]["gauge"]["why"]


def test_observed_outcomes_have_references_and_no_sensitivity(checks) -> None:
    gauge = checks["observed"]["gauge"]
    assert set(gauge["bars"]) == {
        "cross_validation", "out_of_time", "rfm_model", "recency_days", "frequency", "monetary",
        "proxy_label",
    }  # fmt: skip
    assert gauge["bars"]["cross_validation"]["auc"] > gauge["bars"]["rfm_model"]["auc"]
    found = checks["observed"]["sensitivity"]
    assert found["applies"] is False
    assert found["rows"] == []
    assert "does not apply" in found["why"]


def test_checks_are_in_the_bundle_and_in_what_train_prints(store, checks) -> None:
    for result, name in ((store.proxy, "proxy"), (store.observed, "observed")):
        facts = json.loads((result.versions[0].path / "bundle.json").read_text())
        kept = {key: found for key, found in facts["checks"].items() if key != "naive"}
        assert kept == json.loads(json.dumps(checks[name]))
        assert facts["checks"]["naive"], "what the model had to beat"
        assert result.facts()["checks"] is result.checks


def test_sensitivity_names_every_choice_and_measures_it(checks) -> None:
    found = checks["proxy"]["sensitivity"]
    rows = pd.DataFrame(found["rows"])
    assert set(rows["change"]) == {
        "as chosen", "clusters (k)", "scale", "cohort date", "outcome window",
        "observation window", "rule",
    }  # fmt: skip
    first = found["rows"][0]
    assert (first["kappa"], first["rank_correlation"]) == pytest.approx((1, 1))
    for row in found["rows"]:
        if row["bad_rate"] is None:
            assert row["note"], "what could not be measured says why"
            continue
        assert row["bad_rate"] == row["bads"] / row["n"]
        low, high = beta.ppf([0.025, 0.975], row["bads"] + 0.5, row["n"] - row["bads"] + 0.5)
        assert row["low"] == pytest.approx(low if row["bads"] else 0)
        assert row["high"] == pytest.approx(high)
        assert row["kappa"] is None or -1 <= row["kappa"] <= 1
    assert sorted(rows.loc[rows["change"] == "cohort date", "setting"]) == [
        "+14 days", "+7 days", "-14 days", "-7 days",
    ]  # fmt: skip
    rates = rows["bad_rate"].dropna()
    assert f"{rates.min():.1%} to {rates.max():.1%}" in found["why"]


def test_the_inactive_rule_against_the_clusters_is_what_the_tables_say(
    dataset: Dataset, shared_settings: Settings
) -> None:
    with open_ledger(dataset, shared_settings) as ledger:
        labels, data = designed(ledger, "disengaged")
        rows = sensitivity(ledger, labels, data, CONFIG)["rows"]
        early = labels.frame["sample"] != "out_of_time"
        last = labels.frame[early & (labels.frame["as_of"] == labels.frame["as_of"][early].max())]
        table = rfm_table(ledger, last, start_days=0, end_days=labels.outcome_days)
    chosen = fit_clusters(table, 4, CONFIG.training.seed).assign(table) == 0
    silent = table["frequency"].to_numpy() == 0
    (row,) = [row for row in rows if row["setting"] == "inactive"]
    assert row["bads"] == silent.sum()
    assert row["kappa"] == pytest.approx(cohen_kappa_score(chosen, silent))
    (k,) = [row for row in rows if (row["change"], row["setting"]) == ("clusters (k)", "5")]
    other = fit_clusters(table, 5, CONFIG.training.seed).assign(table) == 0
    assert k["kappa"] == pytest.approx(cohen_kappa_score(chosen, other))


@pytest.mark.parametrize("kind", ["inactive", "same_window"])
def test_gauge_and_sensitivity_do_not_depend_on_row_order(
    kind: str, dataset: Dataset, shared_settings: Settings
) -> None:
    found = []
    with open_ledger(dataset, shared_settings) as ledger:
        ledger.run("CREATE TEMP TABLE mixed AS SELECT * FROM transactions ORDER BY hash(amount)")
        for relation in ("transactions", "mixed"):
            given = replace(ledger, relation=relation)
            labels, data = designed(given, kind)
            gauge = honesty_gauge(given, labels, data.X, CONFIG, {})
            found.append((gauge, sensitivity(given, labels, data, CONFIG)))
    assert found[0] == found[1]


def test_a_same_window_training_is_shown_what_the_future_gives(
    dataset: Dataset, shared_settings: Settings
) -> None:
    with open_ledger(dataset, shared_settings) as ledger:
        labels, data = designed(ledger, "same_window")
        bars = honesty_gauge(ledger, labels, data.X, CONFIG, {})["bars"]
    assert bars["same_window"]["auc_low"] > bars["forward"]["auc_high"]


def test_concordance_against_hand_counts(dataset: Dataset, shared_settings: Settings) -> None:
    with open_ledger(dataset, shared_settings) as ledger:
        outcomes = known_outcomes(dataset, ledger)
        found = clusters_against(ledger, outcomes, -180, 0, CONFIG)
        first = ledger.frame("SELECT customer_id, min(timestamp) AS f FROM transactions GROUP BY 1")
        known = outcomes.merge(first, on="customer_id").query("f < as_of").reset_index(drop=True)
        table = rfm_table(ledger, known, start_days=-180, end_days=0)
    cluster = fit_clusters(table, 4, CONFIG.training.seed).assign(table)
    label = known["label"].to_numpy()
    assert found["n"] == len(known)
    assert found["auc"] == pytest.approx(roc_auc_score(label, cluster == 0))
    assert found["kappa"] == pytest.approx(cohen_kappa_score(label, (cluster == 0).astype(int)))
    for row in found["clusters"]:
        own = label[cluster == row["cluster"]]
        assert (row["n"], row["bads"]) == (len(own), own.sum())
        assert row["low"] <= row["bad_rate"] <= row["high"]


def test_few_outcomes_are_no_concordance(dataset: Dataset, shared_settings: Settings) -> None:
    with open_ledger(dataset, shared_settings) as ledger:
        few = known_outcomes(dataset, ledger).head(15)
        assert clusters_against(ledger, few, -180, 0, CONFIG) is None


@pytest.mark.parametrize("hidden", [False, True])
def test_recency_in_a_ratio_with_frequency_is_a_leak(hidden: bool) -> None:
    """Recency left out, yet frequency and recency/frequency kept: their product is recency."""
    rng = np.random.default_rng(0)
    n = 3000
    recency, frequency = rng.uniform(0, 300, n), rng.poisson(12, n).astype(float)
    if hidden:  # without any transaction the ratio has no value
        frequency[recency > 280] = 0
    label = (recency > np.quantile(recency, 0.85)).astype(np.int64)
    with np.errstate(divide="ignore"):
        ratio = np.where(frequency > 0, recency / frequency, np.nan)
    money = rng.lognormal(4, 1, n)
    leaks = find_leaks(
        np.column_stack([frequency, ratio, money]), ["frequency", "ratio", "money"], label, 0
    )
    assert leaks[0].features == ("frequency", "ratio")
    assert leaks[0].form == "product"


def test_a_label_that_hides_in_what_is_missing_is_a_leak() -> None:
    rng = np.random.default_rng(0)
    label = (rng.random(2000) < 0.2).astype(np.int64)
    x = np.where(label == 1, np.nan, rng.normal(size=2000))
    (leak,) = find_leaks(np.column_stack([x, rng.normal(size=2000)]), ["x", "y"], label, 0)
    assert leak.features == ("x",)
