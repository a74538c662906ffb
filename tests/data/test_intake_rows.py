"""Every row of a file is kept or named: generated files against an independent count."""

from __future__ import annotations

import csv
import io
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import example, given, note
from hypothesis import settings as effort
from hypothesis import strategies as st

from credit_core.data import sniff
from credit_core.data.intake import ingest
from credit_core.data.reading import REASONS
from credit_core.data.store import Dataset
from credit_core.errors import InputError
from credit_core.settings import PROJECT_ROOT, Settings

HEADER = ["transaction_id", "customer_id", "timestamp", "amount", "category", "is_fraud"]
SAMPLE = PROJECT_ROOT / "sample_data"


@dataclass(frozen=True)
class Row:
    """One record as text, and what must become of it: a reason's key, or None where it is good.

    ``blank`` is an empty line before it; ``identity`` what makes two rows the same transaction.
    """

    text: str
    column: str
    fate: str | None
    identity: tuple[str, ...] = ()


def quoted(cells: list[str], always: bool = False) -> str:
    stream = io.StringIO()
    style = csv.QUOTE_ALL if always else csv.QUOTE_MINIMAL
    csv.writer(stream, quoting=style, lineterminator="\r\n").writerow(cells)
    return stream.getvalue().removesuffix("\r\n")


awkward = st.text(st.sampled_from("abcÄ€字 ,;\"'\n\t=-%&"), min_size=0, max_size=12).map(
    lambda text: text.strip()
)
customers = st.sampled_from(["A1", "007", "NA", "null", "O'Hara", 'say "hi"', "a,b", "Ünal"])
moments = st.sampled_from(
    ["2024-01-05", "2024-02-29 23:59:59", "1999-12-31T00:00:01", "2023-06-01 12:00:00"]
)
amounts = st.decimals(-99999, 99999, places=2, allow_nan=False).map(str)


@st.composite
def good_rows(draw: st.DrawFn) -> Row:
    identity = (draw(customers), draw(moments), draw(amounts), draw(awkward), draw(flags))
    return Row(quoted(["{id}", *identity], draw(st.booleans())), "", None, identity)


flags = st.sampled_from(["0", "1", "true", "false", ""])
BROKEN_CELLS = (
    ("customer_id", "", "missing"),
    ("customer_id", "   ", "missing"),
    ("timestamp", "", "missing"),
    ("timestamp", "yesterday", "not_a_date"),
    ("timestamp", "2023-02-30", "not_a_date"),
    ("timestamp", "1969-12-31", "too_early"),
    ("timestamp", "2199-01-01", "in_the_future"),
    ("amount", "", "missing"),
    ("amount", "twelve", "not_a_number"),
    ("amount", "nan", "not_a_number"),
    ("amount", "-inf", "not_a_number"),
    ("amount", "1e308", "not_a_number"),
    ("amount", "2000000000000", "too_large"),
    ("is_fraud", "perhaps", "not_a_flag"),
    ("category", "x" * 300, "too_long"),
)


@st.composite
def broken_rows(draw: st.DrawFn) -> Row:
    column, value, fate = draw(st.sampled_from(BROKEN_CELLS))
    cells = ["{id}", "A1", "2024-01-05", "10.00", draw(awkward), "0"]
    cells[HEADER.index(column)] = value
    return Row(quoted(cells, draw(st.booleans())), column, fate)


ragged_rows = st.sampled_from(
    [
        Row("{id},A1,2024-01-05", "", "too_few_fields"),
        Row("{id},A1,2024-01-05,1,x,0,7,8", "", "too_many_fields"),
        Row("   ", "", "too_few_fields"),
        Row('{id},A1,2024-01-05,1,"x"y,0', "", "unreadable"),
    ]
)
blank_lines = st.just(Row("", "", "blank"))
repeats = st.sampled_from([Row("same", "", "repeat"), Row("other", "", "repeat")])
files = st.tuples(
    st.lists(st.one_of(good_rows(), broken_rows(), ragged_rows, blank_lines, repeats), max_size=25),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)


