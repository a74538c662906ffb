"""The catalogue's SQL worked out in NumPy, for a table so small that an engine's setting-up costs.

sqlglot reads the expressions; a part that occurs several times is worked out once. The words mean
what they mean to DuckDB, to the bit: money is added as whole numbers of its smallest unit, and
becomes a double the way it does there. A word that is not known here is refused when it is read.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import sqlglot
from numpy.typing import NDArray
from sqlglot import exp

from credit_core.data.contract import UNITS

Kind = Literal["flag", "whole", "money", "double", "text"]
_NUMBERS: tuple[Kind, ...] = ("whole", "money", "double")
"""Of two kinds of numbers, the earlier becomes the later."""
_EXACT = 2**53
"""Up to this size a double holds every whole number."""
_DAY = 86_400_000_000
"""Microseconds; so a time is counted, from 1970."""


class Cells(NamedTuple):
    """A column: whole numbers (money in its smallest units), texts, or flags.

    ``known`` says which are no NULL; None that all are. A text that is NULL is None, and a flag
    that is NULL does not hold.
    """

    values: NDArray[Any]
    known: NDArray[np.bool_] | None = None

    def at(self, rows: NDArray[Any] | slice) -> Cells:
        """Return some of the rows."""
        return Cells(self.values[rows], None if self.known is None else self.known[rows])

    def filled(self) -> NDArray[Any]:
        """Return the values that are no NULL."""
        return self.values if self.known is None else self.values[self.known]

    def or_else(self, value: Any) -> NDArray[Any]:
        """Return the values, another instead of NULL."""
        return self.values if self.known is None else np.where(self.known, self.values, value)


@dataclass(frozen=True)
class Part:
    """Where the value of a part of an expression stands; ``each`` that there is one a row."""

    place: int
    kind: Kind
    each: bool


class Program:
    """Expressions over the columns of a table, read once; used by any number of threads.

    ``kinds`` says what the columns hold that a table may bring, ``derived`` what others are worked
    out from; ``lists`` are the values of parameters.

    >>> amounts = Cells(np.array([25_000, -5_000, 10_000]))
    >>> money_out = "CAST(sum(CASE WHEN amount > 0 THEN amount END) AS DOUBLE)"
    >>> Program([money_out], {"amount": "money"}).run({"amount": amounts}, 3)
    [3.5]
    """

    def __init__(
        self,
        expressions: Iterable[str],
        kinds: Mapping[str, Kind],
        derived: Mapping[str, str] | None = None,
        lists: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._kinds, self._derived, self._lists = kinds, derived or {}, lists or {}
        self._blank: list[Any] = [None]
        self._steps: list[tuple[int, _Step]] = []
        self._parts: dict[exp.Expr, Part] = {}
        self._columns: dict[str, Part] = {}
        self._asked = [self.part(_parsed(sql)).place for sql in expressions]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that are read of a table."""
        return frozenset(self._columns)

    def run(self, table: Mapping[str, Cells], rows: int) -> list[Any]:
        """Return the value of each expression: a number, None for NULL, or `Cells`."""
        values = self._blank.copy()
        values[0] = rows
        for name, part in self._columns.items():
            values[part.place] = table[name]
        for place, step in self._steps:
            values[place] = step(values)
        return [values[place] for place in self._asked]

    def part(self, node: exp.Expr) -> Part:
        """Read a part, if it was not read before."""
        if (found := self._parts.get(node)) is None:
            if (read := _READ.get(type(node))) is None:
                raise _unknown(node)
            found = self._parts[node] = read(self, node)
        return found

    def column(self, node: exp.Expr) -> Part:
        """Read a column of the table, or what it is derived from."""
        name = node.name
        if (sql := self._derived.get(name)) is not None:
            return self.part(_parsed(sql))
        if name not in self._columns:
            self._columns[name] = self.constant(self._kinds[name], None, each=True)
        return self._columns[name]

    def listed(self, node: exp.Expr) -> Part:
        """Read the place of a text in a list, from 1; 0 where it is not in it."""
        parameter, text = node.expressions
        numbers = {text: i for i, text in enumerate(self._lists[parameter.name], 1)}
        found = self.part(text).place

        def places(values: list[Any]) -> Cells:
            return Cells(np.array([numbers.get(text, 0) for text in values[found].values.tolist()]))

        return self.add("whole", True, places)

    def add(self, kind: Kind, each: bool, step: _Step) -> Part:
        """Add a step; the part whose value it returns."""
        part = self.constant(kind, None, each=each)
        self._steps.append((part.place, step))
        return part

    def constant(self, kind: Kind, value: Any, *, each: bool = False) -> Part:
        """Add a part whose value is known, or given before any step."""
        self._blank.append(value)
        return Part(len(self._blank) - 1, kind, each)

    def apply(self, function: Callable[..., Any], kind: Kind, *parts: Part) -> Part:
        """Add a function of whole columns, or of one value each; of a NULL it is NULL."""
        each = any(part.each for part in parts)
        if len(parts) == 1:
            return self.add(kind, each, (_of_cells if each else _of_one)(function, parts[0].place))
        left, right = parts
        return self.add(kind, each, (_of_two_cells if each else _of_two)(function, left, right))

    def become(self, part: Part, kind: Kind) -> Part:
        """Turn numbers into those of another kind."""
        if part.kind == kind:
            return part
        if (part.kind, kind) == ("whole", "money"):
            return self.apply(lambda number: number * UNITS, kind, part)
        if kind == "double":
            ways: dict[Kind, Callable[[int], float]]
            ways = {"whole": _double_of_whole, "money": _double_of_money}
            one = ways[part.kind]
            return self.apply(_each(one, np.float64) if part.each else one, kind, part)
        if (part.kind, kind) == ("double", "whole"):
            return self.apply(_each(int, np.int64) if part.each else int, kind, part)
        raise ValueError(f"{part.kind} does not become {kind} here.")

    def alike(self, nodes: Iterable[exp.Expr]) -> list[Part]:
        """Read numbers that become one kind."""
        parts = [self.part(node) for node in nodes]
        kinds = {part.kind for part in parts}
        if len(kinds) == 1:
            return parts
        return [self.become(part, max(kinds, key=_NUMBERS.index)) for part in parts]


