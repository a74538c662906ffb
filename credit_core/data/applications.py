"""The optional second file: one row an applicant, with attributes and perhaps an outcome."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.data.contract import normalise_header
from credit_core.data.reading import tomorrow
from credit_core.data.rejects import Rejects, write_rejects
from credit_core.data.source import Source
from credit_core.data.store import Applications, Attribute
from credit_core.errors import InputError
from credit_core.settings import Settings

_ID = ("customer_id", "customer", "client_id", "applicant_id", "application_id", "account_id", "id")
_AS_OF = ("as_of", "decision_date", "application_date", "applied_at", "observation_date")
_OUTCOME = ("outcome", "bad", "default", "target", "label", "good_bad")
_OUTCOME_WORDS = {
    *("default", "defaulted", "defaults", "bad", "target", "outcome", "label", "paid", "repaid"),
    *("unpaid", "delinquent", "chargeoff", "charged", "npl", "arrears", "churn", "churned"),
}
_OUTCOME_NAMES = {"status", "loan_status", "class", "credit_class", "dlq", "dpd90"}
_PROTECTED_WORDS = {
    *("sex", "gender", "age", "birth", "birthdate", "dob", "race", "ethnicity", "ethnic", "colour"),
    *("color", "religion", "religious", "nationality", "origin", "marital", "married"),
    *("pregnant", "disability", "disabled", "orientation", "foreign", "citizenship"),
}
_TRUE, _FALSE = {"1", "1.0", "true", "yes", "bad"}, {"0", "0.0", "false", "no", "good"}
_COMMA_NUMBER = r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?"
_DATE_FORMS = {
    "iso": r"\d{4}-\d{1,2}-\d{1,2}([T ].*)?",
    "compact": r"\d{8}",
    "parts": r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})( .*)?",
}
PROTECTED_PREFIX = "protected_"
RESERVED = ("customer_id", "as_of", "outcome")


def store_applications(
    source: Source, folder: Path, settings: Settings, protected: tuple[str, ...] = ()
) -> Applications:
    """Type an applications file and write ``applications.parquet``.

    The Parquet holds ``customer_id``, ``as_of`` (TIMESTAMP or null), ``outcome`` (0, 1 or null),
    then every attribute under its own header: numbers as float64, categories as text; protected
    attributes last. Dates are ISO, YYYYMMDD, or day and month in the order that the file's own
    dates above the 12th give away. Rows without a customer, with an unreadable date or outcome,
    with more or fewer fields than the header, or repeating a (customer, as_of) pair are set aside
    in ``applications_rejects.csv``: of identical rows one stays, of differing ones none.
    """
    filed = _read(source)
    frame, names = filed.frame, filed.names
    typed = pd.DataFrame({"customer_id": frame["customer_id"]})
    problem = pd.Series("", index=typed.index, dtype="str")
    column = problem.copy()

    def set_aside(where: pd.Series, name: str, reason: str) -> None:
        first = where & (problem == "")
        problem[first], column[first] = reason, name

    set_aside(typed["customer_id"].isna(), "customer_id", "missing")
    typed["as_of"] = pd.NaT
    if "as_of" in frame:
        typed["as_of"] = _dates(frame["as_of"], source.name)
        set_aside(frame["as_of"].isna(), "as_of", "missing")
        set_aside(typed["as_of"].isna(), "as_of", "not_a_date")
        set_aside(typed["as_of"] > tomorrow(), "as_of", "in_the_future")
    typed["as_of"] = typed["as_of"].astype("datetime64[us]")
    typed["outcome"] = np.nan
    if "outcome" in frame:
        typed["outcome"], readable = _outcomes(frame["outcome"])
        set_aside(~readable, "outcome", "not_an_outcome")
    again, differing = _repeated(frame.assign(as_of=typed["as_of"])[problem == ""])
    set_aside(again.reindex(typed.index, fill_value=False), "", "same_application")
    set_aside(differing.reindex(typed.index, fill_value=False), "", "other_application")
    declared = _protected(names, protected, source.name)
    attributes = []
    for name in names:
        typed[name], kind = _attribute(frame[name], source.delimiter)
        if name not in declared:
            attributes.append(Attribute(name, kind))
    bad = problem != ""
    rejects = Rejects.of(filed.lines[bad], list(column[bad]), list(problem[bad]))
    values = dict(zip(filed.lines[bad].tolist(), _values(frame[bad], column[bad]), strict=True))
    values.update({line: text for line, text, _ in filed.ragged})
    rejects = rejects.joined(
        Rejects.of(
            [line for line, _, _ in filed.ragged],
            [""] * len(filed.ragged),
            [reason for _, _, reason in filed.ragged],
        )
    )
    aside = folder / "applications_rejects.csv"
    first = write_rejects(rejects, (values[line] for line in rejects.table["line"]), aside)
    kept = typed[~bad].sort_values(["customer_id", "as_of"], kind="stable").reset_index(drop=True)
    if kept.empty:
        why = f" Line {first[0]:,}: {first[1]} ({first[2][:60]!r})." if first else ""
        raise InputError(
            f"{source.name}: no row could be used; each needs a customer, a readable date in "
            f"as_of (if that column is there) and an outcome of 0, 1 or nothing.{why}"
        )
    kept.to_parquet(folder / "applications.parquet", index=False)
    known = kept["outcome"].notna()
    return Applications(
        name=source.name,
        rows=len(kept),
        rejected=len(rejects),
        attributes=tuple(attributes),
        protected=tuple(sorted(declared)),
        has_as_of="as_of" in frame,
        has_outcome=bool(known.any()),
        bad_rate=float(kept.loc[known, "outcome"].mean()) if known.any() else None,
        rejects_by_reason=rejects.by_reason(),
        like_protected=tuple(a.name for a in attributes if looks_protected(a.name)),
        like_an_outcome="" if known.any() else _like_an_outcome(attributes, kept),
    )


def looks_protected(name: str) -> bool:
    """Return True where a column's name is that of a characteristic that laws on credit protect.

    The words follow the prohibited bases of the Equal Credit Opportunity Act (15 U.S.C. 1691) and
    Article 21 of the EU Charter; a name proves nothing either way.

    >>> looks_protected("applicant_gender"), looks_protected("average_balance")
    (True, False)
    """
    return bool(_PROTECTED_WORDS & set(normalise_header(name).split("_")))


def _like_an_outcome(attributes: list[Attribute], typed: pd.DataFrame) -> str:
    """Return the attribute that seems to be an outcome under another name; '' where none does.

    It has two values, and a name that says what became of a loan.
    """
    for attribute in attributes:
        named = attribute.name in _OUTCOME_NAMES or _OUTCOME_WORDS & set(attribute.name.split("_"))
        if named and typed[attribute.name].dropna().nunique() == 2:
            return attribute.name
    return ""


@dataclass(frozen=True)
class _Filed:
    """The cells as text (missing = None), the line each row begins on, the attributes' names, and
    (line, text, reason) of rows with more or fewer fields than the header.
    """

    frame: pd.DataFrame
    lines: NDArray[np.int64]
    names: list[str]
    ragged: list[tuple[int, str, str]]


def _read(source: Source) -> _Filed:
    """Return the cells of an applications file under normalised headers."""
    columns = [normalise_header(name) for name in source.header]
    if "" in columns:
        raise InputError(
            f"{source.name}: column {columns.index('') + 1} has no name; name or remove it."
        )
    ragged: list[tuple[int, str, str]] = []
    if source.kind == "parquet":
        frame = pd.read_parquet(source.path).astype("str").set_axis(columns, axis=1)
        lines = np.arange(1, len(frame) + 1)
    else:
        rows, begun = [], []
        for line, cells in source.records():
            if "\n" in "".join(cells) and any(
                "\n" in cell and source.runs_on(cell) for cell in cells
            ):
                raise source.never_closed(line)
            if len(cells) == len(columns):
                rows.append(cells)
                begun.append(line)
            else:
                few = len(cells) < len(columns)
                reason = "too_few_fields" if few else "too_many_fields"
                ragged.append((line, source.joined(cells), reason))
        frame = pd.DataFrame(rows, columns=columns, dtype="str")
        lines = np.array(begun, dtype=np.int64)
    frame = frame.apply(lambda cells: cells.str.strip().replace("", None))
    renamed: dict[str, str] = {}
    for name, synonyms in (("customer_id", _ID), ("as_of", _AS_OF), ("outcome", _OUTCOME)):
        found = next((key for key in synonyms if key in frame.columns), None)
        if found is not None:
            renamed[found] = name
    frame = frame.rename(columns=renamed)
    if "customer_id" not in frame:
        raise InputError(
            f"{source.name}: no column says which customer a row is; name one customer_id."
        )
    names = [name for name in frame.columns if name not in RESERVED]
    return _Filed(frame, lines, names, ragged)


def _values(rows: pd.DataFrame, columns: pd.Series) -> list[str]:
    """Return what stood in the cell that is wrong, or the whole row where no cell is named."""
    found = []
    for cells, column in zip(rows.to_dict("records"), columns, strict=True):
        value = cells[column] if column else ",".join(str(v) for v in cells.values() if v == v)
        found.append("" if value is None or value != value else str(value))
    return found


def _repeated(frame: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return which rows are identical to an earlier one, and which contradict each other."""
    keys = ["customer_id", "as_of"]
    again = frame.duplicated()
    distinct = frame[~again]
    differing = distinct[distinct.duplicated(keys, keep=False)]
    if differing.empty:
        return again, pd.Series(False, index=frame.index)
    group = frame.groupby(keys, dropna=False, sort=False).ngroup()
    contradicted = group.isin(group[differing.index])
    return again & ~contradicted, contradicted


