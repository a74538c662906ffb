"""The catalogue's aggregate calls taken apart: what they add or compare, and of which rows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from credit_core.features.catalogue import BIT

_CALL = re.compile(r"\b(sum|count|min|max|bit_or)\(")
_CASE = re.compile(r"CASE WHEN (.+) THEN (.+) END")
_SIZE = re.compile(r"abs\((\w+)\)")
_COMPARISON = re.compile(r"(\w+) ([<>=]) (\d+)")
_MASK = f"{BIT} << "
_SPREAD = ("count", "sum")
"""Functions whose aggregates may share a slot."""


@dataclass(frozen=True)
class Term:
    """A comparison of a column with a whole number; what is no comparison is 1 where it holds.

    >>> Term.of("amount > 0")
    Term(column='amount', sign='>', number=0)
    >>> Term.of("is_night")
    Term(column='CAST(is_night AS TINYINT)', sign='=', number=1)
    """

    column: str
    sign: str
    number: int

    @staticmethod
    def of(sql: str) -> Term:
        if found := _COMPARISON.fullmatch(sql):
            return Term(found[1], found[2], int(found[3]))
        return Term(f"CAST({sql} AS TINYINT)", "=", 1)


@dataclass(frozen=True)
class Aggregate:
    """One aggregate of the catalogue's SQL: a function of a column where every term holds.

    ``column`` is SQL for whole numbers, '' where rows are counted whatever they hold; of "bit_or"
    it says which bit is set. Of numbers that are ``absolute`` only the size is added.

    >>> Aggregate.of("count(*)")
    Aggregate(function='count', column='', terms=(), negative=False, absolute=False)
    >>> Aggregate.of("sum(CASE WHEN is_night THEN -amount END)").terms[0].column
    'CAST(is_night AS TINYINT)'
    >>> Aggregate.of("sum(abs(amount))")
    Aggregate(function='sum', column='amount', terms=(), negative=False, absolute=True)
    """

    function: str
    column: str
    terms: tuple[Term, ...] = ()
    negative: bool = False
    absolute: bool = False

    @staticmethod
    def of(call: str) -> Aggregate:
        function, value = call[:-1].split("(", 1)
        terms: tuple[Term, ...] = ()
        if case := _CASE.fullmatch(value):
            value = case[2]
            terms = tuple(Term.of(sql) for sql in case[1].split(" AND "))
        if function == "bit_or":
            if not value.startswith(_MASK):
                raise ValueError(f"{call} is not of masks with one bit set.")
            value = value.removeprefix(_MASK)
            value = value if value.isidentifier() else f"CAST({value} AS TINYINT)"
        negative = value.startswith("-")
        if size := _SIZE.fullmatch(value):
            value = size[1]
        if (negative or size) and function != "sum":
            raise ValueError(f"{call} is of values without their sign, which only sums take.")
        return Aggregate(function, value.lstrip("-*1"), terms, negative, size is not None)

    @property
    def counts(self) -> tuple[str, tuple[Term, ...]]:
        """What decides which rows are taken in: the column that must be known, and the terms."""
        return self.column, self.terms


def calls_in(sql: str) -> list[str]:
    """Return the aggregate calls in an expression.

    >>> calls_in("coalesce(sum(CASE WHEN a > (b) THEN a END), 0) / count(*)")
    ['sum(CASE WHEN a > (b) THEN a END)', 'count(*)']
    """
    found = []
    for match in _CALL.finditer(sql):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        found.append(sql[match.start() : end])
    return found


@dataclass(frozen=True)
class Slot:
    """Room for an aggregate in each group's record: one number for each place of a column ``over``.

    A row counts at the place that its column says, the first being ``first``; '' is one place for
    all rows.
    """

    aggregate: Aggregate
    over: str = ""
    first: int = 0
    width: int = 1

    @property
    def spread(self) -> tuple[str, int, int]:
        return self.over, self.first, self.width


def slots_for(
    aggregates: Iterable[Aggregate], whole: Iterable[Slot] = ()
) -> dict[Aggregate, tuple[Slot, int | None]]:
    """Give every aggregate a place in a slot; None is all places of it, added.

    Those that differ only in the number that a column equals share one: a row counts for one of
    them at most. In a slot of ``whole`` every row has a place, so that what it counts or adds in
    all, or at one place, needs no slot of its own.

    >>> wanted = [Aggregate.of(f"sum(CASE WHEN part = {i} THEN amount END)") for i in (1, 2)]
    >>> [(slot.over, slot.width, place) for slot, place in slots_for(wanted).values()]
    [('part', 2, 0), ('part', 2, 1)]
    >>> parts = Slot(Aggregate.of("sum(amount)"), "part", 0, 3)
    >>> [place for _, place in slots_for([parts.aggregate, *wanted], [parts]).values()]
    [None, 1, 2]
    """
    found: dict[Aggregate, tuple[Slot, int | None]] = {}
    alike: dict[tuple[Aggregate, str], dict[int, Aggregate]] = defaultdict(dict)
    for aggregate in aggregates:
        known = next(filter(None, (inside(aggregate, slot) for slot in whole)), None)
        found[aggregate] = known or (Slot(aggregate), 0)
        if known:
            continue
        if aggregate.function in _SPREAD and [term.sign for term in aggregate.terms] == ["="]:
            (term,) = aggregate.terms
            alike[replace(aggregate, terms=()), term.column][term.number] = aggregate
    for (other, over), by_number in alike.items():
        first, width = min(by_number), len(by_number)
        if width > 1 and max(by_number) == first + width - 1:
            slot = Slot(other, over, first, width)
            found |= {alone: (slot, number - first) for number, alone in by_number.items()}
    return found


def inside(aggregate: Aggregate, slot: Slot) -> tuple[Slot, int | None] | None:
    """Return where in a slot an aggregate is found, None where it is not."""
    if aggregate == slot.aggregate:
        return slot, None
    for term in aggregate.terms:
        others = tuple(other for other in aggregate.terms if other != term)
        if (term.column, term.sign) == (slot.over, "=") and slot.aggregate == replace(
            aggregate, terms=others
        ):
            return slot, term.number - slot.first
    return None
