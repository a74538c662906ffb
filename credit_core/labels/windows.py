"""Observation and outcome windows, and the cohorts they allow in a ledger's span."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from credit_core.config import WindowsConfig
from credit_core.errors import InputError

SHORTEST_SPAN_DAYS = 42
SHORTEST_WINDOW_DAYS = 7
_LONG_SPAN_DAYS = 360
_OUTCOME_DAYS = 90


@dataclass(frozen=True)
class Windows:
    """The windows' lengths and the dates snapshots are taken at.

    Every development cohort's outcome window ends before ``out_of_time`` begins, so nothing the
    model learnt from lies after the date it is tested at.
    """

    observation_days: int
    outcome_days: int
    development: tuple[datetime, ...]
    out_of_time: datetime | None

    @property
    def cohorts(self) -> tuple[datetime, ...]:
        return self.development + ((self.out_of_time,) if self.out_of_time else ())

    def facts(self) -> dict[str, Any]:
        """Return the windows as JSON-ready facts."""
        return {
            "observation_days": self.observation_days,
            "outcome_days": self.outcome_days,
            "development": [moment.date().isoformat() for moment in self.development],
            "out_of_time": self.out_of_time.date().isoformat() if self.out_of_time else None,
        }


def choose_windows(first: datetime, end: datetime, config: WindowsConfig) -> Windows:
    """Choose windows and cohorts for transactions in ``[first, end)``.

    A long ledger (a year or more) is followed for 90 days and observed for up to a year, as much
    as leaves three development cohorts and one out of time; a short one is observed for two
    thirds of its span and followed for one third. Cohorts lie ``cohort_step_days`` apart; the
    last complete one is out of time. Each length, and the last cohort's date (``as_of``), may be
    given; what is not given makes room for what is.

    Raises
    ------
    InputError
        Where the span cannot hold the windows; the sentence says what would.

    Examples
    --------
    >>> chosen = choose_windows(datetime(1997, 1, 1), datetime(1998, 7, 1), WindowsConfig())
    >>> chosen.observation_days, chosen.outcome_days, len(chosen.development)
    (300, 90, 3)
    >>> chosen.out_of_time.date().isoformat()
    '1998-04-02'
    """
    span = (end - first).days
    if span < SHORTEST_SPAN_DAYS:
        raise InputError(
            f"The ledger spans {span} days; at least {SHORTEST_SPAN_DAYS} are needed to observe "
            "customers and then see what they do. Bring a history longer by "
            f"{_days(SHORTEST_SPAN_DAYS - span)} or more."
        )
    last = _last_cohort(first, end, config)
    outcome = config.outcome_days or _outcome(span, (end - last).days if last else span, config)
    last = last or end - timedelta(days=outcome)
    before = (last - first).days
    observation = config.observation_days or _observation(before, outcome, config)
    _refuse_what_does_not_fit(first, end, last, observation, outcome, config)
    step = timedelta(days=config.cohort_step_days)
    development: list[datetime] = []
    moment = last - timedelta(days=outcome)
    while moment - timedelta(days=observation) >= first and len(development) < config.max_cohorts:
        development.append(moment)
        moment -= step
    if not development:
        return Windows(observation, outcome, (last,), None)
    return Windows(observation, outcome, tuple(sorted(development)), last)


def _last_cohort(first: datetime, end: datetime, config: WindowsConfig) -> datetime | None:
    """Return the date asked for as a moment, None where none was."""
    if config.as_of is None:
        return None
    asked = datetime(config.as_of.year, config.as_of.month, config.as_of.day)
    earliest = first + timedelta(days=SHORTEST_WINDOW_DAYS)
    latest = end - timedelta(days=SHORTEST_WINDOW_DAYS)
    if not earliest <= asked <= latest:
        raise InputError(
            f"The cohort date {asked:%Y-%m-%d} (windows.as_of) leaves no window on both sides of "
            f"it; this ledger allows {earliest:%Y-%m-%d} to {latest:%Y-%m-%d}."
        )
    return asked


def _outcome(span: int, room: int, config: WindowsConfig) -> int:
    """Return the outcome window: 90 days of a long ledger, a third of a short one, what is left."""
    usual = _OUTCOME_DAYS if span >= _LONG_SPAN_DAYS else span // 3
    if config.as_of is None and config.observation_days:
        room = span - config.observation_days
    return max(min(usual, room), SHORTEST_WINDOW_DAYS)


def _observation(before: int, outcome: int, config: WindowsConfig) -> int:
    """Return the observation window, given the days of history before the last cohort.

    Whole months, leaving room for three development cohorts, where the history is long enough
    for that; all of it otherwise.
    """
    free = before - outcome
    if before + outcome < _LONG_SPAN_DAYS or free < outcome:
        return before
    months = max(min(365, free - 2 * config.cohort_step_days), min(180, free)) // 30
    return max(months * 30, 30)


def _refuse_what_does_not_fit(
    first: datetime,
    end: datetime,
    last: datetime,
    observation: int,
    outcome: int,
    config: WindowsConfig,
) -> None:
    span = (end - first).days
    shortest = observation if config.observation_days else SHORTEST_WINDOW_DAYS
    if config.as_of is None and shortest + outcome > span:
        raise InputError(
            f"An observation window of {_days(shortest)} and an outcome window of {outcome} need "
            f"{shortest + outcome} days of history; the ledger has {span}. Bring "
            f"{_days(shortest + outcome - span)} more, or shorten a window by as much."
        )
    if (end - last).days < outcome:
        raise InputError(
            f"An outcome window of {_days(outcome)} from {last:%Y-%m-%d} needs a ledger up to "
            f"{last + timedelta(days=outcome):%Y-%m-%d}; it ends before {end:%Y-%m-%d}. Choose a "
            f"date up to {end - timedelta(days=outcome):%Y-%m-%d}, or at most "
            f"{_days((end - last).days)}."
        )
    if (last - first).days < observation:
        raise InputError(
            f"An observation window of {_days(observation)} before {last:%Y-%m-%d} needs a ledger "
            f"from {last - timedelta(days=observation):%Y-%m-%d}; it begins on {first:%Y-%m-%d}. "
            f"Choose a date from {first + timedelta(days=observation):%Y-%m-%d}, or at most "
            f"{_days((last - first).days)}."
        )


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
