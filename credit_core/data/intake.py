"""A file becomes a dataset: typed Parquet, every other row set aside with its reason.

Records seen = rows kept + rows rejected, checked against an independent count; nothing is
dropped without a line in ``rejects.csv``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from credit_core.data.applications import store_applications
from credit_core.data.duck import connect, sentences, text_literal
from credit_core.data.evidence import AmbiguousDatesError
from credit_core.data.ledger import customers_sql
from credit_core.data.mapping import Mapping, check_mapping
from credit_core.data.propose import Proposal, propose_mapping
from credit_core.data.quality import Listed, complete, measure, measure_customers
from credit_core.data.reading import REASONS, Reading, parquet_sql, plan_reading
from credit_core.data.rejects import (
    Located,
    Rejects,
    expect_records,
    locate,
    values_of,
    write_rejects,
)
from credit_core.data.sniff import look_at, refuse_rows
from credit_core.data.source import Source
from credit_core.data.staging import (
    Pass,
    copy_to,
    find_repeated,
    first_pass,
    good_rows,
    one_row,
    staged_rows,
)
from credit_core.data.store import (
    VALUED,
    Dataset,
    Values,
    incoming_folder,
    new_folder,
    open_dataset,
    save_manifest,
    sync,
)
from credit_core.data.typist import changed
from credit_core.errors import InputError
from credit_core.settings import SAMPLE_FILES, SAMPLE_NAME, Settings

Progress = Callable[[float, str], None]
VERSION = 2
_SAMPLE_ROWS = 5000


def inspect(path: Path, settings: Settings, scratch: Path) -> tuple[Source, Proposal]:
    """Look at a transactions file and propose a mapping.

    Only the first rows are read, unless they leave open whether day or month comes first.
    """
    source = look_at(path, settings, scratch)
    return source, propose(source, first_rows(source, settings), settings)


def propose(source: Source, sample: list[list[str]], settings: Settings) -> Proposal:
    """Propose a mapping from the header and the first rows; where dates are ambiguous, from all."""
    try:
        return propose_mapping(source.header, sample, source.name)
    except AmbiguousDatesError as question:
        wholly = _column(source, source.header.index(question.column), settings)
        return propose_mapping(source.header, sample, source.name, dates=wholly)


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

    The same content under the same mapping is the same dataset: its fingerprint is a hash of both,
    and a second call returns the stored one.
    """
    tell = progress or (lambda _share, _text: None)
    if path is None and applications is None:
        raise InputError("Give a transactions file, an applications file, or both.")
    with incoming_folder(settings) as scratch:
        tell(0.0, "Looking at the file")
        seen = _state_of(path)
        ledger = LedgerFile.of(path, mapping, settings, scratch) if path else None
        filed = None
        if applications is not None:
            folder = scratch / "applications"
            folder.mkdir()
            filed = look_at(applications, settings, folder)
        fingerprint = fingerprint_of(ledger, filed, protected)
        if (settings.datasets / fingerprint).is_dir():
            tell(1.0, "This content is stored already")
            return open_dataset(settings, fingerprint)
        sources = [source for source in (ledger and ledger.reading.source, filed) if source]
        with new_folder(settings.datasets, fingerprint) as folder:
            dataset = Dataset(
                fingerprint=fingerprint,
                folder=folder,
                name=_name_of(sources, path, applications),
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                notes=tuple(note for source in sources for note in source.notes),
            )
            if ledger is not None:
                dataset = _store_ledger(ledger, dataset, settings, tell)
                if _state_of(path) != seen:
                    raise changed(ledger.reading.source.name)
            if filed is not None:
                tell(0.95, "Reading the applications")
                stored = store_applications(filed, folder, settings, protected)
                if ledger is not None:
                    stored = replace(stored, unmatched=_unmatched(dataset, settings))
                dataset = replace(dataset, applications=stored)
            save_manifest(dataset, folder)
    counted = []
    if ledger is not None:
        counted.append(f"{dataset.rows:,} transactions stored, {dataset.rejected:,} set aside")
    if (found := dataset.applications) is not None:
        counted.append(f"{found.rows:,} applications stored, {found.rejected:,} set aside")
    tell(1.0, "; ".join(counted))
    return open_dataset(settings, fingerprint)


