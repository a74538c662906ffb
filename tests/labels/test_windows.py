"""Windows and cohorts: what a ledger's span allows, and that the future stays out."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_core.config import WindowsConfig
from credit_core.errors import InputError
from credit_core.labels.windows import SHORTEST_SPAN_DAYS, choose_windows

FIRST = datetime(2022, 1, 1)


def end_after(days: int) -> datetime:
    return FIRST + timedelta(days=days)


@given(
    span=st.integers(SHORTEST_SPAN_DAYS, 3000),
    outcome=st.none() | st.integers(7, 200),
    observation=st.none() | st.integers(7, 900),
    step=st.integers(1, 120),
    most=st.integers(1, 12),
)
def test_no_cohort_sees_past_another_ones_future(
    span: int, outcome: int | None, observation: int | None, step: int, most: int
) -> None:
    config = WindowsConfig(
        outcome_days=outcome,
        observation_days=observation,
        cohort_step_days=step,
        max_cohorts=most,
    )
    try:
        found = choose_windows(FIRST, end_after(span), config)
    except InputError:
        # Only windows that were asked for can be too long; chosen ones fit.
        assert outcome is not None or observation is not None
        return
    followed = timedelta(days=found.outcome_days)
    observed = timedelta(days=found.observation_days)
    assert 1 <= len(found.development) <= most
    assert list(found.development) == sorted(set(found.development))
    for as_of in found.cohorts:
        assert as_of + followed <= end_after(span), "the outcome window is complete"
        assert as_of - observed >= FIRST, "the observation window is complete"
    if found.out_of_time is not None:
        assert found.out_of_time + followed == end_after(span), "the last complete one"
        for as_of in found.development:
            assert as_of + followed <= found.out_of_time, "nothing learnt from the test's time"
    if outcome is not None:
        assert found.outcome_days == outcome
    if observation is not None:
        assert found.observation_days == observation


@pytest.mark.parametrize("span", [0, 1, SHORTEST_SPAN_DAYS - 1])
def test_a_span_too_short_is_refused(span: int) -> None:
    with pytest.raises(InputError, match=f"spans {span} days; at least {SHORTEST_SPAN_DAYS}"):
        choose_windows(FIRST, end_after(span), WindowsConfig())


@given(st.integers(SHORTEST_SPAN_DAYS, 359))
def test_a_short_ledger_is_observed_two_thirds_and_followed_one(span: int) -> None:
    found = choose_windows(FIRST, end_after(span), WindowsConfig())
    assert found.outcome_days == span // 3
    assert found.observation_days == span - span // 3
    assert found.out_of_time is None
    assert found.development == (end_after(span - span // 3),)


@given(st.integers(360, 3000))
def test_a_long_ledger_is_followed_for_ninety_days_with_a_cohort_out_of_time(span: int) -> None:
    found = choose_windows(FIRST, end_after(span), WindowsConfig())
    assert found.outcome_days == 90
    assert found.observation_days <= 365
    assert found.observation_days % 30 == 0
    assert found.out_of_time == end_after(span - 90)


def test_windows_longer_than_the_ledger_are_refused_with_both_lengths() -> None:
    config = WindowsConfig(observation_days=300, outcome_days=90)
    with pytest.raises(InputError, match="need 390 days of history; the ledger has 380"):
        choose_windows(FIRST, end_after(380), config)
