"""Monitoring: an unshifted file raises nothing, a shifted one the right alerts, at any size."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from credit_core import workflows
from credit_core.config import ModelConfig, MonitoringConfig, Thresholds
from credit_core.data.simulate import simulate
from credit_core.errors import InputError, RefusedError
from credit_core.modelling.stability import freeze_levels, freeze_numbers
from credit_core.oversight import events
from credit_core.oversight.monitoring import LEVELS, level_of, overrides
from credit_core.workflows.monitoring import (
    monitor,
    receive_outcomes,
    received_outcomes,
    record_report,
    reports,
)

LIMITS = MonitoringConfig()


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 other customers of the same simulated bank."""
    folder = tmp_path_factory.mktemp("later")
    simulate(folder, customers=500, seed=77)
    applications = pd.read_csv(folder / "applications.csv")
    applications.drop(columns="outcome").to_csv(folder / "asked.csv", index=False)
    applications[["customer_id", "as_of", "outcome"]].to_csv(folder / "came.csv", index=False)
    rows = pd.read_csv(folder / "transactions.csv.gz")
    rows.loc[rows["amount"] > 0, "amount"] *= 2
    rows["balance"] -= 2500
    rows.to_csv(folder / "shifted.csv", index=False)
    return folder


@pytest.fixture
def own(store, tmp_path: Path):
    """The trained store with a home and a registry of the test's own."""
    shutil.copytree(store.settings.home, tmp_path / "home")
    shutil.copytree(store.settings.models, tmp_path / "models")
    moved = {"home": tmp_path / "home", "models": tmp_path / "models"}
    return replace(store, settings=store.settings.model_copy(update=moved))


@pytest.mark.parametrize("family", ["logistic", "xgboost", "lightgbm", "scorecard"])
def test_an_unshifted_file_of_500_raises_nothing(own, later: Path, family: str) -> None:
    dataset = workflows.ingest(
        later / "transactions.csv.gz", own.settings, applications=later / "asked.csv"
    )
    found = monitor(dataset, own.settings, LIMITS, model=own.version(family).reference)
    assert found["n"] == 500
    assert found["alerts"] == []
    assert found["level"] == "ok"
    assert len(found["drift"]["features"]) == len(own.bundle(family).design.sources)
    assert {one["n_now"] for one in found["drift"]["features"]} == {500}


def test_a_new_policy_is_no_drift(own, later: Path) -> None:
    dataset = workflows.ingest(
        later / "transactions.csv.gz", own.settings, applications=later / "asked.csv"
    )
    version = own.version("logistic")
    before = monitor(dataset, own.settings, LIMITS, model=version.reference)
    assert before["drift"]["approval"]["in_force"] == before["drift"]["approval"]["rate"]
    workflows.set_policy(
        own.settings, version, approve_from=900.0, decline_below=400.0,
        thin_file_transactions=3, reason="nobody",
    )  # fmt: skip
    after = monitor(dataset, own.settings, LIMITS, model=version.reference)
    assert after["drift"]["approval"] == {**before["drift"]["approval"], "in_force": 0.0}
    assert after["level"] == "ok"


def test_a_shifted_file_raises_the_right_alerts_and_stops_promotion(own, later: Path) -> None:
    version = own.version("xgboost")
    dataset = workflows.ingest(
        later / "shifted.csv", own.settings, applications=later / "asked.csv"
    )
    found = monitor(dataset, own.settings, LIMITS, model=version.reference)
    assert found["level"] == "stop promoting"
    moved = {one["source"] for one in found["drift"]["features"] if one["level"] != "ok"}
    assert {"balance_min", "money_out", "net_flow"} <= moved
    assert not moved & {"tenure_days", "weekend_share", "recency_days", "transactions"}
    actions = LIMITS.actions
    known = {actions.watch, actions.investigate, actions.stop_promoting}
    assert {alert["do"] for alert in found["alerts"]} <= known
    assert found["alerts"][0]["do"] == actions.stop_promoting
    approval = found["drift"]["approval"]
    assert approval["rate"] < approval["low"] + 0.05 < approval["then"]

    event = record_report(own.settings, found)
    assert reports(own.settings, version)["level"].tolist() == ["stop promoting"]
    with pytest.raises(RefusedError, match=f"event {event.sequence}.* says to stop promoting"):
        workflows.promote(version.reference, "anyway", own.settings)
    calm = monitor(own.dataset, own.settings, LIMITS, model=version.reference)
    record_report(own.settings, calm)
    assert workflows.promote(version.reference, "mended", own.settings).champion
    assert events.verify(own.settings) is None


