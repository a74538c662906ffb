"""How the record of a group is laid out: so that a row touches as few cache lines as can be.

Groups lie far apart in memory, and waiting for it is most of what taking in a row costs. What every
row changes stands together at the beginning; what it changes at one of several places, such as a
month's, stands together for each place, within a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from credit_core.features.aggregates import Slot

LINE = 16
"""32-bit numbers of a cache line: the unit of every place and size here."""


@dataclass(frozen=True)
class Layout:
    """Where the numbers of a record stand.

    ``places`` says of each slot where its first number stands and how far the next is from it.
    ``lines`` are those a row touches: where the first is, the slot that says how many steps behind
    it, None for no step, and how long a step is.
    """

    size: int
    places: dict[Slot, tuple[int, int]]
    lines: tuple[tuple[int, Slot | None, int], ...]


def size_of(slot: Slot) -> int:
    """Return the size of one of a slot's numbers: 64 bits, or 32 for a count."""
    return 1 if slot.aggregate.function == "count" else 2


def is_rare(slot: Slot) -> bool:
    """Return True where only rows with one number of a column count, so that most change nothing.

    What either holds or does not is said by an expression, not by a column.
    """
    terms = slot.aggregate.terms
    return slot.width == 1 and any(t.sign == "=" and t.column.isidentifier() for t in terms)


def step_of(slots: Sequence[Slot]) -> int:
    """Return the size of one place of slots over the same column, such that none is cut in two."""
    size = sum(size_of(slot) for slot in slots)
    return 1 << (size - 1).bit_length() if size <= LINE else _up(size, LINE)


def shared_out(slots: Sequence[Slot], lanes: int) -> list[list[Slot]]:
    """Share slots out, about as much to each lane; those over one column stay together.

    Where there are few slots, there are fewer lanes.
    """
    shares: list[list[Slot]] = [[] for _ in range(lanes)]
    sizes = [0] * lanes
    common = [[slot] for slot in slots if slot.width == 1 and not is_rare(slot)]
    rare = [[slot] for slot in slots if is_rare(slot)]
    for together in (*sorted(common, key=_size, reverse=True), *_spread(slots), *rare):
        lane = sizes.index(min(sizes))
        shares[lane] += together
        sizes[lane] += _size(together)
    return [share for share in shares if share]


def laid_out(slots: Sequence[Slot]) -> Layout:
    """Lay out the record of some slots."""
    common = [slot for slot in slots if slot.width == 1 and not is_rare(slot)]
    rare = [slot for slot in slots if is_rare(slot)]
    places: dict[Slot, tuple[int, int]] = {}
    end = 0
    for slot in (*sorted(common, key=size_of, reverse=True), *sorted(rare, key=size_of)):
        end = _up(end, size_of(slot))
        places[slot] = end, 0
        end += size_of(slot)
    touched = sum(map(size_of, common))
    lines: list[tuple[int, Slot | None, int]] = [(at, None, 0) for at in range(0, touched, LINE)]
    for together in _spread(slots):
        step = step_of(together)
        begin = end = _up(end, min(step, LINE))
        for slot in sorted(together, key=size_of, reverse=True):
            places[slot] = end, step
            end += size_of(slot)
        lines += [(at, together[0], step) for at in range(begin, end, LINE)]
        end = begin + step * together[0].width
    return Layout(_up(end, LINE), places, tuple(lines))


def _spread(slots: Sequence[Slot]) -> list[list[Slot]]:
    """Return the slots of several places, those over the same ones together, the largest first."""
    found: dict[tuple[str, int, int], list[Slot]] = {}
    for slot in slots:
        if slot.width > 1:
            found.setdefault(slot.spread, []).append(slot)
    return sorted(found.values(), key=_size, reverse=True)


def _size(slots: Sequence[Slot]) -> int:
    """Return the size of slots over one column, or of one alone."""
    return (step_of(slots) if slots[0].width > 1 else size_of(slots[0])) * slots[0].width


def _up(size: int, unit: int) -> int:
    return -(-size // unit) * unit
