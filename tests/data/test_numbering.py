"""Customers are numbered as they come, and counted as a GROUP BY counts them."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from credit_core.data import numbering
from credit_core.data.ledger import NUMBER
from credit_core.data.numbering import Customers

LONG = "an id of more than sixteen bytes"
ids = st.sampled_from(["A", "B", "AB", "12345678", "123456789", LONG, LONG + "!", "?" + LONG]) | (
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
)
blocks = st.lists(
    st.tuples(st.lists(st.tuples(ids, st.integers(0, 5)), max_size=12), st.booleans()), max_size=5
)


def rows_of(drawn: list[tuple[str, int]], *, dictionary: bool) -> pa.RecordBatch:
    names = pa.array([name for name, _ in drawn], pa.string())
    times = pa.array([second * 1_000_000 for _, second in drawn], pa.timestamp("us"))
    names = names.dictionary_encode() if dictionary else names
    return pa.record_batch({"customer_id": names, "timestamp": times})


def small() -> Customers:
    """Room for next to nothing, so that it has to grow."""
    customers = Customers()
    customers._records = np.zeros((1, 8), dtype=np.int64)
    customers._names = np.empty(1, dtype=np.uint8)
    customers._table = np.full(2, -1, dtype=np.int32)
    return customers


@given(blocks)
@example([([("A", 3)], False), ([("B", 1), ("A", 1)], True), ([("A", 5), ("\0", 2)], False)])
@effort(max_examples=60)
def test_numbers_and_counts_are_those_of_a_group_by(
    drawn: list[tuple[list[tuple[str, int]], bool]],
) -> None:
    customers, numbers = small(), []
    for rows, dictionary in drawn:
        whole = rows_of([("left out", 9), *rows], dictionary=dictionary)
        if not dictionary:  # arrays need not begin where their memory does
            numbers += customers.take_in(whole.slice(1)).to_pylist()
        else:
            numbers += customers.take_in(rows_of(rows, dictionary=True)).to_pylist()
    frame = pd.DataFrame([row for rows, _ in drawn for row in rows], columns=["name", "second"])
    codes, uniques = pd.factorize(frame["name"])
    assert numbers == codes.tolist()
    found = customers.table()
    assert found is not None
    assert found["customer_id"].to_pylist() == uniques.tolist()
    assert found[NUMBER].to_pylist() == list(range(len(uniques)))
    by = frame.groupby(codes)["second"]
    assert found["transactions"].to_pylist() == by.size().tolist()
    for name, expected in (("first", by.min()), ("last", by.max())):
        seconds = found[name].cast(pa.int64()).to_numpy() // 1_000_000
        assert seconds.tolist() == expected.tolist()


def test_more_than_so_many_are_not_numbered() -> None:
    customers = Customers()
    with mock.patch.object(numbering, "MOST_CUSTOMERS", 3):
        assert customers.take_in(rows_of([("A", 1), ("B", 1)], dictionary=False)).null_count == 0
        more = [(name, 1) for name in "BCDE"]
        assert customers.take_in(rows_of(more, dictionary=False)).null_count == 4
        assert customers.take_in(rows_of([("A", 2)], dictionary=True)).null_count == 1
    assert customers.table() is None


@pytest.mark.parametrize("enough", [False, True])
def test_ids_made_to_have_one_place_are_not_numbered(enough: bool) -> None:
    # Eight digits as the loop reads them, the last one first, and where they belong in a table.
    digits = np.arange(10_000_000)[:, None] // 10 ** np.arange(8) % 10 + ord("0")
    words = (digits.astype(np.uint64) << np.arange(0, 64, 8, dtype=np.uint64)).sum(axis=1)
    stir, half = np.uint64(0x9E37_79B9_7F4A_7C15), np.uint64(32)
    mixed = words * stir
    mixed = (mixed ^ mixed >> half) * stir
    places = (mixed ^ mixed >> half) % np.uint64(8192)
    alike = np.flatnonzero(places == places[0])[: 1_100 if enough else 900]
    customers = Customers()
    customers.take_in(rows_of([(f"{number:08}"[::-1], 0) for number in alike], dictionary=False))
    assert (customers.table() is None) == enough