def _dates(cells: pd.Series, name: str) -> pd.Series:
    """Read the form most of the filled cells have; every other form is NaT.

    Raises
    ------
    InputError
        Where the file itself does not tell the day from the month.
    """
    fits = {form: cells.str.fullmatch(pattern).eq(True) for form, pattern in _DATE_FORMS.items()}
    form = max(fits, key=lambda form: int(fits[form].sum()))
    chosen = cells.where(fits[form])
    if form == "parts":
        pattern = _DATE_FORMS["parts"]
        parts = chosen.str.extract(pattern).set_axis(["first", "second", "year", "time"], axis=1)
        day, month = ("first", "second") if _day_first(parts, chosen, name) else ("second", "first")
        days = [parts["year"], parts[month].str.zfill(2), parts[day].str.zfill(2)]
        chosen = days[0] + "-" + days[1] + "-" + days[2] + parts["time"].fillna("")
    parsed = pd.to_datetime(chosen, format="ISO8601", errors="coerce", utc=True)
    return parsed.dt.tz_localize(None)


def _day_first(parts: pd.DataFrame, cells: pd.Series, name: str) -> bool:
    """Return whether the first part is the day: one of the two goes above 12, the other never."""
    above = {part: (pd.to_numeric(parts[part]) > 12).any() for part in ("first", "second")}
    if above["first"] == above["second"]:
        raise InputError(
            f"{name}: the dates in as_of (such as {cells.dropna().iloc[0]!r}) could be day first "
            "or month first. Write them with the year first, as 2024-03-31."
        )
    return bool(above["first"])


