"""A file becomes a dataset: typed Parquet, every other row set aside with its reason.

Records seen = rows kept + rows rejected, checked against an independent count; nothing is
dropped without a line in ``rejects.csv``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import duckdb

from credit_core.data.applications import store_applications
from credit_core.data.contract import COLUMNS, MAX_MONEY, SQL_TYPES, Column
from credit_core.data.duck import connect, text_literal
from credit_core.data.mapping import (
    Mapping,
    Proposal,
    check_mapping,
    money_sql,
    propose_mapping,
    timestamp_sql,
)
from credit_core.data.sniff import Source, look_at
from credit_core.data.store import Dataset, new_folder, open_dataset, save_manifest
from credit_core.errors import InputError
from credit_core.settings import Settings

Progress = Callable[[float, str], None]
VERSION = 1
_SAMPLE_ROWS = 5000
_LONGEST_LINE = 1 << 20
_ROW_GROUP = 40_960
_DANGEROUS_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # noqa: RUF001

REASONS: dict[str, str] = {
    "missing": "the cell is empty",
    "not_a_date": "not a date in the expected form",
    "too_early": "before 1970",
    "in_the_future": "after tomorrow",
    "not_a_number": "not a finite number",
    "too_large": f"beyond {MAX_MONEY:,}",
    "not_a_flag": "neither 0/1 nor true/false",
    "too_long": "longer than allowed",
    "too_few_fields": "fewer fields than the header",
    "too_many_fields": "more fields than the header",
    "unreadable": "the line cannot be read as a record",
    "duplicate": "the same transaction again; the first one is kept",
    "conflict": "the same transaction_id with other content; both are set aside",
}


@dataclass(frozen=True)
class Reject:
    """One record set aside: where, what stood there, and why."""

    line: int
    column: str
    value: str
    reason: str


def inspect(path: Path, settings: Settings, scratch: Path) -> tuple[Source, Proposal]:
    """Look at a transactions file and propose a mapping, reading only its first rows."""
    source = look_at(path, settings, scratch)
    return source, propose_mapping(source.header, first_rows(source, settings), source.name)


def ingest(
    path: Path | None,
    settings: Settings,
    *,
    mapping: Mapping | None = None,
    applications: Path | None = None,
    protected: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Dataset:
    """Store a transactions file and/or an applications file as a dataset.

    The same content under the same mapping is the same dataset: its fingerprint is the SHA-256
    of both, and a second call returns the stored one.
    """
    tell = progress or (lambda _share, _text: None)
    if path is None and applications is None:
        raise InputError("Give a transactions file, an applications file, or both.")
    settings.datasets.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=settings.home) as scratch:
        tell(0.0, "Looking at the file")
        ledger = _Ledger.of(path, mapping, settings, Path(scratch)) if path else None
        filed = None
        if applications is not None:
            folder = Path(scratch) / "applications"
            folder.mkdir()
            filed = look_at(applications, settings, folder)
        fingerprint = _fingerprint(ledger, filed, protected)
        if (settings.datasets / fingerprint).is_dir():
            tell(1.0, "This content is stored already")
            return open_dataset(settings, fingerprint)
        sources = [source for source in (ledger and ledger.source, filed) if source]
        with new_folder(settings.datasets, fingerprint) as folder:
            dataset = Dataset(
                fingerprint=fingerprint,
                folder=folder,
                name=" + ".join(source.name for source in sources),
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                notes=tuple(note for source in sources for note in source.notes),
            )
            if ledger is not None:
                dataset = _store_ledger(ledger, dataset, settings, tell)
            if filed is not None:
                tell(0.95, "Reading the applications")
                stored = store_applications(filed, folder, settings, protected)
                dataset = replace(dataset, applications=stored)
            save_manifest(dataset, folder)
    tell(1.0, f"{dataset.rows:,} transactions stored, {dataset.rejected:,} set aside")
    return open_dataset(settings, fingerprint)


@dataclass(frozen=True)
class _Ledger:
    """A transactions file, how it will be read, and why."""

    source: Source
    mapping: Mapping
    proposal: Proposal | None

    @staticmethod
    def of(path: Path, mapping: Mapping | None, settings: Settings, scratch: Path) -> _Ledger:
        if mapping is None:
            source, proposal = inspect(path, settings, scratch)
            return _Ledger(source, proposal.mapping, proposal)
        source = look_at(path, settings, scratch)
        check_mapping(mapping, source.header, source.name)
        return _Ledger(source, mapping, None)

    @property
    def columns(self) -> list[Column]:
        return [column for column in COLUMNS if column.name in self.mapping.columns]

    @property
    def unused(self) -> tuple[str, ...]:
        """The headers that no canonical column and no direction is read from."""
        used = {*self.mapping.columns.values(), self.mapping.direction}
        return tuple(name for name in self.source.header if name not in used)

    def cell(self, column: str) -> str:
        """Return the name under which the raw relation holds a canonical column."""
        return f"c{self.source.header.index(self.mapping.columns[column])}"


def _fingerprint(ledger: _Ledger | None, filed: Source | None, protected: tuple[str, ...]) -> str:
    content = {
        "version": VERSION,
        "transactions": ledger.source.sha256 if ledger else None,
        "mapping": ledger.mapping.model_dump(mode="json") if ledger else None,
        "applications": filed.sha256 if filed else None,
        "protected": sorted(protected) if filed else None,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def first_rows(source: Source, settings: Settings) -> list[list[str]]:
    """Return the cells of the first 5,000 records as text."""
    if source.kind == "csv":
        return [cells for _, cells in islice(source.records(), _SAMPLE_ROWS)]
    with connect(settings, files=[source.path]) as connection:
        rows = connection.execute(f"SELECT * FROM {raw_sql(source)} LIMIT {_SAMPLE_ROWS}")
        return [["" if cell is None else cell for cell in row] for row in rows.fetchall()]


def raw_sql(source: Source) -> str:
    """Return a FROM item that yields every cell as text under the names c0, c1, ..."""
    path = text_literal(str(source.path))
    if source.kind == "parquet":
        cells = ", ".join(
            f"CAST(COLUMNS({text_literal('^' + re.escape(name) + '$')}) AS VARCHAR) AS c{i}"
            for i, name in enumerate(source.header)
        )
        return f"(SELECT {cells} FROM read_parquet({path}))"
    names = ", ".join(f"c{i}: 'VARCHAR'" for i in range(len(source.header)))
    return (
        f"read_csv({path}, columns={{{names}}}, auto_detect=false, header=false, "
        f"skip={source.header_line}, delim={text_literal(source.delimiter)}, "
        "quote='\"', escape='\"', strict_mode=true, "
        "store_rejects=true, rejects_limit=0, "
        f"max_line_size={_LONGEST_LINE}, buffer_size={4 * _LONGEST_LINE})"
    )


def _typed(ledger: _Ledger, column: Column) -> str:
    """Return SQL that reads one canonical column from its raw cell."""
    # Casts to numbers overlook outer spaces; trimming every cell would be a third of a parse.
    cell = ledger.cell(column.name)
    if column.kind in ("timestamp", "text", "flag"):
        cell = f"trim({cell})"
    if column.kind == "timestamp":
        return timestamp_sql(cell, ledger.mapping.date_format)
    if column.kind == "money":
        value = money_sql(cell, ledger.mapping.decimal)
        return _signed(ledger, value) if column.name == "amount" else value
    if column.kind == "text":
        return f"nullif({cell}, '')"
    return f"TRY_CAST({cell} AS {SQL_TYPES[column.kind]})"


def _signed(ledger: _Ledger, value: str) -> str:
    mapping = ledger.mapping
    if mapping.direction is not None:
        cell = f"c{ledger.source.header.index(mapping.direction)}"
        words = ", ".join(text_literal(word.lower()) for word in mapping.direction_in)
        return (
            f"CASE WHEN lower(trim({cell})) IN ({words}) THEN -abs({value}) ELSE abs({value}) END"
        )
    return f"-({value})" if mapping.amount_sign == "in_positive" else value


def _problem(ledger: _Ledger, settings: Settings) -> str:
    """Return SQL for 'column.reason' of the first thing wrong with a typed row, else NULL."""
    cases: list[tuple[str, str]] = []
    good: list[str] = []
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S")
    for column in ledger.columns:
        raw, name = f"coalesce(trim(raw_{column.name}), '')", column.name
        bad = {"timestamp": "not_a_date", "flag": "not_a_flag"}.get(column.kind, "not_a_number")
        if column.required:
            cases.append((f"{raw} = ''", f"{name}.missing"))
            good.append(f"{name} IS NOT NULL")
        if column.kind == "text":
            cases.append((f"length({name}) > {settings.max_cell_chars}", f"{name}.too_long"))
            good.append(f"coalesce(strlen({name}) <= {settings.max_cell_chars}, true)")
            continue
        cases.append((f"{name} IS NULL AND {raw} <> ''", f"{name}.{bad}"))
        good.append(f"({name} IS NOT NULL OR raw_{name} IS NULL)")
        if column.kind == "timestamp":
            cases.append((f"{name} < TIMESTAMP '1970-01-01'", f"{name}.too_early"))
            cases.append((f"{name} > TIMESTAMP '{tomorrow}'", f"{name}.in_the_future"))
            good.append(f"{name} BETWEEN TIMESTAMP '1970-01-01' AND TIMESTAMP '{tomorrow}'")
        if column.kind == "money":
            cases.append((f"abs({name}) > {MAX_MONEY}", f"{name}.too_large"))
            good.append(f"coalesce(abs({name}) <= {MAX_MONEY}, true)")
    whens = " ".join(f"WHEN {when} THEN '{then}'" for when, then in cases)
    # Nearly every row is good: one conjunction clears it, the cases name what is wrong elsewhere.
    return f"CASE WHEN {' AND '.join(good)} THEN NULL {whens} END"


def _checked_sql(ledger: _Ledger, settings: Settings, *, numbered: bool) -> str:
    """Return a SELECT of typed columns, their raw texts and ``problem``."""
    number = "row_number() OVER () AS ordinal, " if numbered else ""
    typed = ", ".join(f"{_typed(ledger, column)} AS {column.name}" for column in ledger.columns)
    raw = ", ".join(f"{ledger.cell(column.name)} AS raw_{column.name}" for column in ledger.columns)
    inner = f"SELECT {number}{typed}, {raw} FROM {raw_sql(ledger.source)}"
    return f"SELECT *, {_problem(ledger, settings)} AS problem FROM ({inner})"


def _store_ledger(ledger: _Ledger, dataset: Dataset, settings: Settings, tell: Progress) -> Dataset:
    folder = dataset.folder
    names = ", ".join(column.name for column in ledger.columns)
    stage = text_literal(str(folder / "stage.parquet"))
    with connect(settings, [folder], [ledger.source.path], ordered=False) as connection:
        tell(0.05, "Reading and checking every row")
        checked = _checked_sql(ledger, settings, numbered=False)
        _copy(connection, f"SELECT {names}, problem FROM ({checked})", stage, ledger.source)
        staged, problems = _one(
            connection, f"SELECT count(*), count(problem) FROM read_parquet({stage})"
        )
        broken = _structural(connection, ledger.source)
        if staged + len(broken) > settings.max_rows:
            raise InputError(
                f"{ledger.source.name} has {staged:,} rows, more than the {settings.max_rows:,} "
                "allowed; split it, or raise CANDOR_MAX_ROWS."
            )
        tell(0.6, "Looking for duplicates")
        repeated = _find_repeated(connection, ledger, stage)
    rejects: list[Reject] = []
    # Numbering records needs them in the file's order, which the pass above does without.
    with connect(settings, [folder], [ledger.source.path]) as connection:
        if broken or problems or repeated:
            tell(0.7, "Naming the rows set aside")
            _find_repeated(connection, ledger, stage)
            rejects = _name_rejects(connection, ledger, settings, broken, staged)
            _write_clean(connection, ledger, stage, dataset.transactions_path)
            (folder / "stage.parquet").unlink()
        else:
            _expect_records(ledger.source, staged)
            (folder / "stage.parquet").rename(dataset.transactions_path)
        _write_rejects(rejects, dataset.rejects_path)
        tell(0.9, "Measuring the ledger")
        measured = _measure(connection, ledger, dataset, rejects)
    if measured.seen != staged + len(broken):
        raise InputError(
            f"{ledger.source.name}: {staged + len(broken):,} records were seen but "
            f"{measured.seen:,} accounted for; nothing was stored. Please report this file's shape."
        )
    _refuse_if_hopeless(measured, rejects)
    return measured


def _copy(connection: duckdb.DuckDBPyConnection, select: str, target: str, source: Source) -> None:
    try:
        connection.execute(
            f"COPY ({select}) TO {target} (FORMAT parquet, ROW_GROUP_SIZE {_ROW_GROUP})"
        )
    except duckdb.OutOfMemoryException as error:
        raise InputError(
            f"{source.name} needs more memory than allowed; raise CANDOR_MEMORY_LIMIT_MB."
        ) from error
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{source.name} cannot be read as a table: {first}") from error


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple:
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY always gives one row
    return row


def _structural(connection: duckdb.DuckDBPyConnection, source: Source) -> list[Reject]:
    """Return the records DuckDB could not split into the header's columns."""
    if source.kind != "csv":
        return []
    kinds = {"MISSING COLUMNS": "too_few_fields", "TOO MANY COLUMNS": "too_many_fields"}
    # DuckDB's own line numbers skip blank lines and count quoted newlines differently; the byte
    # position is exact.
    rows = connection.execute(
        "SELECT line_byte_position, any_value(error_type), any_value(csv_line) "
        "FROM reject_errors GROUP BY 1 ORDER BY 1"
    ).fetchall()
    lines = source.lines_at(position for position, _, _ in rows)
    broken = []
    for position, kind, text in rows:
        text, reason = (text or "").strip("\r\n"), kinds.get(str(kind), "unreadable")
        if reason == "unreadable" and source.runs_on(text):
            raise source.never_closed(lines[position])
        broken.append(Reject(lines[position], "", text, reason))
    return broken


