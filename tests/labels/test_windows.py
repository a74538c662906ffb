"""Windows and cohorts: what a ledger's span allows, and that the future stays out."""

from __future__ import annotations

from datetime import date, datetime, timedelta

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
    place=st.none() | st.floats(0, 1),
)
def test_no_cohort_sees_past_another_ones_future(
    span: int,
    outcome: int | None,
    observation: int | None,
    step: int,
    most: int,
    place: float | None,
) -> None:
    asked = None if place is None else (FIRST + timedelta(days=round(place * span))).date()
    config = WindowsConfig(
        as_of=asked,
        outcome_days=outcome,
        observation_days=observation,
        cohort_step_days=step,
        max_cohorts=most,
    )
    try:
        found = choose_windows(FIRST, end_after(span), config)
    except InputError:
        # Only windows that were asked for can be too long; chosen ones fit.
        assert outcome is not None or observation is not None or asked is not None
        return
    assert found.observation_days >= 7
    assert found.outcome_days >= 7
    followed = timedelta(days=found.outcome_days)
    observed = timedelta(days=found.observation_days)
    assert 1 <= len(found.development) <= most
    assert list(found.development) == sorted(set(found.development))
    for as_of in found.cohorts:
        assert as_of + followed <= end_after(span), "the outcome window is complete"
        assert as_of - observed >= FIRST, "the observation window is complete"
    if asked is not None:
        assert found.cohorts[-1].date() == asked
    if found.out_of_time is not None:
        if asked is None:
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


def test_what_is_not_given_makes_room_for_what_is() -> None:
    given = choose_windows(FIRST, end_after(100), WindowsConfig(observation_days=80))
    assert (given.observation_days, given.outcome_days) == (80, 20)
    given = choose_windows(FIRST, end_after(100), WindowsConfig(outcome_days=60))
    assert (given.observation_days, given.outcome_days) == (40, 60)
    early = choose_windows(FIRST, end_after(600), WindowsConfig(as_of=date(2022, 3, 2)))
    assert (early.observation_days, early.outcome_days) == (60, 90)
    assert early.out_of_time is None


@pytest.mark.parametrize(
    ("windows", "says"),
    [
        ({"observation_days": 90, "outcome_days": 30}, "need 120 days .* has 100. Bring 20 days"),
        ({"outcome_days": 95}, "need 102 days .* has 100. Bring 2 days more"),
        ({"observation_days": 96}, "need 103 days .* Bring 3 days more"),
        ({"as_of": date(2022, 1, 3)}, "allows 2022-01-08 to 2022-04-04"),
        ({"as_of": date(2022, 3, 1), "outcome_days": 60}, "up to 2022-04-30; .* up to 2022-02-10"),
        (
            {"as_of": date(2022, 3, 1), "observation_days": 60},
            "from 2021-12-31; .* from 2022-03-02",
        ),
    ],
)
def test_a_refusal_says_what_would_be_enough(windows: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        choose_windows(FIRST, end_after(100), WindowsConfig(**windows))
