"""Large plain files: the compiled loops and the engine's reader give the same dataset."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from unittest import mock

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from credit_core.data import casts, lines, staging, typist
from credit_core.data.intake import ingest
from credit_core.data.mapping import Mapping
from credit_core.data.store import Dataset
from credit_core.errors import InputError
from credit_core.settings import SAMPLE_FILES, Settings

HEADER = [
    "transaction_id", "customer_id", "timestamp", "amount", "category", "balance",
    "pricing_strategy", "is_fraud", "remark",
]  # fmt: skip
MAPPING = Mapping(columns={name: name for name in HEADER[:-1]})
PLAIN = ["T", "C1", "2024-01-05 10:00:00", "1.50", "food", "20.00", "1", "0", "x"]

letters = st.characters(codec="utf-8", exclude_categories=["Z", "C"], exclude_characters='",')
texts = st.text(letters | st.just(" "), max_size=20)
cells = st.fixed_dictionaries(
    {
        "transaction_id": st.sampled_from(["T1", "T2", "T3", "a-longer-one-than-two-words", ""])
        | st.uuids().map(str),
        "customer_id": st.sampled_from(["C1", "C2", " C1 ", "NA", ""]) | texts,
        "timestamp": st.datetimes(datetime(1969, 12, 1), datetime(2040, 1, 1)).map(
            lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S")
        )
        | st.sampled_from(
            ["2024-02-29 23:59:59", "2023-02-29 10:00:00", "1900-02-29 10:00:00", "2024-01-05",
             "2024-13-01 00:00:00", "2024-01-05 24:00:00", "2024-01-05T10:00:00Z", "", "soon",
             "1970-01-01 00:00:00", "0999-01-01 00:00:00", "2024-01-05 10:00:00 ", "2024",
             "2024/01/05 10:00:00", "2024-01-0: 10:00:00", "2024-01-05 10:00:0/",
             "2024-01-05 10:00:6é", "2024-00-05 10:00:00", "2024-01-00 10:00:00"]
        ),
        "amount": st.decimals(-99999, 99999, places=2, allow_nan=False).map(str)
        | st.sampled_from(
            ["-0", "-", "+7", "5.", ".5", "007", "1.23456", "1.2345", "1e3", "1000000000000",
             "1000000000000.0001", "-1000000000000", "99999999999999999999999", "nan", "inf", "",
             "x", " 1", "1 ", "--4", "$5", "12345678", "123456789", "12345.67", "-12345.67",
             "123456.78", "1234567.", ".1234567", "1.2.3", "1:2", "1/2", "12é", "0.00", "1-2"]
        ),
        "category": st.sampled_from(
            ["food", "rent", "", " ", "exactly 16 bytes", "exactly 16 bytes and more",
             "exactly 16 bytes and less", "refund", "Größe"]
        )
        | texts,
        "balance": st.sampled_from(["", "-0.01", "12.3", "1000000000000", "1000000000001", "?"]),
        "pricing_strategy": st.sampled_from(["", "0", "4", "-3", "2.0", "2.5", "9999999999", "x"]),
        "is_fraud": st.sampled_from(["", "0", "1", "true", "FALSE", "t", "2", "tru", "1.0"]),
        "remark": texts | st.just("-"),
    }
)  # fmt: skip
records = st.one_of(
    cells.map(lambda row: ",".join(row.values())),
    cells.map(lambda row: ",".join([*row.values(), "more"])),
    cells.map(lambda row: ",".join(list(row.values())[:4])),
    st.just(""),
    st.just(",".join(PLAIN)),
)


def stored(dataset: Dataset) -> tuple[list[tuple], list[tuple]]:
    """Return a dataset's transactions and its customers."""
    rows = duckdb.sql(
        f"SELECT {', '.join(dataset.columns)} FROM read_parquet($path) ORDER BY ALL",
        params={"path": str(dataset.transactions_path)},
    )
    customers = duckdb.sql(
        "SELECT customer_id, transactions, first, last FROM read_parquet($path)",
        params={"path": str(dataset.customers_path)},
    )
    return rows.fetchall(), customers.fetchall()


