"""The declared list of features: one declaration gives SQL, dictionary, directions and reasons.

Every expression is over one snapshot's transactions in the observation window, at one of three
levels, each grouped by a statement of its own (together they would hold every sum of every
snapshot at once):

``transactions``
    ``seconds`` before as_of, ``amount``, ``block`` (the 30-day block before as_of, 0 = the
    latest), ``is_weekend``, ``is_night`` and the other canonical columns.
``categories``
    The same transactions with ``category_index`` (the place among the frequent ones, from 1),
    ``is_refund`` and ``moved`` (money in either direction).
``months``
    One row a 30-day block that has a transaction: ``block``, ``paid`` and ``received`` (money out
    and in, >= 0).

Money is DECIMAL, so sums do not depend on row order.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal

RiskDirection = Literal["higher", "lower", "either"]
Unit = Literal["money", "count", "days", "share", "ratio", "flag", "nats"]
Empty = Literal["zero", "window", "missing"]
Level = Literal["transactions", "categories", "months"]
LEVELS: tuple[Level, ...] = ("transactions", "categories", "months")
MONTH = 30
"""Days in a block; 'month' in a feature's text means such a block."""


@dataclass(frozen=True)
class Feature:
    """One feature.

    ``riskier`` says which direction is expected to raise risk; ``actionable`` whether a person
    can move it. ``reason`` is the sentence told to an applicant; ``{value}`` is filled in.
    ``empty`` is the value of a snapshot without any transaction in its window: nothing happened
    (zero), for at least the whole window (window), or it cannot be said (missing).
    """

    name: str
    sql: str
    unit: Unit
    family: str
    riskier: RiskDirection
    description: str
    reason: str
    needs: tuple[str, ...] = ()
    actionable: bool = True
    empty: Empty = "missing"
    over: Level = "transactions"


def _count(where: str) -> str:
    # A CASE costs less than a FILTER, which slices its input for every aggregate.
    return f"count(CASE WHEN {where} THEN 1 END)"


def _where(column: str, where: str) -> str:
    return f"CASE WHEN {where} THEN {column} END" if where else column


def total_of(each: str) -> str:
    """Return SQL for an exact sum, 0 where there is nothing to add."""
    return f"coalesce(sum({each}), 0)"


def _total(column: str, where: str = "") -> str:
    return total_of(_where(column, where))


def _double(expression: str) -> str:
    return f"CAST({expression} AS DOUBLE)"


def _ratio(top: str, bottom: str) -> str:
    return f"({_double(top)} / nullif({_double(bottom)}, 0))"


def _days(seconds: str) -> str:
    return f"({_double(seconds)} / CAST(86400 AS DOUBLE))"


def _trend(whole: str, last: str, rest: str) -> str:
    """Return SQL for the last 30 days' sum minus the monthly mean before."""
    return f"({_double(last)} - {_double(f'{whole} - {last}')} * {rest})"


def _since(where: str, days: int) -> str:
    """Return SQL for the days since such a transaction; the window's length if there is none."""
    latest = f"min({_where('seconds', where)})"
    return f"coalesce({_days(latest)}, {days})"


_OUT, _IN, _LAST = "amount > 0", "amount < 0", "block = 0"
MOVED = {"paid": _where("amount", _OUT), "received": _where("-amount", _IN)}
"""What a transaction adds to the sums of its month."""
_PAID, _PAID_LAST = total_of(MOVED["paid"]), _total("amount", f"{_OUT} AND {_LAST}")
_RECEIVED = total_of(MOVED["received"])
_RECEIVED_LAST = _total("-amount", f"{_IN} AND {_LAST}")
BIT, TOP = "CAST(1 AS BIGINT)", 62  # older weeks and months share the highest bit of a mask
MONTH_PLACE = f"least(block, {TOP})"
_MONTH_BIT = f"{BIT} << {MONTH_PLACE}"
_RECENT = f"count({_where('balance', _LAST)})"