def assemble(rows: list[Row], newline: str, closed: bool) -> tuple[str, Counter]:
    """Return the file's text and how many rejects of (column, reason) it must give.

    Enough good rows come first for the file not to be refused as a whole.
    """
    plain = Row(quoted(["{id}", "P", "2024-03-01", "1.00", "x", "0"]), "", None, ("plain",))
    rows = [plain] * (len(rows) + 2) + rows
    texts, expected = [",".join(HEADER)], Counter()
    latest: tuple[str, str] | None = None
    conflicting: set[str] = set()
    copies: Counter = Counter()
    for number, row in enumerate(rows):
        if row.fate == "repeat":
            assert latest is not None
            identity, text = latest
            changed = row.text == "other"
            # A category nobody else has makes it another movement under the same number.
            if changed:
                text = quoted([identity, "A1", "2020-01-01", "1.00", f"changed {number}", "0"])
                conflicting.add(identity)
            copies[identity] += 1
            texts.append(text)
            continue
        text = row.text.replace("{id}", f"T{number}")
        texts.append(text)
        if row.fate is None:
            latest = (f"T{number}", text)
            copies[f"T{number}"] = 1
        elif row.fate != "blank":
            expected[row.column, row.fate] += 1
    for identity, count in copies.items():
        if identity in conflicting:
            expected["transaction_id", "conflict"] += count
        elif count > 1:
            expected["transaction_id", "duplicate"] += count - 1
    return newline.join(texts) + (newline if closed else ""), expected


def records_of(text: str) -> dict[int, list[str]]:
    """Return {line a record starts on: its cells} by Python's csv module, header left out."""
    reader = csv.reader(io.StringIO(text, newline=""))
    next(reader)
    found, line = {}, reader.line_num + 1
    for cells in reader:
        if cells:
            found[line] = cells
        line = reader.line_num + 1
    return found


def stored(dataset: Dataset) -> list[tuple]:
    """Return the stored rows in a total order."""
    path, columns = str(dataset.transactions_path), ", ".join(dataset.columns)
    query = f"SELECT {columns} FROM read_parquet($path) ORDER BY ALL"
    return duckdb.sql(query, params={"path": path}).fetchall()


def rejects_of(dataset: Dataset) -> pd.DataFrame:
    return pd.read_csv(dataset.rejects_path, dtype="str", keep_default_na=False).astype(
        {"line": "int64"}
    )


def ingest_text(text: str, root: Path) -> Dataset:
    settings = Settings(home=root / "home", models=root / "models", threads=2, max_cell_chars=200)
    settings.home.mkdir(exist_ok=True)
    path = root / "file.csv"
    path.write_bytes(text.encode("utf-8"))
    return ingest(path, settings)


@given(files)
@effort(max_examples=30)
def test_every_row_is_kept_or_named_with_its_line(file: tuple) -> None:
    text, expected = assemble(*file)
    note(repr(text))
    records = records_of(text)
    with tempfile.TemporaryDirectory() as root:
        dataset = ingest_text(text, Path(root))
        rejects = rejects_of(dataset)
        kept = stored(dataset)
    assert dataset.seen == len(records) == dataset.rows + dataset.rejected
    assert len(kept) == dataset.rows
    assert len(rejects) == dataset.rejected
    by_words = {words: key for key, words in REASONS.items()}
    found = Counter((row.column, by_words[row.reason]) for row in rejects.itertuples(index=False))
    assert found == expected
    assert rejects["line"].is_monotonic_increasing
    for row in rejects.itertuples(index=False):
        cells = records[row.line]  # no such line, no such record
        reason = by_words[row.reason]
        if reason == "too_few_fields":
            assert len(cells) < len(HEADER)
        elif reason == "too_many_fields":
            assert len(cells) > len(HEADER)
        elif reason == "unreadable":
            assert cells[4] == "xy"
        else:
            assert row.value.lstrip("'").startswith(cells[HEADER.index(row.column)][:150].strip())
            whole = cells[HEADER.index(row.column)]
            assert REJECTED_BY[reason](whole)


