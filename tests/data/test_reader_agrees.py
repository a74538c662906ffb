"""The reader's own casts and the tolerant SQL give the same values."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from credit_core.data import intake
from credit_core.data.mapping import DateFormat, Mapping
from credit_core.data.reading import Reading, plan_reading
from credit_core.data.store import Dataset
from credit_core.settings import Settings

HEADER = ["customer_id", "timestamp", "amount", "pricing_strategy", "is_fraud"]
moments = st.datetimes(
    min_value=datetime(1971, 1, 1),
    max_value=datetime(2024, 1, 1),
).map(lambda moment: moment.replace(microsecond=0))
FORMS: dict[DateFormat, tuple[str, ...]] = {
    "iso": ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y/%m/%d", "%Y-%m-%dT%H:%M"),
    "yyyymmdd": ("%Y%m%d", "%Y%m%d%H%M%S"),
    "yymmdd": ("%y%m%d",),
    "dmy": (
        "%d/%m/%Y",
        "%d.%m.%Y",
        "%d/%m/%Y %H:%M",
        "%d/%m/%y",
        "%-d/%-m/%Y",
        "%d/%m/%Y %I:%M %p",
    ),
    "mdy": ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%Y %H:%M:%S", "%-m/%-d/%y %-H:%M"),
    "named": ("%d-%b-%Y", "%d %b %Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y %H:%M"),
}
spaces = st.sampled_from(["", "", "", " ", "  ", "\t", "\u00a0"])
numbers = st.one_of(
    st.decimals(-99999, 99999, places=2, allow_nan=False).map(str),
    st.integers(-999, 999).map(str),
    st.sampled_from(
        ["1e3", "1E-2", ".5", "5.", "+7", "-0", "007", "1_000", "0.00005", "-1.23455", "1e14", "x",
         "1,000.50", "$5", "(3.00)", "4-", "--4", "nan", "inf", "", "99999999999999.99999", "0x1f"]
    ),
)  # fmt: skip
codes = st.sampled_from(["0", "1", "4", "2.0", "2.5", "+3", "-1", "1e2", "", "99999999999", "1_0"])
flags = st.sampled_from(
    ["0", "1", "true", "FALSE", "t", "F", "yes", "No", "Y", "n", "1.0", "0.0", "2", "on", "", "tru"]
)


@st.composite
def files(draw: st.DrawFn) -> tuple[list[list[str]], DateFormat]:
    """Draw a row in a form that the reader casts, and others under it in this form or another."""
    date_format = draw(st.sampled_from(sorted(FORMS)))
    form = draw(st.sampled_from(FORMS[date_format]))
    odd_form = st.sampled_from([other for forms in FORMS.values() for other in forms])
    moment = draw(moments)
    plain = ["P", moment.strftime(form), "1.00", "1", "0"]
    row = st.tuples(
        st.sampled_from(["A", "B"]),
        st.builds(lambda m, f: m.strftime(f), moments, st.one_of(st.just(form), odd_form)),
        numbers,
        codes,
        flags,
    ).flatmap(lambda cells: st.tuples(*(st.builds(pad, spaces, st.just(c), spaces) for c in cells)))
    return [plain, *map(list, draw(st.lists(row, min_size=1, max_size=20)))], date_format


def pad(before: str, cell: str, after: str) -> str:
    return before + cell + after


def ingest_rows(
    rows: list[list[str]],
    date_format: DateFormat,
    timezone: str,
    root: Path,
    plan: Callable[..., Reading],
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Dataset, list[tuple], str]:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([HEADER, *rows[:1] * 2000, *rows[1:]])
    path = root / "file.csv"
    path.write_text(stream.getvalue(), encoding="utf-8")
    (root / "home").mkdir()
    mapping = Mapping(
        columns=dict(zip(HEADER, HEADER, strict=True)), date_format=date_format, timezone=timezone
    )
    with monkeypatch.context() as patched:
        patched.setattr(intake, "plan_reading", plan)
        settings = Settings(home=root / "home", models=root / "models", threads=1)
        dataset = intake.ingest(path, settings, mapping=mapping)
    stored = duckdb.sql(
        f"SELECT {', '.join(dataset.columns)} FROM read_parquet($path) ORDER BY ALL",
        params={"path": str(dataset.transactions_path)},
    ).fetchall()
    return dataset, stored, dataset.rejects_path.read_text(encoding="utf-8")


@effort(max_examples=12)
@given(file=files(), timezone=st.sampled_from(["UTC", "Europe/Rome"]))
def test_a_file_is_the_same_with_and_without_the_readers_casts(
    file: tuple[list[list[str]], DateFormat],
    timezone: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, date_format = file
    cast_by_reader = []

    def planned(*given: object) -> Reading:
        reading = plan_reading(*given)
        cast_by_reader.append(reading.cast_by_reader)
        return reading

    def tolerant(*given: object) -> Reading:
        return plan_reading(*given).tolerant()

    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        args = (rows, date_format, timezone)
        fast, fast_rows, fast_rejects = ingest_rows(*args, Path(first), planned, monkeypatch)
        slow, slow_rows, slow_rejects = ingest_rows(*args, Path(second), tolerant, monkeypatch)
    assert cast_by_reader == [True]
    assert set(fast_rows) ^ set(slow_rows) == set()
    assert fast.rows == slow.rows
    assert fast.rejects_by_reason == slow.rejects_by_reason
    assert fast_rejects == slow_rejects