@lru_cache(maxsize=64)
def _declared(blocks: int) -> tuple[Feature, ...]:
    """Return the features for an observation window of so many 30-day blocks."""
    days = blocks * MONTH
    per_month = f"CAST({MONTH / days!r} AS DOUBLE)"
    rest = f"CAST({MONTH / max(days - MONTH, MONTH)!r} AS DOUBLE)"
    longer = blocks > 1
    features = [
        Feature(
            "recency_days",
            _days("min(seconds)"),
            "days",
            "recency",
            "higher",
            "Days since the last transaction.",
            "The last transaction was {value} ago",
            empty="window",
        ),
        Feature(
            "days_since_spend",
            _since(_OUT, days),
            "days",
            "recency",
            "higher",
            "Days since money last went out.",
            "Money last went out {value} ago",
            ("money_in",),
            empty="window",
        ),
        Feature(
            "days_since_income",
            _since(_IN, days),
            "days",
            "recency",
            "higher",
            "Days since money last came in.",
            "Money last came in {value} ago",
            ("money_in",),
            empty="window",
        ),
        Feature(
            "tenure_days",
            _days("max(seconds)"),
            "days",
            "tenure",
            "lower",
            "Days since the first transaction in the observation window.",
            "The history seen here reaches back {value}",
            actionable=False,
        ),
        Feature(
            "transactions",
            "count(*)",
            "count",
            "frequency",
            "lower",
            "Number of transactions.",
            "There were {value} transactions in the period observed",
            empty="zero",
        ),
        Feature(
            "transactions_last_30d",
            _count(_LAST),
            "count",
            "frequency",
            "lower",
            "Number of transactions in the last 30 days.",
            "There were {value} transactions in the last 30 days",
            empty="zero",
        ),
        Feature(
            "active_months",
            "count(*)",
            "count",
            "frequency",
            "lower",
            f"Months with a transaction, of {blocks}.",
            f"There were transactions in {{value}} of the last {blocks} months",
            empty="zero",
            over="months",
        ),
        Feature(
            "active_weeks",
            f"bit_count(bit_or({BIT} << least(CAST(seconds // 604800 AS INTEGER), {TOP})))",
            "count",
            "frequency",
            "lower",
            "Weeks with a transaction.",
            "There were transactions in {value} weeks of the period observed",
            empty="zero",
        ),
        Feature(
            "gap_days_mean",
            _ratio(_days("max(seconds) - min(seconds)"), "count(*) - 1"),
            "days",
            "rhythm",
            "higher",
            "Mean days between transactions.",
            "On average {value} pass between transactions",
        ),
        Feature(
            "overdue_ratio",
            _ratio("min(seconds) * (count(*) - 1)", "max(seconds) - min(seconds)"),
            "ratio",
            "rhythm",
            "higher",
            "Days since the last transaction, divided by the usual gap.",
            "The present silence is {value} times the usual gap between transactions",
        ),
        Feature(
            "money_out",
            _PAID,
            "money",
            "money out",
            "lower",
            "Money out.",
            "{value} was spent in the period observed",
            empty="zero",
        ),
        Feature(
            "money_out_mean",
            _ratio(_PAID, _count(_OUT)),
            "money",
            "money out",
            "either",
            "Mean amount of a payment.",
            "The average payment is {value}",
        ),
        Feature(
            "money_out_max",
            "greatest(max(amount), 0)",
            "money",
            "money out",
            "either",
            "Largest payment.",
            "The largest payment was {value}",
        ),
        Feature(
            "money_out_last_30d",
            _PAID_LAST,
            "money",
            "money out",
            "either",
            "Money out in the last 30 days.",
            "{value} was spent in the last 30 days",
            empty="zero",
        ),
        Feature(
            "money_in",
            _RECEIVED,
            "money",
            "money in",
            "lower",
            "Money in.",
            "{value} came in during the period observed",
            ("money_in",),
            empty="zero",
        ),
        Feature(
            "money_in_last_30d",
            _RECEIVED_LAST,
            "money",
            "money in",
            "lower",
            "Money in during the last 30 days.",
            "{value} came in during the last 30 days",
            ("money_in",),
            empty="zero",
        ),
        Feature(
            "net_flow",
            "-sum(amount)",
            "money",
            "net",
            "lower",
            "Money in minus money out.",
            "Money in minus money out was {value} over the period observed",
            ("money_in",),
            empty="zero",
        ),
        Feature(
            "net_flow_last_30d",
            f"-{_total('amount', _LAST)}",
            "money",
            "net",
            "lower",
            "Money in minus money out in the last 30 days.",
            "Money in minus money out was {value} in the last 30 days",
            ("money_in",),
            empty="zero",
        ),
        Feature(
            "out_to_in",
            _ratio(_PAID, _RECEIVED),
            "ratio",
            "net",
            "higher",
            "Money out for each unit of money in.",
            "Spending was {value} times the money that came in",
            ("money_in",),
        ),
        Feature(
            "negative_months",
            _count("received < paid"),
            "count",
            "net",
            "higher",
            f"Months in which more went out than came in, of {blocks}.",
            f"More money went out than came in during {{value}} of the last {blocks} months",
            ("money_in",),
            empty="zero",
            over="months",
        ),
        Feature(
            "income_count",
            _count(_IN),
            "count",
            "income",
            "lower",
            "Number of receipts.",
            "Money came in {value} times",
            ("money_in",),
            empty="zero",
        ),
        Feature(
            "income_months",
            _count("received > 0"),
            "count",
            "income",
            "lower",
            f"Months with money in, of {blocks}.",
            f"Money came in during {{value}} of the last {blocks} months",
            ("money_in",),
            empty="zero",
            over="months",
        ),
        Feature(
            "income_largest",
            "greatest(-min(amount), 0)",
            "money",
            "income",
            "lower",
            "Largest receipt.",
            "The largest receipt was {value}",
            ("money_in",),
        ),
        Feature(
            "balance_min",
            "min(balance)",
            "money",
            "balance",
            "lower",
            "Lowest balance.",
            "The balance fell as low as {value}",
            ("balance",),
        ),
        Feature(
            "balance_min_last_30d",
            f"min({_where('balance', _LAST)})",
            "money",
            "balance",
            "lower",
            "Lowest balance in the last 30 days.",
            "The balance fell as low as {value} in the last 30 days",
            ("balance",),
        ),
        Feature(
            "balance_mean",
            _ratio("sum(balance)", "count(balance)"),
            "money",
            "balance",
            "lower",
            "Mean balance after a transaction.",
            "The average balance was {value}",
            ("balance",),
        ),
        Feature(
            "balance_mean_last_30d",
            _ratio(f"sum({_where('balance', _LAST)})", _RECENT),
            "money",
            "balance",
            "lower",
            "Mean balance after a transaction in the last 30 days.",
            "The average balance was {value} in the last 30 days",
            ("balance",),
        ),
        Feature(
            "months_below_zero",
            f"coalesce(bit_count(bit_or({_where(_MONTH_BIT, 'balance < 0')})), 0)",
            "count",
            "balance",
            "higher",
            f"Months in which the balance fell below zero, of {blocks}.",
            f"The balance fell below zero in {{value}} of the last {blocks} months",
            ("balance",),
        ),
        Feature(
            "share_below_zero",
            _ratio(_count("balance < 0"), "count(balance)"),
            "share",
            "balance",
            "higher",
            "Share of transactions that left the balance below zero.",
            "The balance stood below zero after {value} of the transactions",
            ("balance",),
        ),
        Feature(
            "weekend_share",
            _ratio(_count("is_weekend"), "count(*)"),
            "share",
            "rhythm",
            "either",
            "Share of transactions on Saturdays and Sundays.",
            "{value} of the transactions fell on weekends",
        ),
        Feature(
            "night_share",
            _ratio(_count("is_night"), "count(*)"),
            "share",
            "rhythm",
            "either",
            "Share of transactions between midnight and six.",
            "{value} of the transactions were made at night",
            ("time_of_day",),
        ),
        Feature(
            "refund_share",
            _ratio(_count("is_refund"), "count(*)"),
            "share",
            "fraud and reversals",
            "either",
            "Share of transactions that are refunds.",
            "{value} of the transactions were refunds",
            ("category", "money_in"),
            over="categories",
        ),
        Feature(
            "fraud_count",
            _count("is_fraud"),
            "count",
            "fraud and reversals",
            "higher",
            "Transactions known to be fraudulent.",
            "{value} transactions were marked as fraudulent",
            ("is_fraud",),
            False,
            empty="zero",
        ),
        Feature(
            "channels",
            "count(DISTINCT channel)",
            "count",
            "mix",
            "lower",
            "Number of channels used.",
            "{value} channels were used",
            ("channel",),
            empty="zero",
        ),
        Feature(
            "categories",
            "count(DISTINCT category)",
            "count",
            "mix",
            "lower",
            "Number of categories used.",
            "Transactions fell into {value} categories",
            ("category",),
            empty="zero",
            over="categories",
        ),
    ]
    if longer:
        features += [
            Feature(
                "transactions_trend",
                _trend("count(*)", _count(_LAST), rest),
                "count",
                "trend",
                "lower",
                "Transactions in the last 30 days, minus the monthly mean before.",
                "Transactions a month changed by {value} against the months before",
                empty="zero",
            ),
            Feature(
                "money_out_trend",
                _trend(_PAID, _PAID_LAST, rest),
                "money",
                "trend",
                "either",
                "Money out in the last 30 days, minus the monthly mean before.",
                "Spending a month changed by {value} against the months before",
                empty="zero",
            ),
            Feature(
                "money_in_trend",
                _trend(_RECEIVED, _RECEIVED_LAST, rest),
                "money",
                "trend",
                "lower",
                "Money in over the last 30 days, minus the monthly mean before.",
                "Money in a month changed by {value} against the months before",
                ("money_in",),
                empty="zero",
            ),
            Feature(
                "money_out_volatility",
                _variation("paid", blocks),
                "ratio",
                "volatility",
                "higher",
                "Standard deviation of monthly money out, divided by its mean.",
                "Monthly spending varies by {value} times its mean",
                over="months",
            ),
            Feature(
                "income_volatility",
                _variation("received", blocks),
                "ratio",
                "volatility",
                "higher",
                "Standard deviation of monthly money in, divided by its mean.",
                "Monthly income varies by {value} times its mean",
                ("money_in",),
                over="months",
            ),
            Feature(
                "money_out_monthly",
                f"({_double(_PAID)} * {per_month})",
                "money",
                "money out",
                "either",
                "Money out in a mean month.",
                "{value} is spent in a mean month",
                empty="zero",
            ),
        ]
    return tuple(features)