REJECTED_BY = {
    "missing": lambda cell: cell.strip() == "",
    "not_a_date": lambda cell: cell in ("yesterday", "2023-02-30"),
    "too_early": lambda cell: cell.startswith("1969"),
    "in_the_future": lambda cell: cell.startswith("2199"),
    "not_a_number": lambda cell: cell in ("twelve", "nan", "-inf", "1e308"),
    "too_large": lambda cell: cell == "2000000000000",
    "not_a_flag": lambda cell: cell == "perhaps",
    "too_long": lambda cell: len(cell) == 300,
    "duplicate": lambda cell: cell.startswith("T"),
    "conflict": lambda cell: cell.startswith("T"),
}


@given(files, st.randoms(use_true_random=False))
@effort(max_examples=8)
def test_row_order_does_not_change_what_is_stored(file: tuple, random) -> None:
    rows, newline, closed = file
    text, _ = assemble(rows, newline, closed)
    header, *records = [quoted(cells) for cells in [HEADER, *records_of(text).values()]]
    random.shuffle(records)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        as_given = ingest_text(text, Path(first))
        shuffled = ingest_text("\n".join([header, *records]) + "\n", Path(second))
        unreadable = as_given.rejects_by_reason.get(REASONS["unreadable"], 0)
        if not unreadable:  # quoting it again mends such a record
            assert stored(as_given) == stored(shuffled)
            assert as_given.rejects_by_reason == shuffled.rejects_by_reason


def test_money_and_text_are_stored_as_written(tmp_path: Path) -> None:
    dataset = ingest_text(
        "customer_id,timestamp,amount,category,balance\n"
        '007,2024-01-05 08:30:00,-12.3456,"a ""b"", c\nd",\n'
        "NA,2024-01-05T08:30:00+02:00,+0.10,NULL,999999999999.9999\n",
        tmp_path,
    )
    first, second = sorted(stored(dataset))
    assert first[0] == "007"
    assert (str(first[2]), first[3], first[4]) == ("-12.3456", 'a "b", c\nd', None)
    assert second[0] == "NA"
    assert second[1].isoformat() == "2024-01-05T06:30:00", "times are stored as UTC"
    assert (str(second[2]), second[3], str(second[4])) == ("0.1000", "NULL", "999999999999.9999")


@given(
    st.integers(0, 2),
    st.sampled_from([0, 4]),
    st.sampled_from([" rent", "rent ", " a  b ", " "]),
    st.sampled_from(",;|\t"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
    st.sampled_from([0, 1]),
)
@example(2, 4, "rent ", ",", csv.QUOTE_MINIMAL, False, 1)
@effort(max_examples=50)
def test_a_space_beside_a_cell_is_left_out_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch,
    row: int,
    column: int,
    cell: str,
    delimiter: str,
    quoting: int,
    ended: bool,
    border: int,
) -> None:
    """Also at the file's end, and where one block of its bytes ends and the next begins."""
    rows = [["A", "2024-01-05", "1.00", "z" * 99, "rent"] for _ in range(3)]
    rows[row][column] = cell if column else "x" + cell
    stream = io.StringIO()
    style = csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator="\n")
    style.writerows([["customer_id", "timestamp", "amount", "note", "category"], *rows])
    text = stream.getvalue() if ended else stream.getvalue().removesuffix("\n")
    with tempfile.TemporaryDirectory() as folder, monkeypatch.context() as patched:
        patched.setattr(sniff, "_CHUNK", text.index(" ") + border)
        path = Path(folder) / "ledger.csv"
        path.write_text(text, encoding="utf-8")
        dataset = ingest(path, Settings(home=Path(folder), models=Path(folder), threads=1))
        found = duckdb.sql(
            "SELECT customer_id, category FROM read_parquet($path)",
            params={"path": str(dataset.transactions_path)},
        ).fetchall()
    assert Counter(found) == Counter((own[0].strip(), own[4].strip() or None) for own in rows)


