"""Records of aggregates: every number in a place of its own, and rows touch few lines."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from credit_core.features.aggregates import Aggregate, Slot
from credit_core.features.records import LINE, laid_out, shared_out, size_of

functions = st.sampled_from(["count", "sum", "min", "max", "bit_or"])
names = st.sampled_from([f"c{i}" for i in range(8)])
aggregates = st.builds(Aggregate, functions, names)
alone = st.builds(Slot, aggregates)
several = st.builds(
    lambda function, name, over, width: Slot(Aggregate(function, name), over, 0, width),
    st.sampled_from(["count", "sum"]),
    names,
    st.sampled_from(["block", "category_index"]),
    st.just(6),
)
slots = st.lists(alone | several, min_size=1, max_size=40, unique=True)


@given(slots)
def test_no_two_numbers_share_a_place_and_none_is_cut_in_two(drawn: list[Slot]) -> None:
    layout = laid_out(drawn)
    taken: list[int] = []
    for slot, (at, step) in layout.places.items():
        size = size_of(slot)
        for k in range(slot.width):
            assert (at + k * step) % size == 0
            taken += range(at + k * step, at + k * step + size)
    assert len(taken) == len(set(taken))
    assert set(layout.places) == set(drawn)
    assert max(taken) < layout.size
    assert layout.size % LINE == 0


@given(slots)
def test_the_lines_of_a_layout_are_those_that_a_row_touches(drawn: list[Slot]) -> None:
    layout = laid_out(drawn)
    for place in range(6):
        fetched = {(at + (place * step if by else 0)) // LINE for at, by, step in layout.lines}
        for slot, (at, step) in layout.places.items():
            assert (at + (place * step if slot.width > 1 else 0)) // LINE in fetched


@given(slots, st.integers(1, 3))
def test_every_slot_goes_to_one_lane(drawn: list[Slot], lanes: int) -> None:
    shares = shared_out(drawn, lanes)
    assert sorted(map(str, chain(*shares))) == sorted(map(str, drawn))
    assert len(shares) <= lanes
    assert all(shares)
    for over in ("block", "category_index"):
        assert sum(any(slot.over == over for slot in share) for share in shares) <= 1