def _state_of(path: Path | None) -> tuple[int, int] | None:
    """Return a file's size and the time of its last change, None where there is none."""
    try:
        found = path.stat() if path else None
    except (OSError, ValueError):
        return None  # what reads it says what is wrong
    return (found.st_size, found.st_mtime_ns) if found else None


def _unmatched(dataset: Dataset, settings: Settings) -> int:
    """Return how many customers of the applications have no transaction."""
    applications, customers = (
        text_literal(str(path.resolve()))
        for path in (dataset.applications_path, dataset.customers_path)
    )
    with connect(settings, [dataset.folder]) as connection:
        query = f"""SELECT count(DISTINCT customer_id) FROM read_parquet({applications})
        WHERE customer_id NOT IN (SELECT customer_id FROM read_parquet({customers}))"""
        (count,) = connection.execute(query).fetchone() or (0,)
    return int(count)


@dataclass(frozen=True)
class LedgerFile:
    """A transactions file, how it will be read, and why."""

    reading: Reading
    proposal: Proposal | None

    @staticmethod
    def of(path: Path, mapping: Mapping | None, settings: Settings, scratch: Path) -> LedgerFile:
        source = look_at(path, settings, scratch)
        if mapping is not None:
            check_mapping(mapping, source.header, source.name)
        sample = first_rows(source, settings)
        if mapping is not None:
            return LedgerFile(plan_reading(source, mapping, sample), None)
        proposal = propose(source, sample, settings)
        return LedgerFile(plan_reading(source, proposal.mapping, sample), proposal)


def _name_of(sources: Sequence[Source], *paths: Path | None) -> str:
    """Return what a dataset is called: its files' names, or that it is the simulated sample."""
    given = [path.resolve() for path in paths if path is not None]
    if set(given) <= set(SAMPLE_FILES):
        return SAMPLE_NAME
    return " + ".join(source.name for source in sources)


