"""Shapes of files: encodings, delimiters, dates, mappings, and files that are refused."""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from unittest import mock

import duckdb
import pandas as pd
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from credit_core.data import sniff
from credit_core.data.contract import BY_NAME, COLUMNS
from credit_core.data.intake import ingest
from credit_core.data.ledger import open_ledger
from credit_core.data.mapping import DATE_FORMATS, Mapping, load_mapping, mapping_yaml
from credit_core.data.store import Dataset, list_datasets, open_dataset
from credit_core.errors import CandorError, InputError
from credit_core.labels.rfm import customers_seen
from credit_core.settings import Settings

Write = Callable[..., Path]
PLAIN = "customer_id,timestamp,amount,category\nA,2024-01-05,1.50,rént\nB,2024-02-06,-2,x\n"


def rows_of(dataset: Dataset) -> list[tuple]:
    path, columns = str(dataset.transactions_path), ", ".join(dataset.columns)
    query = f"SELECT {columns} FROM read_parquet($path) ORDER BY ALL"
    return duckdb.sql(query, params={"path": path}).fetchall()


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (gzip.compress(PLAIN.encode()), "t.csv.gz"),
        (gzip.compress(PLAIN.encode("utf-16")), "t16.csv.gz"),
        (PLAIN.encode("utf-8-sig"), "mark.csv"),
        (PLAIN.encode("utf-16"), "wide.csv"),
        (PLAIN.encode("utf-16-le").replace(b"c", b"\xff\xfec", 1), "little.csv"),
        (PLAIN.encode("cp1252"), "western.csv"),
        (PLAIN.replace("\n", "\r\n").encode(), "windows.csv"),
        (PLAIN.replace(",", ";").encode(), "semicolon.csv"),
        (PLAIN.replace(",", "\t").encode(), "tab.tsv"),
        (PLAIN.replace(",", "|").encode(), "bar.txt"),
        (PLAIN.rstrip("\n").encode(), "open_end.csv"),
        (parquet(pd.read_csv(io.StringIO(PLAIN))), "t.parquet"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_form_of_a_file_stores_the_same_rows(
    content: bytes, name: str, settings: Settings, written: Write
) -> None:
    dataset = ingest(written(content, name), settings)
    plain = ingest(written(PLAIN, "plain.csv"), settings)
    assert rows_of(dataset) == rows_of(plain)
    assert (dataset.rows, dataset.rejected, dataset.customers) == (2, 0, 2)
    assert dataset.has_money_in
    assert not dataset.has_time_of_day


def test_the_encoding_is_told_where_it_was_not_utf_8(settings: Settings, written: Write) -> None:
    assert ingest(written(PLAIN.encode("cp1252")), settings).notes == ("read as cp1252",)


def test_same_file_twice_is_one_dataset(settings: Settings, written: Write) -> None:
    first = ingest(written(PLAIN, "a.csv"), settings)
    again = ingest(written(PLAIN, "another_name.csv"), settings)
    assert again.fingerprint == first.fingerprint
    assert again.created == first.created, "the stored one is returned"
    assert len(list_datasets(settings)) == 1
    assert open_dataset(settings, first.fingerprint[:6]).rows == 2


def test_another_mapping_of_a_file_is_another_dataset(settings: Settings, written: Write) -> None:
    path = written(PLAIN)
    columns = {"customer_id": "customer_id", "timestamp": "timestamp", "amount": "amount"}
    out = ingest(path, settings, mapping=Mapping(columns=columns))
    into = ingest(path, settings, mapping=Mapping(columns=columns, amount_sign="in_positive"))
    assert out.fingerprint != into.fingerprint
    assert [row[2] for row in rows_of(out)] == [-row[2] for row in rows_of(into)]
    assert out.unused == ("category",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"customer_id,timestamp,amount\n", "no rows"),
        (b"\n\n\n", "no rows"),
        (b"%PDF-1.7\n%\xe2\xe3\n1 0 obj", "PDF"),
        (b"\x89PNG\r\n\x1a\n0000", "picture"),
        (b"PK\x03\x04aaaa", "damaged zip archive"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"SQLite format 3\x00aaa", "database"),
        (b"PAR1 and then nothing", "Parquet"),
        (b"\x1f\x8b\x08 not really packed", "gzip"),
        (b"customer_id,timestamp,amount\nA,2024-01-05,1\x00\n", "NUL"),
        (b"customer_id,timestamp,amount,Amount\nA,2024-01-05,1,2\n", "two columns named"),
        (b"customer_id,timestamp,a mount,A-Mount\nA,2024-01-05,1,2\n", "two columns named"),
        (b"one,two,three\n1,2,3\n", "no column was recognised as customer_id"),
        (b"customer_id,amount\nA,1\n", "no column was recognised as timestamp"),
        (b"just a line of text\nand another one\n", "one column at most"),
        (b"customer_id,timestamp,amount\nA,soon,1\nB,later,2\n", "no row could be read"),
        (
            b"customer_id,timestamp,amount\nA,2024-01-05,1\nB,later,2\nC,never,3\n",
            "only 1 of 3 rows could be read",
        ),
        (b"customer_id,date,amount\nA,03/04/2024,1\nB,05/06/2024,2\n", "date_format: dmy"),
        (b"customer_id,date,amount\nA,13/04/2024,1\nB,05/16/2024,2\n", "date_format: dmy"),
        (b'customer_id,timestamp,amount\nA,2024-01-05,"1\nB,2024-01-05,2\n', "quotation mark"),
        ((",".join(f"c{i}" for i in range(300)) + "\n1\n").encode(), "300 columns"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_odd_files_are_refused_with_one_sentence(
    content: bytes, says: str, settings: Settings, written: Write
) -> None:
    with pytest.raises(InputError) as caught:
        ingest(written(content, "odd.csv"), settings)
    sentence = str(caught.value)
    assert says in sentence
    assert "odd.csv" in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert len(sentence) < 600
    assert list_datasets(settings) == []


def test_parquet_columns_that_differ_in_case_only_are_refused(
    settings: Settings, written: Write
) -> None:
    frame = pd.DataFrame({"customer_id": ["A"], "date": ["2024-01-05"], "amount": 1, "Amount": 2})
    with pytest.raises(InputError, match="two columns named 'amount' and 'Amount'"):
        ingest(written(parquet(frame), "odd.parquet"), settings)


def test_a_folder_and_a_missing_file_are_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        ingest(tmp_path, settings)
    with pytest.raises(InputError, match="There is no file"):
        ingest(tmp_path / "absent.csv", settings)
    with pytest.raises(InputError, match="Give a transactions file"):
        ingest(None, settings)


def test_limits_are_named_in_the_refusal(settings: Settings, written: Write) -> None:
    path = written(PLAIN)
    bomb = written(gzip.compress(b"customer_id,timestamp,amount\n" + b"0" * 10_000_000), "b.gz")
    with pytest.raises(InputError, match="CANDOR_MAX_BYTES"):
        ingest(path, settings.model_copy(update={"max_bytes": 10}))
    with pytest.raises(InputError, match=r"unpacks to more.*CANDOR_MAX_BYTES"):
        ingest(bomb, settings.model_copy(update={"max_bytes": 1_000_000}))
    with pytest.raises(InputError, match="CANDOR_MAX_ROWS"):
        ingest(path, settings.model_copy(update={"max_rows": 1}))


@pytest.mark.parametrize(
    ("cells", "form", "expected"),
    [
        (["03/04/2024", "13/04/2024"], "dmy", "2024-04-03"),
        (["03/04/2024", "04/13/2024"], "mdy", "2024-03-04"),
        (["03.04.2024 09:30", "28.04.2024 10:00"], "dmy", "2024-04-03 09:30"),
        (["20240403", "20240413"], "yyyymmdd", "2024-04-03"),
        (["240403", "240413"], "yymmdd", "2024-04-03"),
        (["1712102400", "1712102401"], "epoch_s", "2024-04-03"),
        (["1712102400000", "1712102400001"], "epoch_ms", "2024-04-03"),
        (["2024-04-03T00:00:00Z", "2024-04-13T00:00:00Z"], "iso", "2024-04-03"),
    ],
)
def test_the_date_form_is_decided_by_evidence(
    cells: list[str], form: str, expected: str, settings: Settings, written: Write
) -> None:
    lines = "".join(f"A,{cell},1\n" for cell in cells)
    dataset = ingest(written("customer_id,date,amount\n" + lines), settings)
    assert dataset.mapping["date_format"] == form
    assert dataset.rejected == 0
    assert pd.Timestamp(expected) in [pd.Timestamp(row[1]) for row in rows_of(dataset)]


def test_a_mapping_answers_the_question_of_day_and_month(
    settings: Settings, written: Write
) -> None:
    path = written("customer_id,date,amount\nA,03/04/2024,1\nB,05/06/2024,2\n")
    columns = {"customer_id": "customer_id", "timestamp": "date", "amount": "amount"}
    by_day = ingest(path, settings, mapping=Mapping(columns=columns, date_format="dmy"))
    by_month = ingest(path, settings, mapping=Mapping(columns=columns, date_format="mdy"))
    assert [row[1].month for row in rows_of(by_day)] == [4, 6]
    assert [row[1].month for row in rows_of(by_month)] == [3, 5]


def test_a_direction_column_gives_unsigned_amounts_their_sign(
    settings: Settings, written: Write
) -> None:
    text = "client,date,amt,type\nA,2024-01-05,100,Credit\nA,2024-01-06,30,debit\n"
    dataset = ingest(written(text), settings)
    assert dataset.mapping["direction"] == "type"
    assert sorted(row[2] for row in rows_of(dataset)) == [Decimal(-100), Decimal(30)]


def test_decimal_commas_are_found(settings: Settings, written: Write) -> None:
    text = "customer_id;date;amount\nA;2024-01-05;1.234,50\nA;2024-01-06;-0,25\nB;2024-01-06;7,5\n"
    dataset = ingest(written(text), settings)
    assert sorted(row[2] for row in rows_of(dataset)) == [
        Decimal("-0.25"), Decimal("7.5"), Decimal("1234.5"),
    ]  # fmt: skip


HOSTILE = [
    "x'); COPY (SELECT 1) TO '{file}'; --",
    'x"; DROP TABLE reject_errors; --',
    "'||(SELECT content FROM read_text('/etc/passwd'))||'",
    "=cmd|' /C calc'!A0",
    "{{7*7}} ${jndi:ldap://x}",
    "/**/UNION SELECT 1,2,3--",
]


def test_hostile_headers_and_values_are_only_text(
    settings: Settings, written: Write, tmp_path: Path
) -> None:
    target = tmp_path / "written_by_sql.csv"
    values = [value.replace("{file}", str(target)) for value in HOSTILE]
    frame = pd.DataFrame(
        {
            "customer_id": values,
            "timestamp": "2024-01-05",
            "amount": "1.00",
            "category": values,
            **dict.fromkeys(values, "1"),
        }
    )
    for path in (
        written(frame.to_csv(index=False), "hostile.csv"),
        written(parquet(frame), "hostile.parquet"),
    ):
        dataset = ingest(path, settings)
        assert sorted(row[0] for row in rows_of(dataset)) == sorted(values)
        assert set(dataset.unused) == set(values)
    mapped = Mapping(
        columns={"customer_id": values[0], "timestamp": "timestamp", "amount": "amount"},
        direction=values[1],
        direction_in=(values[2],),
    )
    assert ingest(written(frame.to_csv(index=False)), settings, mapping=mapped).rows == len(values)
    assert not target.exists()


def test_rejected_values_cannot_become_formulas(settings: Settings, written: Write) -> None:
    text = "customer_id,timestamp,amount\nA,2024-01-05,1\nB,2024-01-05,=1+1\nC,2024-01-05,2\n"
    dataset = ingest(written(text), settings)
    assert "'=1+1" in dataset.rejects_path.read_text(encoding="utf-8")


headers = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1)


@effort(max_examples=40)
@given(
    st.builds(
        Mapping,
        columns=st.dictionaries(st.sampled_from([c.name for c in COLUMNS]), headers, min_size=1),
        date_format=st.sampled_from(list(DATE_FORMATS)),
        decimal=st.sampled_from([".", ","]),
        amount_sign=st.sampled_from(["out_positive", "in_positive"]),
        direction=st.none() | headers,
        direction_in=st.lists(headers, max_size=3).map(tuple),
    )
)
def test_a_saved_mapping_reads_back_as_it_was(tmp_path: Path, mapping: Mapping) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(mapping_yaml(mapping), encoding="utf-8")
    assert load_mapping(path) == mapping


@pytest.mark.parametrize(
    "text", ["", "columns: 3", "- a\n- b", "columns: {}\nfoo: 1", "a: [", "!!python/object:os.x {}"]
)
def test_a_broken_mapping_is_one_sentence(text: str, written: Write) -> None:
    with pytest.raises(InputError, match="cannot be used"):
        load_mapping(written(text, "m.yaml"))


def test_a_mapping_that_does_not_fit_names_what_is_missing(
    settings: Settings, written: Write
) -> None:
    path = written(PLAIN)
    columns = {"customer_id": "customer_id", "timestamp": "timestamp"}
    for more, says in (
        ({}, "does not say which column is amount"),
        ({"amount": "money"}, "takes amount from 'money'"),
        ({"amount": "amount", "sum": "amount"}, "no canonical column"),
    ):
        with pytest.raises(InputError, match=says):
            ingest(path, settings, mapping=Mapping(columns={**columns, **more}))


def test_every_synonym_is_recognised(settings: Settings, written: Write) -> None:
    names = {name: (name, *column.synonyms) for name, column in BY_NAME.items()}
    for synonym in names["customer_id"][1:4]:
        text = PLAIN.replace("customer_id", synonym.replace("_", " ").title())
        assert ingest(written(text), settings).columns[0] == "customer_id"


def test_what_is_left_after_a_failure_is_nothing(settings: Settings, written: Write) -> None:
    with pytest.raises(CandorError):
        ingest(written("customer_id,timestamp,amount\nA,x,1\n"), settings)
    assert [p.name for p in settings.home.rglob("*") if p.name != "datasets"] == []


@given(st.binary(min_size=1, max_size=40))
@effort(max_examples=40)
def test_a_content_hash_is_what_any_tool_says_however_it_is_read(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        with mock.patch.object(sniff, "_CHUNK", 3):
            assert sniff._content_hash(path) == blake3(content).hexdigest()


def test_the_customers_are_stored_and_are_those_of_the_rows(
    settings: Settings, written: Write
) -> None:
    rows = "C,2024-01-05,1\nA,2024-03-01,2\nC,2024-02-01,3\nB,2024-01-09,4\nC,2024-01-20,5\n"
    dataset = ingest(written(f"customer_id,timestamp,amount\n{rows}"), settings)
    stored = pd.read_parquet(dataset.customers_path)
    assert stored["customer_id"].tolist() == ["A", "B", "C"]
    assert stored["transactions"].tolist() == [1, 1, 3]
    assert stored["last"].iloc[2] == pd.Timestamp("2024-02-01")
    moments = pd.to_datetime(["2024-01-01", "2024-01-06", "2024-01-10", "2024-03-01", "2024-04-01"])
    with open_ledger(dataset, settings) as ledger:
        told = [customers_seen(ledger, moment)["customer_id"].tolist() for moment in moments]
    assert told == [[], ["C"], ["B", "C"], ["B", "C"], ["A", "B", "C"]]
    dataset.customers_path.unlink()  # as in a dataset stored before they were
    with open_ledger(dataset, settings) as ledger:
        assert told == [
            customers_seen(ledger, moment)["customer_id"].tolist() for moment in moments
        ]