_Read = Callable[[Program, exp.Expr], Part]
_Step = Callable[[list[Any]], Any]
"""Works out a part's value from those before it; the first of them is the number of rows."""


def _parsed(sql: str) -> exp.Expr:
    return sqlglot.parse_one(sql, read="duckdb")


def _unknown(node: exp.Expr) -> ValueError:
    return ValueError(f"{type(node).__name__} in {node.sql('duckdb')} is not known here.")


def _each(function: Callable[[Any], Any], kind: type) -> Callable[..., NDArray[Any]]:
    return lambda values: np.array([function(value) for value in values.tolist()], dtype=kind)


def _of_one(function: Callable[[Any], Any], place: int) -> _Step:
    def step(values: list[Any]) -> Any:
        value = values[place]
        return None if value is None else function(value)

    return step


def _of_cells(function: Callable[[Any], Any], place: int) -> _Step:
    def step(values: list[Any]) -> Cells:
        found, known = values[place]
        return Cells(function(found), known)

    return step


def _of_two(function: Callable[[Any, Any], Any], left: Part, right: Part) -> _Step:
    places = left.place, right.place

    def step(values: list[Any]) -> Any:
        one, other = values[places[0]], values[places[1]]
        return None if one is None or other is None else function(one, other)

    return step


def _of_two_cells(function: Callable[[Any, Any], Any], left: Part, right: Part) -> _Step:
    """Return the step of a function of two columns, or of a column and one value that is known."""

    def step(values: list[Any]) -> Cells:
        (one, known), (other, also) = _cells(values, left), _cells(values, right)
        return Cells(function(one, other), _both(known, also))

    return step


