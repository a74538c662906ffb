"""The optional second file: one row an applicant, with attributes and perhaps an outcome."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from credit_core.data.contract import normalise_header
from credit_core.data.source import Source
from credit_core.data.store import Applications, Attribute
from credit_core.errors import InputError
from credit_core.settings import Settings

_ID = ("customer_id", "customer", "client_id", "applicant_id", "application_id", "account_id", "id")
_AS_OF = ("as_of", "decision_date", "application_date", "applied_at", "observation_date")
_OUTCOME = ("outcome", "bad", "default", "target", "label", "good_bad")
_TRUE, _FALSE = {"1", "1.0", "true", "yes", "bad"}, {"0", "0.0", "false", "no", "good"}
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
    with more or fewer fields than the header, or repeating a (customer, as_of) pair are counted
    as rejected: of identical rows one stays, of differing ones none.
    """
    frame, names, ragged = _read(source)
    typed = pd.DataFrame({"customer_id": frame["customer_id"]})
    good = typed["customer_id"].notna()
    typed["as_of"] = pd.NaT
    if "as_of" in frame:
        typed["as_of"] = _dates(frame["as_of"], source.name)
        good &= typed["as_of"].notna()
    typed["as_of"] = typed["as_of"].astype("datetime64[us]")
    typed["outcome"] = np.nan
    if "outcome" in frame:
        typed["outcome"], readable = _outcomes(frame["outcome"])
        good &= readable
    repeated = _repeated(frame.assign(as_of=typed["as_of"])[good])
    good &= ~repeated.reindex(typed.index, fill_value=False)
    declared = _protected(names, protected, source.name)
    attributes = []
    for name in names:
        typed[name], kind = _attribute(frame[name])
        if name not in declared:
            attributes.append(Attribute(name, kind))
    kept = typed[good].sort_values(["customer_id", "as_of"], kind="stable").reset_index(drop=True)
    if kept.empty:
        raise InputError(
            f"{source.name}: no row could be used; each needs a customer, a readable date in "
            "as_of (if that column is there) and an outcome of 0, 1 or nothing."
        )
    kept.to_parquet(folder / "applications.parquet", index=False)
    known = kept["outcome"].notna()
    return Applications(
        name=source.name,
        rows=len(kept),
        rejected=len(typed) + ragged - len(kept),
        attributes=tuple(attributes),
        protected=tuple(sorted(declared)),
        has_as_of="as_of" in frame,
        has_outcome=bool(known.any()),
        bad_rate=float(kept.loc[known, "outcome"].mean()) if known.any() else None,
    )


def _read(source: Source) -> tuple[pd.DataFrame, list[str], int]:
    """Return the cells as text (empty = missing), the attribute names and the ragged rows' count.

    Headers are normalised.
    """
    columns = [normalise_header(name) for name in source.header]
    if "" in columns:
        raise InputError(
            f"{source.name}: column {columns.index('') + 1} has no name; name or remove it."
        )
    ragged = 0
    if source.kind == "parquet":
        frame = pd.read_parquet(source.path).astype("str").set_axis(columns, axis=1)
    else:
        rows = []
        for line, cells in source.records():
            if any("\n" in cell and source.runs_on(cell) for cell in cells):
                raise source.never_closed(line)
            if len(cells) == len(columns):
                rows.append(cells)
            else:
                ragged += 1
        frame = pd.DataFrame(rows, columns=columns, dtype="str")
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
    return frame, [name for name in frame.columns if name not in RESERVED], ragged


def _repeated(frame: pd.DataFrame) -> pd.Series:
    """Return True for identical rows after the first, and for all that contradict each other."""
    again = frame.duplicated(keep="first")
    differing = frame[~again].duplicated(["customer_id", "as_of"], keep=False)
    return again | differing.reindex(frame.index, fill_value=False)


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


def _attribute(cells: pd.Series) -> tuple[pd.Series, str]:
    """Read an attribute as numbers where every filled cell is one, else as a category."""
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