def _variation(column: str, blocks: int) -> str:
    """Return SQL for the coefficient of variation (population) of a month's sums.

    std / mean = sqrt(n sum(x^2) - (sum x)^2) / sum x, over all blocks, silent ones at 0; in
    whole hundredths, so that the sums are exact.
    """
    cents = f"CAST(round(CAST({column} AS DOUBLE) * 100) AS BIGINT)"
    n = f"CAST({blocks} AS DOUBLE)"
    squares = f"CAST(sum(CAST({cents} AS HUGEINT) * {cents}) AS DOUBLE)"
    whole = f"CAST(sum({cents}) AS DOUBLE)"
    return f"(sqrt(greatest({n} * {squares} - {whole} * {whole}, 0)) / nullif({whole}, 0))"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "other"


def _category_features(categories: Iterable[str]) -> list[Feature]:
    features = []
    taken = {"below_zero"}  # a share that is declared above
    for i, category in enumerate(categories):
        slug = _slug(category)
        while slug in taken:
            slug += "_"
        taken.add(slug)
        where = f"category_index = {i + 1}"
        named = repr(category).replace("{", "{{").replace("}", "}}")
        features.append(
            Feature(
                f"share_{slug}",
                _ratio(_count(where), "count(*)"),
                "share",
                "categories",
                "either",
                f"Share of transactions in the category {category!r}.",
                f"{{value}} of the transactions were in the category {named}",
                ("category",),
                over="categories",
            )
        )
        features.append(
            Feature(
                f"amount_{slug}",
                _total("moved", where),
                "money",
                "categories",
                "either",
                f"Money moved in the category {category!r}.",
                f"{{value}} moved in the category {named}",
                ("category",),
                empty="zero",
                over="categories",
            )
        )
    return features


