"""The applications file: types, dates, outcomes, protected attributes, rows left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_core.data.applications import _dates
from credit_core.data.intake import ingest
from credit_core.data.remarks import of_applications
from credit_core.data.store import Dataset
from credit_core.errors import InputError
from credit_core.settings import Settings

Write = Callable[..., Path]
Load = Callable[..., tuple[Dataset, pd.DataFrame]]


@pytest.fixture
def load(settings: Settings, written: Write) -> Load:
    def of(text: str, **kwargs: object) -> tuple[Dataset, pd.DataFrame]:
        dataset = ingest(None, settings, applications=written(text), **kwargs)
        return dataset, pd.read_parquet(dataset.applications_path)

    return of


def test_columns_are_typed_and_described(load: Load) -> None:
    dataset, frame = load(
        "Client ID,Decision Date,Income,Purpose,protected_sex,Bad\n"
        "A,2024-02-01,1200.50,car,f,1\n"
        "B,2024-02-02,,home,m,0\n"
        "007,2024-02-03,9,,f,\n"
    )
    found = dataset.applications
    assert found is not None
    assert [(a.name, a.kind) for a in found.attributes] == [
        ("income", "number"), ("purpose", "category"),
    ]  # fmt: skip
    assert found.protected == ("protected_sex",)
    assert (found.rows, found.rejected, found.has_as_of, found.has_outcome) == (3, 0, True, True)
    assert found.bad_rate == 0.5
    frame = frame.set_index("customer_id")
    assert frame.loc["A", "income"] == 1200.5
    assert np.isnan(frame.loc["B", "income"])
    assert pd.isna(frame.loc["007", "purpose"])
    assert frame.loc["007", "as_of"] == pd.Timestamp("2024-02-03")
    assert np.isnan(frame.loc["007", "outcome"])


def test_a_number_with_one_word_in_it_is_a_category(load: Load) -> None:
    dataset, _ = load("id,age\nA,31\nB,unknown\n")
    assert dataset.applications.attributes[0].kind == "category"


def test_without_dates_and_outcomes(load: Load) -> None:
    dataset, frame = load("customer_id,income\nA,1\nB,2\n")
    assert not dataset.applications.has_as_of
    assert not dataset.applications.has_outcome
    assert frame["as_of"].isna().all()


@pytest.mark.parametrize(
    ("words", "bad_rate"),
    [(("1", "0"), 0.5), (("bad", "Good"), 0.5), (("TRUE", "false"), 0.5), (("1.0", "0.0"), 0.5)],
)
def test_outcomes_in_words(words: tuple[str, str], bad_rate: float, load: Load) -> None:
    dataset, frame = load(f"id,outcome\nA,{words[0]}\nB,{words[1]}\n")
    assert dataset.applications.bad_rate == bad_rate
    assert frame.set_index("customer_id")["outcome"].to_dict() == {"A": 1.0, "B": 0.0}


def test_unreadable_rows_are_counted(load: Load) -> None:
    dataset, frame = load(
        "customer_id,as_of,outcome,x\n"
        "A,2024-02-01,1,1\n"
        ",2024-02-01,1,1\n"  # no customer
        "B,soon,1,1\n"  # no date
        "C,2024-02-01,perhaps,1\n"  # no outcome
        "D,2024-02-01,0,1\n"
        "D,2024-02-01,0,1\n"  # the same application again
        "D,2024-02-02,0,1\n"
    )
    assert (dataset.applications.rows, dataset.applications.rejected) == (3, 4)
    assert frame["customer_id"].tolist() == ["A", "D", "D"]


def test_a_rejected_row_does_not_take_a_good_one_with_it(load: Load) -> None:
    dataset, frame = load(
        "id,as_of,outcome\nA,2024-02-01,perhaps\nA,2024-02-01,1\nB,2024-02-01,0\n"
    )
    assert frame["customer_id"].tolist() == ["A", "B"]
    assert dataset.applications.rejected == 1


def test_of_rows_that_contradict_each_other_none_stays(load: Load) -> None:
    lines = ["A,2024-02-01,1,5", "A,2024-02-01,0,5", "B,2024-02-01,1,5", "C,2024-02-01,0,9"]
    for order in (lines, lines[::-1]):
        dataset, frame = load("\n".join(["id,as_of,outcome,x", *order]) + "\n")
        assert frame["customer_id"].tolist() == ["B", "C"]
        assert dataset.applications.rejected == 2


def test_ragged_rows_are_counted_not_shifted(load: Load) -> None:
    dataset, frame = load("id,income,age\nA,1,30\nB,1,2,3\nC,2\nD,4,50\n")
    assert dataset.applications.rejected == 2
    assert frame.set_index("customer_id")["age"].to_dict() == {"A": 30.0, "D": 50.0}


def test_row_order_changes_nothing(load: Load) -> None:
    lines = [f"C{i},2024-02-{i % 28 + 1:02d},{i % 2},{i}" for i in range(50)]
    _, straight = load("\n".join(["id,as_of,outcome,x", *lines]) + "\n")
    _, reverse = load("\n".join(["id,as_of,outcome,x", *lines[::-1]]) + "\n")
    pd.testing.assert_frame_equal(straight, reverse)


def test_a_declared_protected_column_is_no_attribute(load: Load) -> None:
    dataset, _ = load("id,Age in Years,income\nA,31,1\nB,40,2\n", protected=("age in years",))
    assert [a.name for a in dataset.applications.attributes] == ["income"]
    assert dataset.applications.protected == ("age_in_years",)


def test_an_unknown_protected_column_is_refused(load: Load) -> None:
    with pytest.raises(InputError, match="no column 'gender' to protect"):
        load("id,income\nA,1\n", protected=("gender",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("income,purpose\n1,car\n", "customer"),
        ("id,as_of\nA,soon\n", "no row could be used"),
        ("id,income\nA,1,\nB,2,\n", "no row could be used"),
        ("id,,\nA,1,2\nB,2,3\n", "column 2 has no name"),
        ('id,income\nA,1\nB,"2\nC,3\nD,4\n', "quotation mark opened at about line 3"),
    ],
)
def test_files_that_cannot_be_used_are_one_sentence(text: str, says: str, load: Load) -> None:
    with pytest.raises(InputError, match=says) as caught:
        load(text)
    assert "\n" not in str(caught.value)


def test_dates_before_and_after_midnight_stay_as_they_are(load: Load) -> None:
    _, frame = load("id,as_of\nA,20240201\nB,20240229\n")
    assert frame["as_of"].dt.day.tolist() == [1, 29]


@pytest.mark.parametrize(
    ("dates", "read"),
    [
        (["03/04/2024", "13/04/2024"], ["2024-04-03", "2024-04-13"]),
        (["03/04/2024", "04/13/2024"], ["2024-03-04", "2024-04-13"]),
        (["3.4.2024", "31.12.2024 09:30"], ["2024-04-03", "2024-12-31 09:30"]),
        (["2024-04-03", "2024-04-13T10:15:00Z"], ["2024-04-03", "2024-04-13 10:15"]),
        (["20240403", "20240413"], ["2024-04-03", "2024-04-13"]),
    ],
)
def test_the_files_own_dates_tell_the_day_from_the_month(
    load: Load, dates: list[str], read: list[str]
) -> None:
    rows = "".join(f"C{n},{date}\n" for n, date in enumerate(dates))
    dataset, frame = load("id,as_of\n" + rows)
    assert dataset.applications.rejected == 0
    assert frame["as_of"].tolist() == [pd.Timestamp(text) for text in read]


@pytest.mark.parametrize(
    "dates",
    [["03/04/2024", "05/06/2024"], ["13/04/2024", "04/13/2024"]],
    ids=["nothing above 12", "both above 12"],
)
def test_dates_that_could_be_either_are_refused(load: Load, dates: list[str]) -> None:
    rows = "".join(f"C{n},{date}\n" for n, date in enumerate(dates))
    with pytest.raises(InputError, match=r"month first\. Write them with the year first"):
        load("id,as_of\n" + rows)


@pytest.mark.parametrize(
    "odd", ["03/04/2024", "20240403", "2024", "soon", "2024-02-30", "2999-01-01"]
)
def test_a_date_of_another_form_is_rejected(load: Load, odd: str) -> None:
    dataset, frame = load(f"id,as_of\nA,2024-04-01\nB,{odd}\nC,2024-04-02\n")
    assert dataset.applications.rejected == 1
    assert frame["customer_id"].tolist() == ["A", "C"]


@given(st.lists(st.dates(min_value=date(1990, 1, 1)), min_size=1, max_size=20))
def test_a_day_and_a_month_are_never_confused(dates: list[date]) -> None:
    """Whatever the dates: read as they were meant, or refused."""
    cells = pd.Series([f"{day:%d/%m/%Y}" for day in dates], dtype="str")
    if all(day.day <= 12 for day in dates):
        with pytest.raises(InputError):
            _dates(cells, "a.csv")
    else:
        assert [moment.date() for moment in _dates(cells, "a.csv")] == dates


ODD = """customer_id,as_of,outcome,age,job
A,2024-01-02,bad,33,x
A,2024-01-02,bad,33,x
B,2024-01-05,good,40,y
B,2024-01-05,bad,41,y

