"""Observation and outcome windows, and the cohorts they allow in a ledger's span."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from credit_core.config import WindowsConfig
from credit_core.errors import InputError

SHORTEST_SPAN_DAYS = 42
_LONG_SPAN_DAYS = 360


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
    last complete one is out of time.

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
            "customers and then see what they do. Bring a longer history."
        )
    long = span >= _LONG_SPAN_DAYS and (config.outcome_days or 90) * 3 <= span
    outcome = config.outcome_days or (90 if long else span // 3)
    observation = config.observation_days or _observation(span, outcome, config, long)
    if observation + outcome > span:
        raise InputError(
            f"An observation window of {observation} days and an outcome window of {outcome} "
            f"need {observation + outcome} days of history; the ledger has {span}. Shorten them."
        )
    last = end - timedelta(days=outcome)
    step = timedelta(days=config.cohort_step_days)
    development: list[datetime] = []
    moment = last - timedelta(days=outcome)
    while moment - timedelta(days=observation) >= first and len(development) < config.max_cohorts:
        development.append(moment)
        moment -= step
    if not development:
        return Windows(observation, outcome, (last,), None)
    return Windows(observation, outcome, tuple(sorted(development)), last)


def _observation(span: int, outcome: int, config: WindowsConfig, long: bool) -> int:
    if not long:
        return span - outcome
    free = span - 2 * outcome
    months = max(min(365, free - 2 * config.cohort_step_days), min(180, free)) // 30
    return max(months * 30, 30)
