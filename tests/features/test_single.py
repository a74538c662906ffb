"""One customer's features without the engine: what DuckDB says of the same SQL, to the bit."""

from __future__ import annotations

import math
import random
import struct
from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from credit_core.data.contract import BY_NAME, MAX_MONEY, UNITS
from credit_core.data.ledger import ledger_of
from credit_core.features.build import build_features
from credit_core.features.catalogue import build_catalogue
from credit_core.features.expressions import Cells, Kind, Program
from credit_core.features.single import SingleFeatures
from credit_core.settings import Settings

AS_OF = datetime(2024, 6, 30, 13, 45, 0, 250_000)
EVERYTHING = frozenset(BY_NAME) | {"time_of_day", "money_in"}
MICROSECOND = timedelta(microseconds=1)

money = st.one_of(
    st.floats(-MAX_MONEY, MAX_MONEY),
    st.integers(-MAX_MONEY * UNITS, MAX_MONEY * UNITS).map(lambda units: units / UNITS),
    st.integers(-1_000_000, 1_000_000).map(lambda n: n / 100_000),  # halves of the smallest unit
)
times = st.timedeltas(timedelta(days=-1200), timedelta(days=2)).map(lambda before: AS_OF + before)
rows = st.fixed_dictionaries(
    {
        "timestamp": times | st.just(AS_OF) | st.just(AS_OF - MICROSECOND),
        "amount": money,
        "balance": st.none() | money,
        "category": st.sampled_from(["rent", "refund", "", None]),
        "channel": st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        "is_fraud": st.none() | st.booleans(),
    }
)


def bits(value: float | None) -> bytes:
    return struct.pack("d", math.nan if value is None or math.isnan(value) else value)


@given(
    st.lists(rows, max_size=12),
    st.sampled_from([30, 180, 365, 1100]),
    st.sampled_from([AS_OF, datetime(2024, 6, 30), datetime(1970, 1, 2)]),
)
@effort(max_examples=30)
@example([{**dict.fromkeys(BY_NAME), "timestamp": AS_OF - MICROSECOND, "amount": 5e-5}], 30, AS_OF)
@example(
    [
        {**dict.fromkeys(BY_NAME), "timestamp": AS_OF - timedelta(days=i), "amount": sign * 1e12}
        for i in range(1, 1100)
        for sign in (1, -1)
    ],
    1100,
    AS_OF,
)
def test_one_customer_is_what_the_engine_says(
    drawn: list[dict], days: int, as_of: datetime
) -> None:
    catalogue = build_catalogue(days, EVERYTHING, ("rent", "refund"))
    frame = pd.DataFrame(drawn, columns=list(BY_NAME)).assign(customer_id="A")
    frame["timestamp"] = frame["timestamp"].astype("datetime64[us]")
    frame = frame.astype({"amount": float, "balance": float, "is_fraud": "boolean"})
    if frame.empty:  # a ledger cannot be; a movement after as_of counts for nothing
        frame.loc[0, ["customer_id", "timestamp", "amount"]] = [
            "A",
            pd.Timestamp("2100-01-01"),
            1.0,
        ]
    snapshots = pd.DataFrame({"customer_id": ["A"], "as_of": pd.Series([as_of]).astype("M8[us]")})
    with ledger_of(frame, Settings(threads=1)) as ledger:
        wanted = build_features(ledger, snapshots, catalogue).iloc[0]
    columns = {name: [row.get(name) for row in drawn] for name in BY_NAME}
    found = SingleFeatures(catalogue).values(columns, as_of)
    assert {name: bits(value) for name, value in found.items()} == {
        name: bits(value) for name, value in wanted.items()
    }