def _find_repeated(connection: duckdb.DuckDBPyConnection, ledger: _Ledger, stage: str) -> int:
    """Fill the table ``repeated`` with transaction ids seen more than once; return their count.

    ``conflicting`` says that the rows under the id differ.
    """
    if "transaction_id" not in ledger.mapping.columns:
        return 0
    others = ", ".join(c.name for c in ledger.columns if c.name != "transaction_id")
    connection.execute(
        f"""CREATE TABLE repeated AS
        SELECT transaction_id, count(DISTINCT hash({others})) > 1 AS conflicting
        FROM read_parquet({stage})
        WHERE problem IS NULL AND transaction_id IN (
            SELECT transaction_id FROM read_parquet({stage})
            WHERE problem IS NULL AND transaction_id IS NOT NULL
            GROUP BY 1 HAVING count(*) > 1
        )
        GROUP BY 1"""
    )
    count: int = _one(connection, "SELECT count(*) FROM repeated")[0]
    return count


def _name_rejects(
    connection: duckdb.DuckDBPyConnection,
    ledger: _Ledger,
    settings: Settings,
    broken: list[Reject],
    staged: int,
) -> list[Reject]:
    """Read the file once more, numbered, to give every rejected record its line and value."""
    checked = _checked_sql(ledger, settings, numbered=True)
    raw = {column.name: i for i, column in enumerate(ledger.columns)}
    cells = ", ".join(f"raw_{column.name}" for column in ledger.columns)
    if "transaction_id" in ledger.mapping.columns:
        query = f"""
        SELECT ordinal, coalesce(problem, CASE
                 WHEN conflicting THEN 'transaction_id.conflict'
                 WHEN row_number() OVER (PARTITION BY transaction_id, problem ORDER BY ordinal) > 1
                 THEN 'transaction_id.duplicate' END) AS reason, {cells}
        FROM (SELECT checked.*, conflicting FROM ({checked}) AS checked
              LEFT JOIN repeated USING (transaction_id)
              WHERE problem IS NOT NULL OR conflicting IS NOT NULL)
        QUALIFY reason IS NOT NULL ORDER BY ordinal"""
    else:
        query = f"""SELECT ordinal, problem, {cells} FROM ({checked})
        WHERE problem IS NOT NULL ORDER BY ordinal"""
    found = connection.execute(query).fetchall()
    line_of = _lines(ledger.source, [row[0] for row in found], broken, staged)
    rejects = list(broken)
    for ordinal, problem, *values in found:
        column, reason = problem.split(".")
        rejects.append(Reject(line_of[ordinal], column, values[raw[column]] or "", reason))
    return sorted(rejects, key=lambda reject: reject.line)