def fingerprint_of(
    ledger: LedgerFile | None, filed: Source | None, protected: tuple[str, ...]
) -> str:
    """Return what names a dataset: a hash of the files and of how they are read."""
    reading = ledger.reading if ledger else None
    content = {
        "version": VERSION,
        "transactions": reading.source.content_hash if reading else None,
        "mapping": reading.mapping.model_dump(mode="json") if reading else None,
        "applications": filed.content_hash if filed else None,
        "protected": sorted(protected) if filed else None,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def first_rows(source: Source, settings: Settings) -> list[list[str]]:
    """Return the cells of the first 5,000 records as text."""
    if source.kind == "csv":
        return [cells for _, cells in islice(source.records(), _SAMPLE_ROWS)]
    select = f"{parquet_sql(source, range(len(source.header)))} LIMIT {_SAMPLE_ROWS}"
    with sentences(source.name), connect(settings, files=[source.path]) as connection:
        rows = connection.execute(select)
        return [["" if cell is None else cell for cell in row] for row in rows.fetchall()]


def _column(source: Source, index: int, settings: Settings) -> list[str]:
    """Return the distinct cells of one column, in the order they first appear in the file."""
    if source.kind == "csv":
        width = len(source.header)
        cells = (cells[index] for _, cells in source.records() if len(cells) == width)
        return list(dict.fromkeys(cells))
    import pyarrow.parquet as pq

    column = pq.read_table(source.path, columns=[source.header[index]]).column(0)
    return [str(value) for value in column.unique().to_pylist() if value is not None]


def _store_ledger(
    ledger: LedgerFile, dataset: Dataset, settings: Settings, tell: Progress
) -> Dataset:
    folder, reading = dataset.folder, ledger.reading
    stage = folder / "stage.parquet"
    name = reading.source.name
    with sentences(name), connect(settings, [folder], [reading.source.path]) as connection:
        tell(0.05, "Reading and checking every row")

        def read(share: float) -> None:
            tell(0.05 + 0.8 * share, f"{share:.0%} of the rows read and checked")

        passed = first_pass(connection, reading, stage, settings, read, finish=True)
        refuse_rows(passed.seen, name, settings)
        located = None
        if passed.finished:
            rejects = name_problems(connection, passed, None, stage)
            stage.rename(dataset.transactions_path)
        else:
            tell(0.6, "Looking for duplicates")
            repeated = find_repeated(connection, reading, stage)
            if passed.problems or passed.broken or repeated:
                tell(0.7, "Naming the rows set aside")
                located = locate_staged(reading.source, passed)
                rejects = name_problems(connection, passed, located, stage)
                rejects = rejects.joined(_of_repeated(connection, located, stage))
                _write_clean(connection, reading, stage, dataset.transactions_path)
                stage.unlink()
            else:
                rejects = Rejects.of([], [], [])
                expect_records(reading.source, passed.staged)
                stage.rename(dataset.transactions_path)
        values = values_of(rejects, reading, located, passed.broken)
        first = write_rejects(rejects, values, dataset.rejects_path)
        tell(0.9, "Measuring the ledger")
        with ThreadPoolExecutor(1) as aside:
            # The disk is written to while the ledger is measured; what fails is found at the end.
            aside.submit(sync, dataset.transactions_path)
            measured = _measured(connection, ledger, dataset, rejects, passed)
    if measured.seen != passed.seen:
        raise InputError(
            f"{name}: {passed.seen:,} records were seen but {measured.seen:,} "
            "accounted for; nothing was stored. Please report this file's shape."
        )
    refuse_if_hopeless(measured, first)
    return measured


def locate_staged(source: Source, passed: Pass) -> Located | None:
    """Return the lines of the records handed out; None for Parquet, where rows have numbers."""
    return locate(source, passed.broken, passed.staged) if source.kind == "csv" else None


def name_problems(
    connection: duckdb.DuckDBPyConnection, passed: Pass, located: Located | None, stage: Path
) -> Rejects:
    """Return the rows that are set aside for their own sake: broken, or with a problem."""
    structural = [record for record in passed.broken if record.reason is not None]
    rejects = Rejects.of(
        [record.line for record in structural],
        [""] * len(structural),
        [record.reason or "" for record in structural],
    )
    if passed.problems:
        staged = connection.execute(
            f"SELECT file_row_number + 1 AS n, problem FROM {staged_rows(stage)} "
            "WHERE problem IS NOT NULL ORDER BY n"
        ).fetch_df()
        numbers = staged["n"].to_numpy(dtype=np.int64)
        lines = numbers if located is None else located.lines[numbers - 1]
        rejects = rejects.joined(_of_problems(lines, staged["problem"]))
    second = connection.execute(
        "SELECT line, problem FROM second WHERE problem IS NOT NULL ORDER BY line"
    ).fetch_df()
    return rejects.joined(_of_problems(second["line"].to_numpy(), second["problem"]))


def _of_problems(lines: np.ndarray, problems: pd.Series) -> Rejects:
    parts = problems.str.partition(".") if len(problems) else pd.DataFrame({0: [], 2: []})
    return Rejects.of(lines, list(parts[0]), list(parts[2]))


def _of_repeated(
    connection: duckdb.DuckDBPyConnection, located: Located | None, stage: Path
) -> Rejects:
    """Return the rows under a repeated id: all where they differ, else all after the first."""
    if one_row(connection, "SELECT count(*) FROM repeated")[0] == 0:
        return Rejects.of([], [], [])
    found = connection.execute(
        f"""SELECT transaction_id, conflicting, n, line
        FROM (SELECT transaction_id, file_row_number + 1 AS n, NULL AS line
              FROM {staged_rows(stage)} WHERE problem IS NULL
              UNION ALL
              SELECT transaction_id, NULL, line FROM second WHERE problem IS NULL)
        JOIN repeated USING (transaction_id)"""
    ).fetch_df()
    in_stage = found["n"].notna().to_numpy()
    lines = found["line"].to_numpy(dtype=np.float64)
    numbers = found.loc[in_stage, "n"].to_numpy(dtype=np.int64)
    lines[in_stage] = numbers if located is None else located.lines[numbers - 1]
    found = found.assign(line=lines.astype(np.int64)).sort_values("line", kind="stable")
    again = found.duplicated("transaction_id").to_numpy()
    conflicting = found["conflicting"].to_numpy(dtype=bool)
    rows = found[again | conflicting]
    reasons = np.where(rows["conflicting"].to_numpy(dtype=bool), "conflict", "duplicate")
    return Rejects.of(rows["line"].to_numpy(), ["transaction_id"] * len(rows), list(reasons))


def _write_clean(
    connection: duckdb.DuckDBPyConnection, reading: Reading, stage: Path, target: Path
) -> None:
    names, good = reading.names, good_rows(reading, stage)
    if one_row(connection, "SELECT count(*) FROM repeated")[0]:
        good = f"""
        SELECT {names} FROM ({good}) WHERE transaction_id IS NULL
            OR transaction_id NOT IN (SELECT transaction_id FROM repeated)
        UNION ALL
        SELECT DISTINCT {names} FROM ({good})
        WHERE transaction_id IN (SELECT transaction_id FROM repeated WHERE NOT conflicting)"""
    copy_to(connection, good, target)


def _measured(
    connection: duckdb.DuckDBPyConnection,
    ledger: LedgerFile,
    dataset: Dataset,
    rejects: Rejects,
    passed: Pass,
) -> Dataset:
    reading, proposal = ledger.reading, ledger.proposal
    columns = tuple(column.name for column in reading.columns)
    with ThreadPoolExecutor(1) as aside:
        listed = aside.submit(_list_customers, connection.cursor(), dataset, passed.customers)
        if passed.customers is None:
            listed.result()  # to find them takes memory, and nothing else shall take it then
        values = complete(connection, dataset, columns, passed.values)
        found = measure(connection, dataset, columns, reading, values, listed.result)
    return replace(
        dataset,
        rows=found.rows,
        rejected=len(rejects),
        rejects_by_reason=rejects.by_reason(),
        customers=found.customers,
        first=found.first,
        last=found.last,
        columns=columns,
        has_time_of_day=found.has_time_of_day,
        has_money_in=found.has_money_in,
        mapping=reading.mapping.model_dump(mode="json"),
        evidence=tuple(vars(e) for e in proposal.evidence) if proposal else (),
        unused=reading.unused,
        quality=found.facts(),
        values=_kept_values(values),
    )


def _kept_values(values: dict[str, Values]) -> dict[str, list[tuple[str, int]]]:
    """Return what the features will ask for of the values of columns, most frequent first."""
    found = {}
    for name in VALUED & values.keys():
        rows = [(value, n) for value, n in values[name].items() if value is not None and n]
        found[name] = sorted(rows, key=lambda row: (-row[1], row[0]))
    return found


def _list_customers(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, customers: pa.Table | None
) -> Listed:
    """Store the customers of a ledger, where they are not known as they stand in it."""
    with connection:
        listed = customers_sql(f"read_parquet({text_literal(str(dataset.transactions_path))})")
        if customers is not None:  # counted while they were read
            connection.register("counted", customers)
            listed = "FROM counted"
        copy_to(connection, f"{listed} ORDER BY customer_id", dataset.customers_path)
        return measure_customers(connection, dataset)


def refuse_if_hopeless(dataset: Dataset, first: tuple[int, str, str] | None) -> None:
    """Refuse a file of which less than half could be read; ``first`` is a row set aside."""
    # Rows in another currency than the one chosen are set aside on purpose.
    chosen = sum(
        count
        for reason, count in dataset.rejects_by_reason.items()
        if REASONS["other_currency"] in reason
    )
    if dataset.rows > 0 and dataset.rejected - chosen <= dataset.rows:
        return
    example = f" Line {first[0]}: {first[1]} ({first[2][:40]!r})." if first else ""
    share = "no row" if dataset.rows == 0 else f"only {dataset.rows:,} of {dataset.seen:,} rows"
    raise InputError(
        f"{dataset.name}: {share} could be read, so the columns or the date form are probably "
        f"mapped wrongly.{example} Correct the mapping and try again."
    )