def _outcomes(cells: pd.Series) -> tuple[pd.Series, pd.Series]:
    folded = cells.str.lower()
    values = pd.Series(np.nan, index=cells.index)
    values[folded.isin(_TRUE)] = 1.0
    values[folded.isin(_FALSE)] = 0.0
    return values, cells.isna() | values.notna()


def _attribute(cells: pd.Series, delimiter: str) -> tuple[pd.Series, str]:
    """Read an attribute as numbers where every filled cell is one, else as a category.

    Where commas do not part the cells they may be decimal signs; a column in which every comma
    has three digits behind it could as well have thousands, and stays a category.
    """
    if delimiter != ",":
        filled = cells.dropna()
        commas = filled[filled.str.contains(",", regex=False)]
        thousands = commas.str.fullmatch(r"[^,]*,\d{3}").all()
        if not thousands and filled.str.fullmatch(_COMMA_NUMBER).all():
            plain = cells.str.replace(".", "", regex=False)
            cells = plain.str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(cells, errors="coerce")
    filled = cells.notna()
    if filled.any() and np.isfinite(numbers[filled]).all():
        return numbers.astype("float64"), "number"
    return cells, "category"


def _protected(names: list[str], declared: tuple[str, ...], file: str) -> set[str]:
    keys = {normalise_header(name) for name in declared}
    unknown = keys - set(names)
    if unknown:
        raise InputError(
            f"{file} has no column {sorted(unknown)[0]!r} to protect; it has {', '.join(names)}."
        )
    return keys | {name for name in names if name.startswith(PROTECTED_PREFIX)}