def _lines(
    source: Source, ordinals: list[int], broken: list[Reject], staged: int
) -> dict[int, int]:
    """Return {ordinal of a readable record: the line it starts on}."""
    if source.kind != "csv":
        return {ordinal: ordinal for ordinal in ordinals}
    wanted, skipped = set(ordinals), {reject.line for reject in broken}
    found: dict[int, int] = {}
    ordinal = 0
    for line, _ in source.records():
        if line in skipped:
            continue
        ordinal += 1
        if ordinal in wanted:
            found[ordinal] = line
    _refuse_lost_records(source, ordinal, staged)
    return found


def _expect_records(source: Source, staged: int) -> None:
    """Check the reader's count against the lines of the file, and count records if they differ."""
    if source.kind == "csv" and not staged <= source.lines <= staged + 1:
        _refuse_lost_records(source, sum(1 for _ in source.records()), staged)


def _refuse_lost_records(source: Source, counted: int, staged: int) -> None:
    if counted == staged:
        return
    longest, span, last = 0, 0, 0
    for line, _ in source.records():
        if line - last > span:
            longest, span = last, line - last
        last = line
    if source.lines - last > span:
        longest = last
    raise source.never_closed(longest)


def _write_clean(
    connection: duckdb.DuckDBPyConnection, ledger: _Ledger, stage: str, target: Path
) -> None:
    names = ", ".join(column.name for column in ledger.columns)
    good = f"SELECT {names} FROM read_parquet({stage}) WHERE problem IS NULL"
    if "transaction_id" in ledger.mapping.columns:
        good = f"""
        {good} AND (transaction_id IS NULL
                    OR transaction_id NOT IN (SELECT transaction_id FROM repeated))
        UNION ALL
        SELECT DISTINCT {names} FROM read_parquet({stage})
        WHERE problem IS NULL
          AND transaction_id IN (SELECT transaction_id FROM repeated WHERE NOT conflicting)"""
    _copy(connection, good, text_literal(str(target)), ledger.source)


