"""The score scale and the policy: identities that must hold whatever the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_core.config import PolicyConfig, ScaleConfig
from credit_core.decisions.policy import APPROVE, DECLINE, REFER, Policy, build_policy
from credit_core.decisions.scale import Scale

scales = st.builds(
    ScaleConfig,
    pdo=st.floats(1, 100),
    base_score=st.floats(0, 1000),
    base_odds=st.floats(0.1, 500),
)
log_odds = st.floats(-12, 12)


def points(scale: Scale, value: float) -> float:
    return float(scale.points(np.array([value]))[0])


@given(scales, log_odds)
def test_doubling_the_odds_adds_pdo_points(config: ScaleConfig, bad: float) -> None:
    scale = Scale.of(config)
    gained = points(scale, bad - np.log(2)) - points(scale, bad)
    assert gained == pytest.approx(config.pdo, abs=1e-6)


@given(scales)
def test_the_base_score_stands_at_the_base_odds(config: ScaleConfig) -> None:
    at_base = points(Scale.of(config), -np.log(config.base_odds))
    assert at_base == pytest.approx(config.base_score, abs=1e-6)


@given(scales, log_odds)
def test_points_go_back_to_the_log_odds(config: ScaleConfig, bad: float) -> None:
    scale = Scale.of(config)
    assert float(scale.log_odds(np.array([points(scale, bad)]))[0]) == pytest.approx(bad, abs=1e-6)


def test_the_default_scale_is_six_hundred_at_fifty_to_one() -> None:
    scale = Scale.of(ScaleConfig())
    assert points(scale, -np.log(50)) == pytest.approx(600)
    assert points(scale, -np.log(100)) == pytest.approx(620)
    assert points(scale, 0) < points(scale, -1), "higher is safer"


samples = st.integers(0, 10**6).map(
    lambda seed: (
        np.random.default_rng(seed).normal(560, 40, 500),
        (np.random.default_rng(seed).random(500) < 0.2).astype(np.int64),
    )
)


@given(samples, st.floats(0, 0.4), st.floats(0, 0.4))
def test_the_cut_offs_give_the_shares_asked_for(
    sample: tuple, decline: float, refer: float
) -> None:
    scores, label = sample
    policy = build_policy(scores, label, PolicyConfig(decline_share=decline, refer_share=refer))
    decided = policy.decide(scores, None)
    assert np.mean(decided == DECLINE) == pytest.approx(decline, abs=0.01)
    assert np.mean(decided == REFER) == pytest.approx(refer, abs=0.01)
    assert set(decided) <= {APPROVE, REFER, DECLINE}
    assert policy.decline_below <= policy.approve_from


@given(samples)
def test_bands_hold_everyone_once_and_count_their_bads(sample: tuple) -> None:
    scores, label = sample
    policy = build_policy(scores, label, PolicyConfig())
    named = policy.band_of(scores)
    assert [band.name for band in policy.bands] == ["E", "D", "C", "B", "A"]
    assert sum(band.n for band in policy.bands) == len(scores)
    for band in policy.bands:
        inside = named == band.name
        assert inside.sum() == band.n
        assert label[inside].sum() == band.bads
        assert band.bad_rate == pytest.approx(label[inside].mean())
        assert (scores[inside] >= (-np.inf if band.low is None else band.low)).all()
        assert (scores[inside] < (np.inf if band.high is None else band.high)).all()
    assert policy.bands[0].low is None
    assert policy.bands[-1].high is None
    assert policy.band_of(np.array([-1e9, 1e9])).tolist() == ["E", "A"]


def test_a_decision_turns_exactly_at_the_cut_offs() -> None:
    policy = Policy(approve_from=600.0, decline_below=550.0, thin_file_transactions=3, bands=())
    at = np.array([549.999, 550.0, 599.999, 600.0])
    assert policy.decide(at, None).tolist() == [DECLINE, REFER, REFER, APPROVE]


@given(st.floats(0, 1000), st.integers(0, 10))
def test_a_thin_file_is_referred_whatever_the_score(score: float, transactions: int) -> None:
    policy = Policy(approve_from=600.0, decline_below=550.0, thin_file_transactions=3, bands=())
    alone = policy.decide(np.array([score]), None)[0]
    counted = policy.decide(np.array([score]), np.array([float(transactions)]))[0]
    assert counted == (REFER if transactions < 3 else alone)


def test_given_cut_offs_override_the_shares() -> None:
    config = PolicyConfig(approve_from=580, decline_below=500)
    policy = build_policy(np.linspace(300, 800, 50), np.tile([0, 1], 25), config)
    assert (policy.approve_from, policy.decline_below) == (580, 500)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_scores_with_few_values_still_make_bands(levels: int) -> None:
    scores = np.tile(np.linspace(500, 600, levels), 30)
    label = np.arange(len(scores)) % 2
    policy = build_policy(scores, label, PolicyConfig())
    assert sum(band.n for band in policy.bands) == len(scores)
    assert Policy.from_facts(policy.facts()) == policy
    assert len(set(policy.band_of(scores))) <= levels