,2024-01-05,bad,41,y
C,2024-13-45,bad,41,y
C,,bad,41,y
D,2024-02-01,bad,41
E,2024-02-01,bad,41,x,extra
F,2024-02-01,maybe,=1+1,"two
lines"
G,2024-02-01,maybe,2,=1+1
H,2024-02-01,,41,z
"""


def test_every_row_set_aside_has_its_line_and_reason(load: Load) -> None:
    dataset, _ = load(ODD)
    found = dataset.applications
    assert found is not None
    aside = pd.read_csv(dataset.applications_rejects_path, keep_default_na=False)
    assert list(aside.itertuples(index=False, name=None)) == [
        (3, "", "A,2024-01-02,bad,33,x", "the same row again; the first one is kept"),
        (4, "", "B,2024-01-05,good,40,y", CONTRADICTED),
        (5, "", "B,2024-01-05,bad,41,y", CONTRADICTED),
        (7, "customer_id", "", "the cell is empty"),
        (8, "as_of", "2024-13-45", "not a date in the expected form"),
        (9, "as_of", "", "the cell is empty"),
        (10, "", "D,2024-02-01,bad,41", "fewer fields than the header"),
        (11, "", "E,2024-02-01,bad,41,x,extra", "more fields than the header"),
        (12, "outcome", "maybe", "neither 0/1, good/bad, no/yes nor false/true"),
        (14, "outcome", "maybe", "neither 0/1, good/bad, no/yes nor false/true"),
    ]
    assert (found.rows, found.rejected) == (2, len(aside))
    assert sum(found.rejects_by_reason.values()) == len(aside)


CONTRADICTED = "the same customer and date with other content; all are set aside"


@pytest.mark.parametrize(
    ("header", "values", "said"),
    [
        ("loan_status", ("paid", "charged off"), True),
        ("is_default_12m", ("0", "1"), True),
        ("marital_status", ("single", "married"), False),
        ("paid", ("1", "1"), False),
        ("defaults", ("0", "1", "2"), False),
    ],
)
def test_an_outcome_under_another_name_is_pointed_out(
    header: str, values: tuple[str, ...], said: bool, load: Load
) -> None:
    rows = "\n".join(f"C{i},{value}" for i, value in enumerate(values * 2))
    found = load(f"customer_id,{header}\n{rows}\n")[0].applications
    assert found is not None
    assert found.like_an_outcome == (header if said else "")
    assert any("tell models the answer" in remark for remark in of_applications(found)) == said


def test_customers_without_a_transaction_are_counted(settings: Settings, tmp_path: Path) -> None:
    moved, filed = tmp_path / "moved.csv", tmp_path / "filed.csv"
    moved.write_text("customer_id,date,amount\nA,2024-01-01,1\nB,2024-01-02,2\n")
    filed.write_text("customer_id,income\nA,1\na,2\nC,3\nC-1,4\n")
    found = ingest(moved, settings, applications=filed).applications
    assert found is not None
    assert found.unmatched == 3
    assert "3 customers of the applications have no transaction" in of_applications(found)[0]


def test_characteristics_that_look_protected_are_named_unless_declared(load: Load) -> None:
    text = "customer_id,sex,Age in years,average_balance\nA,m,33,1\nB,f,40,2\n"
    found = load(text)[0].applications
    assert found is not None
    assert found.like_protected == ("sex", "age_in_years")
    assert "Models will read 'sex', 'age_in_years'" in of_applications(found)[0]
    declared = load(text, protected=("sex", "Age in years"))[0].applications
    assert declared is not None
    assert of_applications(declared) == ()


def test_decimal_commas_are_numbers_where_commas_do_not_part_cells(load: Load) -> None:
    rows = "id;amount;rate;odd\nA;10900,00;5,8;10,900\nB;1.250,5;6;2,500\n"
    dataset, frame = load(rows)
    assert frame["amount"].tolist() == [10_900.0, 1_250.5]
    assert frame["rate"].tolist() == [5.8, 6.0]
    kinds = {one.name: one.kind for one in dataset.applications.attributes}
    assert kinds == {"amount": "number", "rate": "number", "odd": "category"}, "it could be 10 900"