def _write_rejects(rejects: list[Reject], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["line", "column", "value", "reason"])
        for reject in rejects:
            writer.writerow(
                [reject.line, reject.column, plain_cell(reject.value[:200]), REASONS[reject.reason]]
            )


def plain_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> plain_cell("=1+1"), plain_cell("rent")
    ("'=1+1", 'rent')
    """
    return "'" + text if text.startswith(_DANGEROUS_STARTS) else text


def _measure(
    connection: duckdb.DuckDBPyConnection,
    ledger: _Ledger,
    dataset: Dataset,
    rejects: list[Reject],
) -> Dataset:
    rows, customers, first, last, timed, paid_in = _one(
        connection,
        f"""SELECT count(*), count(DISTINCT customer_id), min(timestamp), max(timestamp),
                   coalesce(bool_or(timestamp <> date_trunc('day', timestamp)), false),
                   coalesce(bool_or(amount < 0), false)
        FROM read_parquet({text_literal(str(dataset.transactions_path))})""",
    )
    proposal = ledger.proposal
    return replace(
        dataset,
        rows=rows,
        rejected=len(rejects),
        rejects_by_reason=dict(Counter(describe(reject) for reject in rejects)),
        customers=customers,
        first=first,
        last=last,
        columns=tuple(column.name for column in ledger.columns),
        has_time_of_day=timed,
        has_money_in=paid_in,
        mapping=ledger.mapping.model_dump(mode="json"),
        evidence=tuple(vars(e) for e in proposal.evidence) if proposal else (),
        unused=ledger.unused,
    )


def describe(reject: Reject) -> str:
    """Return 'column: reason' in words."""
    reason = REASONS[reject.reason]
    return f"{reject.column}: {reason}" if reject.column else reason


def _refuse_if_hopeless(dataset: Dataset, rejects: list[Reject]) -> None:
    if dataset.rows > 0 and dataset.rejected <= dataset.rows:
        return
    first = rejects[0] if rejects else None
    example = f" Line {first.line}: {describe(first)} ({first.value[:40]!r})." if first else ""
    share = "no row" if dataset.rows == 0 else f"only {dataset.rows:,} of {dataset.seen:,} rows"
    raise InputError(
        f"{dataset.name}: {share} could be read, so the columns or the date form are probably "
        f"mapped wrongly.{example} Correct the mapping and try again."
    )