@dataclass(frozen=True)
class Catalogue:
    """The features of one design, bound to an observation window and the frequent categories.

    ``categories`` are the spending categories frequent in development data; their values are
    bound to the query, never written into it.
    """

    observation_days: int
    features: tuple[Feature, ...]
    categories: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @cached_property
    def by_name(self) -> dict[str, Feature]:
        """Each feature by its name."""
        return {feature.name: feature for feature in self.features}

    @cached_property
    def shares(self) -> tuple[str, ...]:
        """The features that are the share of one category each."""
        return tuple(
            feature.name
            for feature in self.features
            if (feature.over, feature.unit, feature.needs) == ("categories", "share", ("category",))
        )

    @property
    def blocks(self) -> int:
        """The number of 30-day blocks; the last one also takes the days left over."""
        return max(1, self.observation_days // MONTH)

    def only(self, names: Iterable[str]) -> Catalogue:
        """Return the catalogue reduced to these features, in its own order."""
        wanted = set(names)
        kept = tuple(feature for feature in self.features if feature.name in wanted)
        return replace(self, features=kept)

    @property
    def silent(self) -> dict[str, float]:
        """Each feature's value for a snapshot without any transaction in its window."""
        said = {"zero": 0.0, "window": float(self.observation_days), "missing": math.nan}
        return {feature.name: said[feature.empty] for feature in self.features}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides the features' values."""
        content = [self.observation_days, list(self.categories)]
        content += [[feature.name, feature.over, feature.sql] for feature in self.features]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def build_catalogue(
    observation_days: int, abilities: frozenset[str], categories: Iterable[str] = ()
) -> Catalogue:
    """Return the features a ledger with these abilities can feed; the others drop out.

    ``abilities`` are the ledger's canonical columns, plus ``time_of_day`` and ``money_in`` where
    its timestamps and amounts have them.
    """
    chosen = tuple(categories) if "category" in abilities else ()
    features = [*_declared(max(1, observation_days // MONTH)), *_category_features(chosen)]
    kept = tuple(feature for feature in features if abilities.issuperset(feature.needs))
    return Catalogue(observation_days, kept, chosen)
