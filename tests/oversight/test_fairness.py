"""Fairness: rates are fairlearn's, small groups are said and not shown, proxies are found."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_ratio,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)

from credit_core import workflows
from credit_core.config import FairnessConfig
from credit_core.errors import InputError
from credit_core.labels.observed import load_applications
from credit_core.oversight import events
from credit_core.oversight.fairness import MISSING, alternatives, by_group, proxies
from credit_core.workflows.fairness import fairness_report, record_fairness
from credit_core.workflows.report import gather, make

LIMITS = FairnessConfig()


@pytest.fixture
def own(store, tmp_path: Path):
    shutil.copytree(store.settings.home, tmp_path / "home")
    return replace(store, settings=store.settings.model_copy(update={"home": tmp_path / "home"}))


def test_the_figures_are_fairlearns_on_real_scores(store) -> None:
    version = store.version("lightgbm")
    found = fairness_report(store.dataset, store.settings, LIMITS, model=version.reference)
    (one,) = found["attributes"]
    assert one["attribute"] == "protected_gender"
    scored = workflows.score(store.dataset, store.settings, store.bundle("lightgbm"))
    frame = load_applications(store.dataset).merge(
        scored.summary[["customer_id", "as_of", "decision"]], on=["customer_id", "as_of"]
    )
    good = (frame["outcome"] == 0).astype(int)
    approved = (frame["decision"] == "approve").astype(int)
    group = frame["protected_gender"].fillna(MISSING)
    large = group.isin([row["group"] for row in one["groups"]])
    oracle = MetricFrame(
        metrics={"approval": selection_rate, "tpr": true_positive_rate, "fpr": false_positive_rate},
        y_true=good[large],
        y_pred=approved[large],
        sensitive_features=group[large],
    )
    for row in one["groups"]:
        expected = oracle.by_group.loc[row["group"]]
        for name in ("approval", "tpr", "fpr"):
            if row[name] is not None:
                assert row[name] == pytest.approx(expected[name])
                assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
    rates = [row["approval"] for row in one["groups"]]
    ratio = demographic_parity_ratio(good[large], approved[large], sensitive_features=group[large])
    assert min(rates) / max(rates) == pytest.approx(ratio)


def made(seed: int = 0, n: int = 4000) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    groups = np.where(rng.random(n) < 0.6, "a", np.where(rng.random(n) < 0.97, "b", "c"))
    points = rng.normal(600, 40, n) - 20 * (groups == "b")
    outcome = (rng.random(n) < 0.1).astype(float)
    return groups, points >= 580, points, outcome


def test_a_planted_difference_is_measured_and_a_small_group_is_only_said() -> None:
    groups, approved, points, outcome = made()
    found = by_group(groups, approved, points, outcome, FairnessConfig(minimum_group=100))
    assert found["reference"] == "a"
    assert [row["group"] for row in found["groups"]] == ["a", "b"]
    assert found["too_small"] == {"c": int((groups == "c").sum())}
    b = found["groups"][1]
    assert b["smd"] == pytest.approx(-0.5, abs=0.08)
    assert b["air_low"] < b["air"] < b["air_high"] < 1
    assert b["air"] == pytest.approx(
        approved[groups == "b"].mean() / approved[groups == "a"].mean()
    )
    assert found["groups"][0]["air"] is None, "the reference has no ratio to itself"


def test_the_ratios_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(["a", "b"], [700, 500])
    held = 0
    for _ in range(100):
        approved = rng.random(1200) < np.where(groups == "a", 0.7, 0.56)
        points, outcome = rng.normal(size=1200), np.full(1200, np.nan)
        row = by_group(groups, approved, points, outcome, LIMITS)["groups"][1]
        held += row["air_low"] <= 0.8 <= row["air_high"]
        assert row["tpr"] is None, "no outcome is known"
    assert 0.88 <= held / 100 <= 1


def test_inputs_that_give_a_group_away_are_named() -> None:
    rng = np.random.default_rng(0)
    belongs = (rng.random(2000) < 0.4).astype(np.int64)
    X = np.column_stack([rng.normal(size=2000), rng.normal(size=2000) + 2 * belongs])
    found = proxies(X, ["harmless", "telling"], [np.array([0]), np.array([1])], belongs, 0)
    assert found is not None
    assert found["strongest"][0]["source"] == "telling"
    assert found["auc"] > 0.88
    nothing = proxies(X[:, :1], ["harmless"], [np.array([0])], belongs, 0)
    assert nothing is not None
    assert nothing["low"] < 0.53
    assert proxies(X[:30], ["h", "t"], [np.array([0]), np.array([1])], belongs[:30] * 0, 0) is None


def test_the_frontier_is_beaten_by_nothing() -> None:
    groups, _, points, outcome = made()
    fair = points + 20 * (groups == "b")
    rows = alternatives(
        {"m:1": points, "m:2": fair}, groups, outcome, 0.6, FairnessConfig(minimum_group=100)
    )
    assert len(rows) == 10
    assert rows[0]["model"] == "m:2", "the model without the planted difference is more even"
    for row in rows:
        beaten = any(
            other["air"] >= row["air"] and other["bad_rate"] <= row["bad_rate"]
            and (other["air"], other["bad_rate"]) != (row["air"], row["bad_rate"])
            for other in rows
        )  # fmt: skip
        assert row["frontier"] == (not beaten)
        assert abs(row["approved"] - 0.6) < 0.06


def test_a_recorded_report_is_in_the_dossier(own) -> None:
    reference = own.version("logistic").reference
    governance = own.config.governance
    before = make(gather(own.settings, reference, governance), ".html").decode()
    assert "a fairness report on the declared protected attributes" in before
    found = fairness_report(own.dataset, own.settings, LIMITS, model=reference)
    event = record_fairness(own.settings, found)
    assert events.find_event(own.settings, event.sequence) is not None
    after = make(gather(own.settings, reference, governance), ".html").decode()
    assert "protected_gender" in after
    assert "Impact ratio" in after
    assert "a fairness report on the declared" not in after


def test_data_without_a_declared_attribute_are_refused(settings, store, written) -> None:
    plain = written("customer_id,date,amount\nA,2024-01-05,1\nB,2024-02-05,2\n")
    dataset = workflows.ingest(plain, settings)
    with pytest.raises(InputError, match="declares no protected attribute"):
        fairness_report(dataset, settings, LIMITS)


def test_no_declared_attribute_is_an_input_of_any_model(store) -> None:
    for version in (*store.observed.versions, *store.proxy.versions):
        names = pd.Index(store.bundle(version.family).design.sources)
        assert not names.str.startswith("protected").any()