def ingested(
    path: Path, home: Path, least: int, mapping: Mapping | None = MAPPING, block: int = 400
) -> tuple:
    """Return the dataset, its rows and its rejects; in small pieces, so that their edges count."""
    small = {"_ROWS": block // 50, "_DOUBTS": 3, "_FEW": 4}
    settings = Settings(home=home, models=home, threads=2)
    # The form of a column is that of most cells, not of nearly all.
    with (
        mock.patch.multiple(lines, LEAST_BYTES=least, _BLOCK=block),
        mock.patch.multiple(lines, _LOOKED_AT=block // 2, _PLACES=2),
        mock.patch.multiple(typist, **small),
        mock.patch.object(casts, "_ENOUGH", 0.5),
    ):
        dataset = ingest(path, settings, mapping=mapping)
    return dataset, stored(dataset), dataset.rejects_path.read_text(encoding="utf-8")


def facts(dataset: Dataset) -> Dataset:
    return replace(dataset, folder=Path(), created="")


@given(
    drawn=st.lists(records, max_size=25),
    ending=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
@example(drawn=[",".join(PLAIN)] * 3, ending="\n", last=False)
@example(drawn=[f"{i},C1,2023-02-29 10:00:00,1,,,,,x" for i in "AB"], ending="\n", last=True)
@effort(max_examples=30)
def test_compiled_loops_and_the_engine_store_the_same(
    drawn: list[str], ending: str, last: bool
) -> None:
    # Rows under ids of their own make up for broken ones, of which a file may not be full.
    plain = [",".join([f"P{i}", *PLAIN[1:]]) for i in range(40)]
    content = ending.join([",".join(HEADER), *plain[:20], *drawn, *plain[20:]])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_text(content + ending * last, encoding="utf-8", newline="")
        with mock.patch.object(staging, "raw_sql", side_effect=AssertionError):
            compiled = ingested(path, Path(folder) / "compiled", least=0)
        engine = ingested(path, Path(folder) / "engine", least=1 << 40)
    assert facts(compiled[0]) == facts(engine[0])
    assert compiled[1:] == engine[1:]


def agree(
    header: str, rows: list[str], mapping: Mapping, folder: Path, block: int = 400
) -> tuple[Dataset, tuple]:
    """Assert that either reader stores the same of a file; return what it is."""
    path = folder / "file.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    with mock.patch.object(staging, "raw_sql", side_effect=AssertionError):
        compiled = ingested(path, folder / "compiled", 0, mapping, block)
    engine = ingested(path, folder / "engine", 1 << 40, mapping, block)
    assert facts(compiled[0]) == facts(engine[0])
    assert compiled[1:] == engine[1:]
    return compiled[0], compiled[1][0]


money = st.sampled_from(["1.50", "-2", "0", "7", "", "x"])
words = st.sampled_from(["D", "C", "c", "Crédit", "CRÉDIT", "debit", "", " D ", "fee", "x" * 80])


@given(
    st.lists(st.tuples(words, money, money, st.sampled_from(["EUR", "eur", "USD", ""]))),
    st.sampled_from([("c", "crédit"), ("C", "D")]),
    st.sampled_from([(), ("D", "Debit"), ("x" * 80,)]),
    st.sampled_from([None, "eur"]),
)
@effort(max_examples=30)
def test_directions_and_currencies(
    drawn: list[tuple[str, ...]],
    inward: tuple[str, ...],
    outward: tuple[str, ...],
    currency: str | None,
) -> None:
    columns = {"customer_id": "who", "timestamp": "date", "amount": "a", "balance": "b"}
    if currency:
        columns["currency"] = "currency"
    mapping = Mapping(
        columns=columns | {"category": "word"},
        date_format="iso",
        direction="word",
        direction_in=inward,
        direction_out=outward,
        currency=currency,
    )
    plain = [("C", "1.5", "2", "EUR"), ("D" if outward else "fee", "-3", "", "EUR")] * 40
    rows = [f"A{i},2024-01-05,{','.join(cells)}" for i, cells in enumerate([*drawn, *plain])]
    words_fit = "D" in (*inward, *outward) or not outward
    with tempfile.TemporaryDirectory() as folder:
        if not words_fit:  # half of the rows mean nothing: refused
            rows = rows[:-80] + [row.replace(",D,", ",C,") for row in rows[-80:]]
        agree("who,date,word,a,b,currency", rows, mapping, Path(folder))


marked = st.sampled_from(
    ['"C1"', '""', '" C1 "', '"a,b"', '"a""b"', 'a"b"c', '"a"b', '"a",', ' "a"', '"', 'a"', "C1",
     '"a\nb"', '"a\n', '"a"""', '"1.50"', '"2024-01-05"', '"x'],
)  # fmt: skip


@given(
    st.lists(st.tuples(marked, marked | st.just("2024-01-05"), marked | st.just("3")), max_size=6),
    st.sampled_from(["\n", "\r\n"]),
)
@example([('"a\nb"', "2024-01-05", "3")], "\n")
@example([('"a,b"', '"2024-01-05"', '"1.50"')], "\r\n")
@effort(max_examples=60)
def test_quotation_marks(drawn: list[tuple[str, ...]], ending: str) -> None:
    plain = [(f'"P,{i}"', '"2024-01-05"', f'"{i}.5"') for i in range(40)]
    rows = [",".join(cells) for cells in [*plain[:20], *drawn, *plain[20:]]]
    content = ending.join(["who,date,amount", *rows])
    columns = {"customer_id": "who", "timestamp": "date", "amount": "amount"}
    mapping = Mapping(columns=columns, date_format="iso")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_text(content, encoding="utf-8", newline="")
        for least in (0, 1 << 40):
            try:
                dataset, *stored_rows = ingested(path, Path(folder) / f"{least}", least, mapping)
                found.append((facts(dataset), stored_rows))
            except InputError as error:
                found.append((str(error), []))
    assert found[0] == found[1]


def test_cells_in_quotation_marks_go_through_the_loops(tmp_path: Path) -> None:
    rows = [f'"P{i}, {i}","2024-01-05","{i}.5","x"' for i in range(40)]
    columns = {"customer_id": "who", "timestamp": "date", "amount": "a", "category": "c"}
    mapping = Mapping(columns=columns, date_format="iso")
    _, stored_rows = agree('"who","date","a","c"', rows, mapping, tmp_path)
    assert len(stored_rows) == 40
    assert ("P7, 7", datetime(2024, 1, 5), Decimal("7.5"), "x") in stored_rows


def test_negative_amounts_are_not_taken_for_constant(tmp_path: Path) -> None:
    amounts = ["-1.5"] * 30 + ["-3", "-1.5"] * 10  # texts of which the least is the greatest
    rows = [f"A,2024-01-{1 + i % 28:02},{amount}" for i, amount in enumerate(amounts)]
    columns = {"customer_id": "who", "timestamp": "date", "amount": "a"}
    mapping = Mapping(columns=columns, date_format="iso")
    dataset, _ = agree("who,date,a", rows, mapping, tmp_path)
    assert dataset.quality["constant_columns"] == ["customer_id"]


commas = st.sampled_from(
    ["1,5", "-2,25", "0", "7", "", "x", "1.234,56", "1.5", "1,", ",5", "+1,5", "1,23456", "1 234,5",
     "1000000000000,0001", "-", "1,2,3", "(4,50)"]
)  # fmt: skip


@given(
    st.lists(st.tuples(commas, commas), max_size=30),
    st.sampled_from([("iso", "2024-01-05"), ("dmy", "05.01.2024")]),
)
@effort(max_examples=30)
def test_decimal_commas(drawn: list[tuple[str, str]], dates: tuple[str, str]) -> None:
    columns = {"customer_id": "who", "timestamp": "date", "amount": "a", "balance": "b"}
    mapping = Mapping(columns=columns, date_format=dates[0], decimal=",")
    cells = [*drawn, *[("1,5", "-3,25")] * 60]
    rows = [f"A{i};{dates[1]};{';'.join(pair)}" for i, pair in enumerate(cells)]
    with tempfile.TemporaryDirectory() as folder:
        _, stored_rows = agree("who;date;a;b", rows, mapping, Path(folder))
    assert len(stored_rows) >= 60


@given(st.lists(st.tuples(money, money), max_size=30))
@effort(max_examples=20)
def test_money_in_two_columns(drawn: list[tuple[str, str]]) -> None:
    mapping = Mapping(
        columns={"customer_id": "who", "timestamp": "date"},
        date_format="iso",
        debit="paid",
        credit="received",
    )
    plain = [("1.5", ""), ("", "2.25"), ("-1", "-4"), ("0", "0")] * 20
    rows = [f"A{i},2024-01-05,{','.join(cells)}" for i, cells in enumerate([*drawn, *plain])]
    with tempfile.TemporaryDirectory() as folder:
        _, stored_rows = agree("who,date,paid,received", rows, mapping, Path(folder))
    assert len(stored_rows) >= 80


@pytest.mark.parametrize(
    ("form", "date_format"),
    [
        ("%Y-%m-%d", "iso"),
        ("%Y-%m-%dT%H:%M:%SZ", "iso"),
        ("%Y%m%d", "yyyymmdd"),
        ("%d/%m/%Y", "dmy"),
        ("%d.%m.%Y", "dmy"),
        ("%m/%d/%Y %H:%M", "mdy"),
    ],
)
@pytest.mark.parametrize("sign", ["out_positive", "in_positive"])
def test_dates_of_every_fixed_form_and_both_signs(
    form: str, date_format: str, sign: str, tmp_path: Path
) -> None:
    moments = [datetime(1970 + i, 1 + i % 12, 1 + i % 28, i % 24, i) for i in range(50)]
    rows = [f"C{i % 7};{moment.strftime(form)};{i - 20}.5" for i, moment in enumerate(moments)]
    path = tmp_path / "file.csv"
    path.write_text("\n".join(["customer;date;amount", *rows]), encoding="utf-8")
    columns = {"customer_id": "customer", "timestamp": "date", "amount": "amount"}
    mapping = Mapping(columns=columns, date_format=date_format, amount_sign=sign)
    with mock.patch.object(staging, "raw_sql", side_effect=AssertionError):
        compiled = ingested(path, tmp_path / "compiled", 0, mapping)
    engine = ingested(path, tmp_path / "engine", 1 << 40, mapping)
    assert len(compiled[1][0]) == 50
    assert facts(compiled[0]) == facts(engine[0])
    assert compiled[1:] == engine[1:]


def test_the_sample_is_the_same_by_either_reader(tmp_path: Path) -> None:
    with mock.patch.object(staging, "raw_sql", side_effect=AssertionError):
        compiled = ingested(SAMPLE_FILES[0], tmp_path / "compiled", 0, None, 1 << 16)
    engine = ingested(SAMPLE_FILES[0], tmp_path / "engine", 1 << 40, None)
    assert facts(compiled[0]) == facts(engine[0])
    assert compiled[1:] == engine[1:]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("customer,date,amount\nC1\u00a0,2024-01-05,1\n", "odd spaces"),
        ("customer,date,amount\nC1,5 Jan 2024,1\n", "a date with a name"),
    ],
)
def test_what_is_not_plain_is_left_to_the_engine(content: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(content, encoding="utf-8")
    with mock.patch.object(lines, "read_lines", side_effect=AssertionError(why)):
        dataset, _, _ = ingested(path, tmp_path / "home", 0, None)
    assert dataset.rows == 1


def test_little_memory_is_left_to_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("customer,date,amount\nC1,2024-01-05,1\n", encoding="utf-8")
    settings = Settings(home=tmp_path, models=tmp_path, memory_limit_mb=600)
    with (
        mock.patch.object(lines, "LEAST_BYTES", 0),
        mock.patch.object(lines, "read_lines", side_effect=AssertionError("it takes memory")),
    ):
        assert ingest(path, settings).rows == 1


def test_a_file_full_of_doubt_is_left_to_the_engine(tmp_path: Path) -> None:
    rows = [f"C{i},2024-01-05,1.{i:05}1" for i in range(50)]  # six decimals
    path = tmp_path / "file.csv"
    path.write_text("\n".join(["customer,date,amount", *rows]), encoding="utf-8")
    with mock.patch.object(lines, "MOST_DOUBTFUL", 10):
        dataset, _, _ = ingested(path, tmp_path / "home", 0, None)
    assert dataset.rows == 50


@pytest.mark.parametrize("column", ["category", "balance", "is_fraud"])
def test_what_is_missing_late_in_a_file_is_missing_in_the_dataset(
    column: str, tmp_path: Path
) -> None:
    """Where it was looked, nothing is: the file is then read as if that had been expected."""
    rows = [dict(zip(HEADER, [f"T{i}", *PLAIN[1:]], strict=True)) for i in range(60)]
    full = tmp_path / "full.csv"
    full.write_text("\n".join([",".join(HEADER), *(",".join(row.values()) for row in rows)]))
    rows[50][column] = ""
    gap = tmp_path / "gap.csv"
    gap.write_text("\n".join([",".join(HEADER), *(",".join(row.values()) for row in rows)]))
    for path, readings in ((full, 1), (gap, 2)):
        with mock.patch.object(lines, "_read", wraps=lines._read) as read:
            _, (stored_rows, _), _ = ingested(path, tmp_path / f"home-{path.stem}", 0)
        assert read.call_count == readings
        dataset, _, _ = ingested(path, tmp_path / f"other-{path.stem}", 1 << 40)
        assert sorted(map(str, stored(dataset)[0])) == sorted(map(str, stored_rows))
        assert (
            sum(row[dataset.columns.index(column)] is None for row in stored_rows) == readings - 1
        )


def test_progress_is_told_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    rows = [f"C{i},2024-01-05,1" for i in range(100)]
    path.write_text("\n".join(["customer,date,amount", *rows]), encoding="utf-8")
    told: list[tuple[float, str]] = []
    with mock.patch.multiple(lines, LEAST_BYTES=0, _BLOCK=100):
        ingest(
            path,
            Settings(home=tmp_path, models=tmp_path),
            progress=lambda share, words: told.append((share, words)),
        )
    reading = [words for _, words in told if words.endswith("of the rows read and checked")]
    assert len(reading) == 10
    assert reading[-1].startswith("100%")
    assert [share for share, _ in told] == sorted(share for share, _ in told)


@pytest.mark.parametrize(
    "words", [{"direction_in": ("C", " ")}, {"direction_out": ("D", "")}, {"currency": " "}]
)
def test_an_empty_word_means_nothing(words: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="an empty word stands for nothing"):
        Mapping(columns={"customer_id": "c"}, **words)


@pytest.mark.parametrize("least", [0, 1 << 40])
def test_a_file_written_over_while_it_is_read_is_refused(least: int, tmp_path: Path) -> None:
    """As many lines and bytes as before: only its time tells."""
    path, home = tmp_path / "file.csv", tmp_path / "home"
    text = "\n".join(["customer,date,amount", *(f"C{i},2024-01-05,1" for i in range(100))])
    path.write_text(text)

    def written_over(_share: float, words: str) -> None:
        if words == "Measuring the ledger":
            path.write_text(text.replace("C7,", "C8,"))

    with (
        mock.patch.object(lines, "LEAST_BYTES", least),
        pytest.raises(InputError, match="changed while it was read"),
    ):
        ingest(path, Settings(home=home, models=home), progress=written_over)
    assert not [left for left in home.rglob("*") if left.name != "datasets"]


def test_a_file_that_becomes_shorter_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    rows = [f"C{i},2024-01-05,1" for i in range(100)]
    path.write_text("\n".join(["customer,date,amount", *rows]), encoding="utf-8")
    size = path.stat().st_size
    beyond = mock.patch.object(lines, "_cut", return_value=iter([(21, size + 50)]))
    with (
        mock.patch.object(lines, "LEAST_BYTES", 0),
        beyond,
        pytest.raises(InputError, match="changed while it was read"),
    ):
        ingest(path, Settings(home=tmp_path, models=tmp_path))