def _cells(values: list[Any], part: Part) -> Cells:
    return values[part.place] if part.each else Cells(values[part.place])


def _both(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _double_of_money(units: int) -> float:
    return units / UNITS  # to the nearest, however many digits


def _double_of_whole(number: int) -> float:
    """Turn a whole number into a double as DuckDB does a HUGEINT: its halves one by one."""
    if -_EXACT <= number <= _EXACT:
        return float(number)
    high, low = number >> 64, number & (2**64 - 1)
    if high == -1:
        return -float(2**64 - 1 - low) - 1.0
    return float(low) + float(high) * 2.0**64


def _quotient(number: Any, by: int) -> Any:
    return abs(number) // by * (1 - 2 * (number < 0))  # towards zero


def _rounded(number: Any) -> Any:
    """Round halves away from zero, which NumPy does not."""
    whole = np.trunc(number)
    return whole + np.sign(number) * (np.abs(number - whole) >= 0.5)


def _ratio(top: float, bottom: float) -> float | None:
    return top / bottom if bottom else None


def _literal(program: Program, node: exp.Expr) -> Part:
    text: str = node.this
    if node.is_string:
        return program.constant("text", text)
    if text.isdigit():
        return program.constant("whole", int(text))
    return program.constant("double", float(text))


def _cast(program: Program, node: exp.Expr) -> Part:
    part, to = program.part(node.this), node.args["to"]
    if to.is_type("DOUBLE"):
        return program.become(part, "double")
    part = program.become(part, "whole")
    if to.is_type("INT128") and part.each:
        return program.apply(lambda numbers: numbers.astype(object), "whole", part)
    return part


def _arithmetic(function: Callable[..., Any]) -> _Read:
    def read(program: Program, node: exp.Expr) -> Part:
        parts = program.alike([node.this, node.expression])
        if parts[0].kind == "money" and function is operator.mul:
            raise _unknown(node)
        return program.apply(function, parts[0].kind, *parts)

    return read


def _condition(function: Callable[..., Any]) -> _Read:
    """Read what holds or does not; for a NULL it does not."""

    def read(program: Program, node: exp.Expr) -> Part:
        step = _of_two_cells(function, *program.alike([node.this, node.expression]))

        def holds(values: list[Any]) -> Cells:
            found, known = step(values)
            return Cells(found if known is None else found & known)

        return program.add("flag", True, holds)

    return read


def _case(program: Program, node: exp.Expr) -> Part:
    (branch,) = node.args["ifs"]
    condition, value = program.part(branch.this), program.part(branch.args["true"])
    if node.args.get("default") is not None or not value.each:
        raise _unknown(node)
    where, place = condition.place, value.place

    def step(values: list[Any]) -> Cells:
        holds, (found, known) = values[where].values, values[place]
        return Cells(found, holds if known is None else holds & known)

    return program.add(value.kind, True, step)


def _count(program: Program, node: exp.Expr) -> Part:
    counted = node.this
    if isinstance(counted, exp.Star):
        return Part(0, "whole", False)
    if isinstance(counted, exp.Distinct):
        place = program.part(counted.expressions[0]).place
        return program.add("whole", False, lambda v: len(set(v[place].filled().tolist()) - {None}))
    if isinstance(counted, exp.Case) and isinstance(
        counted.args["ifs"][0].args["true"], exp.Literal
    ):
        place = program.part(counted.args["ifs"][0].this).place
        return program.add("whole", False, lambda v: int(np.count_nonzero(v[place].values)))
    place = program.part(counted).place

    def known(values: list[Any]) -> int:
        found = values[place].known
        return values[0] if found is None else int(np.count_nonzero(found))

    return program.add("whole", False, known)


def _aggregate(function: Callable[..., Any]) -> _Read:
    def read(program: Program, node: exp.Expr) -> Part:
        part = program.part(node.this)
        if part.kind not in ("whole", "money") or not part.each:
            raise _unknown(node)

        def step(values: list[Any]) -> int | None:
            found = values[part.place].filled()
            return int(function(found)) if len(found) else None

        return program.add(part.kind, False, step)

    return read


def _of_known(one: Callable[[list[Any]], Any], each: Callable[..., Any] | None = None) -> _Read:
    """Read a function of several values, of which those that are NULL are left out."""

    def read(program: Program, node: exp.Expr) -> Part:
        parts = program.alike([node.this, *node.expressions])
        places = [part.place for part in parts]

        def of_values(values: list[Any]) -> Any:
            known = [values[place] for place in places if values[place] is not None]
            return one(known) if known else None

        if not any(part.each for part in parts):
            return program.add(parts[0].kind, False, of_values)
        if each is None or [part.each for part in parts] != [True, False]:
            raise _unknown(node)
        of_two = each

        def of_cells(values: list[Any]) -> Cells:
            cells, other = (values[place] for place in places)
            return Cells(of_two(cells.or_else(other), other))

        return program.add(parts[0].kind, True, of_cells)

    return read


def _function(function: Callable[..., Any], *, whole: bool = False) -> _Read:
    """Read a function of one or two values of a kind, whose result is of that kind or whole."""

    def read(program: Program, node: exp.Expr) -> Part:
        arguments = [one for one in (node.this, node.args.get("expression")) if one is not None]
        parts = program.alike(arguments)
        return program.apply(function, "whole" if whole else parts[0].kind, *parts)

    return read


def _named(program: Program, node: exp.Expr) -> Part:
    if node.name.lower() == "list_position":
        return program.listed(node)
    if node.name.lower() == "bit_count":
        return program.apply(int.bit_count, "whole", program.part(node.expressions[0]))
    raise _unknown(node)


def _seconds(program: Program, node: exp.Expr) -> Part:
    if node.text("unit").upper() != "SECOND":
        raise _unknown(node)
    end, begin = program.part(node.this), program.part(node.expression)
    return program.apply(lambda e, b: e // 1_000_000 - b // 1_000_000, "whole", end, begin)


_READ: dict[type[exp.Expr], _Read] = {
    exp.Column: Program.column,
    exp.Literal: _literal,
    exp.Paren: lambda program, node: program.part(node.this),
    exp.Cast: _cast,
    exp.Case: _case,
    exp.Add: _arithmetic(operator.add),
    exp.Sub: _arithmetic(operator.sub),
    exp.Mul: _arithmetic(operator.mul),
    exp.Div: _function(_ratio),
    exp.IntDiv: _function(_quotient),
    exp.BitwiseLeftShift: _function(operator.lshift),
    exp.Neg: _function(operator.neg),
    exp.Abs: _function(abs),
    exp.Sqrt: _function(np.sqrt),
    exp.Round: _function(_rounded),
    exp.Nullif: _function(lambda value, other: None if value == other else value),
    exp.Coalesce: _of_known(operator.itemgetter(0)),
    exp.Greatest: _of_known(max, np.maximum),
    exp.Least: _of_known(min, np.minimum),
    exp.LT: _condition(operator.lt),
    exp.GT: _condition(operator.gt),
    exp.GTE: _condition(operator.ge),
    exp.EQ: _condition(operator.eq),
    exp.And: _condition(operator.and_),
    exp.Count: _count,
    exp.Sum: _aggregate(np.add.reduce),
    exp.Min: _aggregate(np.minimum.reduce),
    exp.Max: _aggregate(np.maximum.reduce),
    exp.BitwiseOrAgg: _aggregate(np.bitwise_or.reduce),
    exp.Anonymous: _named,
    exp.DateDiff: _seconds,
    exp.DayOfWeekIso: _function(lambda time: (time // _DAY + 3) % 7 + 1, whole=True),
    exp.Hour: _function(lambda time: time % _DAY // (_DAY // 24), whole=True),
    exp.ToDays: _function(lambda days: days * _DAY, whole=True),
}