def test_outcomes_that_arrive_are_compared_with_development(own, later: Path) -> None:
    version = own.version("logistic")
    dataset = workflows.ingest(
        later / "transactions.csv.gz", own.settings, applications=later / "asked.csv"
    )
    before = monitor(dataset, own.settings, LIMITS, model=version.reference)
    assert before["outcomes"] is None
    told = receive_outcomes(later / "came.csv", dataset, own.settings)
    assert (told["rows"], told["rejected"]) == (500, 0)
    found = monitor(dataset, own.settings, LIMITS, model=version.reference)["outcomes"]
    scored = workflows.score_dataset(dataset, own.settings, model=version.reference).frame
    came = pd.read_csv(later / "came.csv", parse_dates=["as_of"])
    both = scored.merge(came, on=["customer_id", "as_of"])
    assert found["n"] == len(both) == told["matched"]
    assert found["auc"] == pytest.approx(roc_auc_score(both["outcome"], both["risk"]))
    assert sum(one["n"] for one in found["bands"]) == found["n"]
    assert sum(one["bads"] for one in found["vintages"]) == found["bads"]
    # The same file again changes nothing; a proxy model is judged without calling its risk a PD.
    assert receive_outcomes(later / "came.csv", dataset, own.settings)["known"] == found["n"]
    proxy = monitor(dataset, own.settings, LIMITS, model=own.proxy.versions[0].reference)[
        "outcomes"
    ]
    assert "predicted" not in proxy["bands"][0]
    assert proxy["development"]["auc"] == pytest.approx(
        own.proxy.versions[0].metrics["observed_outcome"]["auc"]
    )


def test_outcomes_of_others_or_without_outcome_are_refused(own, later: Path, written) -> None:
    with pytest.raises(InputError, match="none of the 1 customers"):
        receive_outcomes(written("customer_id,outcome\nZZZ,1\n"), own.dataset, own.settings)
    with pytest.raises(InputError, match="no column has outcomes"):
        receive_outcomes(later / "asked.csv", own.dataset, own.settings)
    assert received_outcomes(own.settings, own.dataset) is None


@given(st.floats(0, 10), st.floats(0, 10))
def test_more_is_never_a_milder_level(first: float, second: float) -> None:
    limits = Thresholds(watch=0.1, investigate=0.25, stop_promoting=0.5)
    low, high = sorted((first, second))
    assert LEVELS.index(level_of(low, limits)) <= LEVELS.index(level_of(high, limits))


def test_few_overrides_raise_nothing_and_many_do() -> None:
    assert overrides(3, 2, LIMITS)["level"] == "ok", "two of three say nothing"
    assert overrides(300, 200, LIMITS)["level"] == "stop promoting"
    assert overrides(0, 0, LIMITS)["rate"] is None


@given(
    st.lists(st.one_of(st.floats(-50, 50), st.just(float("nan"))), min_size=1, max_size=60),
    st.lists(st.floats(allow_infinity=False, width=32), min_size=1, max_size=60),
)
def test_frozen_bins_count_everyone_once(then: list[float], now: list[float]) -> None:
    frozen = freeze_numbers(np.array(then))
    assert sum(frozen.counts) == len(then)
    assert frozen.count(np.array(now, dtype=np.float64)).sum() == len(now)
    assert frozen.psi(np.array(frozen.counts)).psi == pytest.approx(0)


def test_a_level_never_seen_falls_into_the_last_bin() -> None:
    frozen = freeze_levels(pd.Series(["a", "b", "a"]))
    assert frozen.levels == ["a", "b"]
    assert frozen.count(pd.Series(["a", "z", "z"])).tolist() == [1, 0, 2]


def test_limits_that_fall_are_refused() -> None:
    with pytest.raises(ValueError, match="must not fall"):
        ModelConfig.model_validate(
            {"monitoring": {"score_psi": {"watch": 1, "investigate": 0.5, "stop_promoting": 2}}}
        )
