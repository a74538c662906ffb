"""A file cut into slices gives the rows and the rejects of the whole file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from credit_core.data.intake import LedgerFile, ingest
from credit_core.data.rejects import describe
from credit_core.data.slices import cut, read_slice
from credit_core.errors import InputError
from credit_core.settings import PROJECT_ROOT, Settings

ROWS = [
    "c1,2024-01-05,10.00,rent",
    "c2,2024-01-06,-20.50,",
    '"c3",2024-01-07 10:00,30,"a ""quoted"" word"',
    'c4,2024-01-08,40,"two\nlines"',
    "c5,not a day,50,rent",
    "c6,2024-01-09,much,rent",
    ",2024-01-10,60,rent",
    "c7,2024-01-11,70",
    "c8,2024-01-12,80,rent,more",
    "",
    "c9,1869-01-13,90,rent",
]


def rows_of(path: Path, settings: Settings, size: int, scratch: Path) -> pd.DataFrame:
    planned = LedgerFile.of(path, None, settings, scratch)
    pieces = cut(planned.reading.source, size)
    read = [rows for piece in pieces for rows in read_slice(planned.reading, piece, settings)]
    return pd.concat([rows.to_pandas() for rows in read], ignore_index=True)


def split(rows: pd.DataFrame) -> tuple[pd.DataFrame, Counter[str]]:
    bad = rows["rejected_reason"].notna()
    said = zip(rows.loc[bad, "rejected_column"], rows.loc[bad, "rejected_reason"], strict=True)
    good = rows[~bad].sort_values("line").reset_index(drop=True)
    return good, Counter(describe(column, reason) for column, reason in said)


@given(st.lists(st.sampled_from(ROWS), max_size=30), st.integers(300, 900))
@effort(max_examples=8)
def test_slices_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[str], size: int
) -> None:
    folder = tmp_path_factory.mktemp("sliced")
    settings = Settings(home=folder, models=folder, threads=1)
    path = folder / "ledger.csv"
    # Enough good rows that the file is worth reading.
    lines = ["customer_id,date,amount,category", *ROWS[:2] * 20, *drawn, *ROWS[:1]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    whole = ingest(path, settings)
    rows = rows_of(path, settings, size, folder)
    good, reasons = split(rows)
    assert reasons == whole.rejects_by_reason
    kept = pd.read_parquet(whole.transactions_path)[list(whole.columns)]
    pd.testing.assert_frame_equal(good[list(whole.columns)], kept, check_dtype=False)
    rejects = pd.read_csv(whole.rejects_path, keep_default_na=False)
    mine = rows[rows["rejected_reason"].notna()].sort_values("line")
    assert mine["line"].tolist() == rejects["line"].tolist()
    assert mine["rejected_value"].tolist() == rejects["value"].tolist()
    assert rows["line"].is_unique


def test_slices_of_parquet_are_row_groups(settings: Settings, tmp_path: Path) -> None:
    path, scratch = tmp_path / "ledger.parquet", tmp_path / "scratch"
    scratch.mkdir()
    duckdb.execute(
        f"""COPY (SELECT 'c' || n % 70 AS customer_id, DATE '2024-01-01' + n::INTEGER % 99 AS date,
                  CASE WHEN n % 11 = 0 THEN NULL ELSE n / 4 END AS amount FROM range(5000) t(n))
        TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)"""
    )
    whole = ingest(path, settings)
    assert whole.rejected == 455
    good, reasons = split(rows_of(path, settings, 1, scratch))
    assert reasons == whole.rejects_by_reason
    assert len(good) == whole.rows
    kept = pd.read_parquet(whole.transactions_path)[list(whole.columns)]
    pd.testing.assert_frame_equal(good[list(whole.columns)], kept, check_dtype=False)


def test_a_refusal_names_the_line_of_the_whole_file(
    settings: Settings, tmp_path: Path, written: Callable[..., Path]
) -> None:
    lines = ["customer_id,date,amount"] + [f"c{i},2024-01-05,1{i}.00" for i in range(300)]
    lines[250] = 'c250,2024-01-05,"12.00'
    path = written("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"line 25[01] is never closed"):
        rows_of(path, settings, 1000, tmp_path)


def test_the_bad_example_is_counted_alike(settings: Settings, tmp_path: Path) -> None:
    path = PROJECT_ROOT / "sample_data" / "bad_example.csv"
    _, reasons = split(rows_of(path, settings, 1000, tmp_path))
    whole = Counter(ingest(path, settings).rejects_by_reason)
    again = {reason: n for reason, n in whole.items() if reason.startswith("transaction_id")}
    assert sum(again.values()) == 3, "what only the whole file can tell"
    assert reasons == whole - Counter(again)