def test_a_quotation_mark_that_is_never_closed_loses_nothing_in_silence(tmp_path: Path) -> None:
    rows = [f"C{i},2024-01-05,1.00,x" for i in range(400)]
    rows[200] = 'C200,2024-01-05,1.00,"x'
    with pytest.raises(InputError, match="quotation mark opened at about line 202 is never closed"):
        ingest_text("\n".join(["customer_id,timestamp,amount,category", *rows]), tmp_path)


def test_an_unclosed_quotation_mark_in_a_long_file_is_found(tmp_path: Path) -> None:
    rows = [f"C{i},2024-01-05,1.00,something quite long" for i in range(60_000)]
    rows[40_000] = 'C,2024-01-05,1.00,"x'
    with pytest.raises(InputError, match=r"quotation mark|cannot be read"):
        ingest_text("\n".join(["customer_id,timestamp,amount,category", *rows]) + "\n", tmp_path)
    assert not any((tmp_path / "home" / "datasets").iterdir()), "nothing half stored is left"


def test_blank_lines_before_the_header_are_no_rows(tmp_path: Path) -> None:
    dataset = ingest_text(
        "\n\ncustomer_id,timestamp,amount\nA,2024-01-05,1\nB,bad,2\nC,2024-01-05,3\n", tmp_path
    )
    assert (dataset.rows, dataset.rejected) == (2, 1)
    assert rejects_of(dataset)["line"].tolist() == [5]


EXPECTED_IN_SAMPLE = {
    "B90001": ("customer_id", "missing"),
    "B90002": ("amount", "missing"),
    "B90004": ("amount", "not_a_number"),
    "B90005": ("amount", "not_a_number"),
    "B90007": ("amount", "not_a_number"),
    "B90008": ("amount", "not_a_number"),
    "B90009": ("timestamp", "not_a_date"),
    "B90010": ("timestamp", "not_a_date"),
    "B90012": ("timestamp", "in_the_future"),
    "B90013": ("timestamp", "too_early"),
    "B90014": ("", "too_few_fields"),
    "B90015": ("", "too_many_fields"),
    "B90016": ("balance", "not_a_number"),
    "B90017": ("is_fraud", "not_a_flag"),
    "B95000": ("transaction_id", "conflict"),
}


def test_the_bad_example_names_every_broken_row_and_keeps_the_others(tmp_path: Path) -> None:
    text = (SAMPLE / "bad_example.csv").read_text(encoding="utf-8")
    dataset = ingest_text(text, tmp_path)
    rejects = rejects_of(dataset)
    records = records_of(text)
    expected = []
    seen = set()
    for line, cells in records.items():
        identity = cells[0]
        if identity in EXPECTED_IN_SAMPLE:
            expected.append((line, *EXPECTED_IN_SAMPLE[identity]))
        elif identity in seen:
            expected.append((line, "transaction_id", "duplicate"))
        seen.add(identity)
    by_words = {words: key for key, words in REASONS.items()}
    found = [
        (row.line, row.column, by_words[row.reason]) for row in rejects.itertuples(index=False)
    ]
    assert found == expected
    assert {row[0] for row in expected} >= {
        line for line, cells in records.items() if cells[0] in EXPECTED_IN_SAMPLE
    }
    rejected_ids = set(EXPECTED_IN_SAMPLE)
    kept_ids = {row[dataset.columns.index("transaction_id")] for row in stored(dataset)}
    assert kept_ids == {cells[0] for cells in records.values()} - rejected_ids
    assert {"B90003", "B90006", "B90011"} <= kept_ids, "odd but good"
    customers_kept = {row[dataset.columns.index("customer_id")] for row in stored(dataset)}
    assert {"NA", "007"} <= customers_kept
