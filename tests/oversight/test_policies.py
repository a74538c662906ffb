"""Policies are versions in the record; the latest is in force on every way in."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_core import workflows
from credit_core.decisions.effect import effect, profit_curve
from credit_core.errors import InputError
from credit_core.oversight import events
from credit_core.oversight.policies import load_in_force, policy_versions, set_policy


@pytest.fixture
def own(store, tmp_path):
    shutil.copytree(store.settings.home, tmp_path / "home")
    return replace(store, settings=store.settings.model_copy(update={"home": tmp_path / "home"}))


def test_a_saved_policy_decides_and_the_old_one_stays_on_record(own) -> None:
    version = own.version("logistic")
    before = workflows.score_dataset(own.dataset, own.settings, model=version.reference).frame
    trained = load_in_force(own.settings, version)
    assert trained.facts["policy_version"] == 0
    strict = float(before["score"].max()) + 1
    made = set_policy(
        own.settings, version, approve_from=strict, decline_below=400.0,
        thin_file_transactions=5, reason="a test",
    )  # fmt: skip
    after = workflows.score_dataset(own.dataset, own.settings, model=version.reference).frame
    assert (after["score"] == before["score"]).all(), "a policy never touches a score"
    assert not (after["decision"] == "approve").any()
    listed = policy_versions(own.settings, version, load_in_force(own.settings, version))
    assert [one.number for one in listed] == [1, 0]
    assert (listed[0].event, listed[0].reason) == (made.sequence, "a test")
    assert listed[1].policy.facts() == trained.facts["policy"]
    assert events.verify(own.settings) is None
    # Another model keeps its own.
    other = load_in_force(own.settings, own.version("xgboost"))
    assert other.facts["policy_version"] == 0
    found = workflows.explain(
        own.dataset, own.settings, str(before["customer_id"].iloc[0]), model=version.reference
    )
    recorded = workflows.decide(found, found.decision, own.settings)
    assert recorded.details["policy_version"] == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"approve_from": 400.0}, "may not be above"),
        ({"thin_file_transactions": -1}, "from 0 to 10,000"),
        ({"reason": " "}, "Say why"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(own, change, sentence) -> None:
    asked = {"approve_from": 560.0, "decline_below": 500.0, "thin_file_transactions": 3,
             "reason": "x", **change}  # fmt: skip
    with pytest.raises(InputError, match=sentence):
        set_policy(own.settings, own.version("logistic"), **asked)
    assert load_in_force(own.settings, own.version("logistic")).facts["policy_version"] == 0


judged = st.lists(
    st.tuples(st.integers(300, 850).map(float), st.integers(0, 1)), min_size=2, max_size=60
)


@given(judged, st.integers(300, 850), st.integers(0, 200))
def test_effect_counts_everyone_once(drawn, approve, gap) -> None:
    points, label = (np.array(column) for column in zip(*drawn, strict=True))
    found = effect(points, label, float(approve), float(approve - gap))
    assert found.approved + found.referred + found.declined == found.n == len(drawn)
    assert found.approved == sum(p >= approve for p, _ in drawn)
    assert found.bads_approved == sum(y for p, y in drawn if p >= approve)
    if found.approved:
        assert 0 <= found.low <= found.bad_rate <= found.high <= 1


@given(judged)
def test_the_profit_curve_is_what_each_cut_off_earns(drawn) -> None:
    points, label = (np.array(column) for column in zip(*drawn, strict=True))
    curve = profit_curve(points, label, margin=3.0, loss=20.0)
    for row in curve.itertuples():
        inside = label[points >= row.approve_from]
        earned = 3.0 * (inside == 0).sum() - 20.0 * (inside == 1).sum()
        assert row.profit == pytest.approx(earned / len(points))
        assert row.approved == pytest.approx(len(inside) / len(points))