EXPRESSIONS = (
    "CAST(sum(w) AS DOUBLE)",
    "CAST(sum(m) AS DOUBLE)",
    "CAST(min(m) AS DOUBLE)",
    "greatest(max(w), 0) - count(*)",
    "least(min(w), 7) // 1000",
    "coalesce(sum(CASE WHEN w > 5 AND m < 3 THEN -m END), 0) - sum(abs(m))",
    "CAST(count(m) AS DOUBLE) / nullif(CAST(count(w) AS DOUBLE), 0)",
    "CAST(sum(w) AS DOUBLE) * CAST(0.16666666666666666 AS DOUBLE)",
    "CAST(1e-05 AS DOUBLE) - CAST(0.1 AS DOUBLE)",
    "bit_count(bit_or(CAST(1 AS BIGINT) << least(abs(s), 62)))",
    "sum(CAST(round(CAST(m AS DOUBLE) * 100) AS BIGINT))",
    "sum(CAST(s AS HUGEINT) * s)",
    "sqrt(CAST(count(*) AS DOUBLE))",
)
whole = st.none() | st.integers(-(2**62), 2**62) | st.integers(-9, 9)
units = st.none() | st.integers(-(10**16), 10**16) | st.integers(-999, 999).map(lambda n: 50 * n)
tables = st.lists(st.tuples(whole, units, st.integers(-99, 99)), min_size=1, max_size=9)


@given(tables)
@effort(max_examples=60)
@example([(2**53 + 1, 2**53 + 1, 0), (None, None, 0)])
@example([(-(2**62), -(10**16), 1)] * 9)
def test_words_mean_what_they_mean_to_the_engine(drawn: list[tuple]) -> None:
    w, m, s = ([row[i] for row in drawn] for i in range(3))
    decimals = [None if u is None else Decimal(u).scaleb(-4) for u in m]
    given_table = pa.table(
        {"w": pa.array(w, pa.int64()), "m": pa.array(decimals, pa.decimal128(18, 4)), "s": s}
    )
    with duckdb.connect() as engine:
        engine.register("given_table", given_table)
        (wanted,) = engine.execute(f"SELECT {', '.join(EXPRESSIONS)} FROM given_table").fetchall()
    program = Program(EXPRESSIONS, {"w": "whole", "m": "money", "s": "whole"})
    found = program.run({"w": column(w), "m": column(m), "s": column(s)}, len(drawn))
    for sql, one, other in zip(EXPRESSIONS, found, wanted, strict=True):
        if isinstance(other, Decimal):
            other = int(other.scaleb(4))
        assert bits(one) == bits(other) if isinstance(other, float) else one == other, sql


def column(values: list[int | None]) -> Cells:
    known = np.array([value is not None for value in values])
    return Cells(np.array([value or 0 for value in values], dtype=object), known)


@pytest.mark.parametrize(
    ("kind", "sql", "unit"), [("whole", "HUGEINT", 1), ("money", "DECIMAL(38,4)", UNITS)]
)
def test_numbers_of_any_size_become_the_doubles_of_the_engine(
    kind: Kind, sql: str, unit: int
) -> None:
    draw = random.Random(7)
    numbers = [draw.randint(-(10**k), 10**k) for k in range(1, 25) for _ in range(200)]
    texts = [str(Decimal(number) / unit) for number in numbers]
    with duckdb.connect() as engine:
        cast = f"CAST(CAST(unnest($1) AS {sql}) AS DOUBLE)"
        wanted = [value for (value,) in engine.execute(f"SELECT {cast}", [texts]).fetchall()]
    program = Program(["CAST(v AS DOUBLE)"], {"v": kind})
    (found,) = program.run({"v": Cells(np.array(numbers, dtype=object))}, len(numbers))
    assert found.values.tolist() == wanted


@pytest.mark.parametrize(
    "sql",
    ["median(w)", "m * m", "sum(CASE WHEN w > 0 THEN m ELSE 0 END)", "date_diff('day', w, w)"],
)
def test_a_word_that_is_not_known_is_refused_at_once(sql: str) -> None:
    with pytest.raises(ValueError, match="not known here"):
        Program([sql], {"w": "whole", "m": "money"})
