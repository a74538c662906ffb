"""DuckDB connections that user data may meet: bounded, locked, one per thread of work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from credit_core.errors import InputError
from credit_core.settings import Settings


def connect(
    settings: Settings,
    directories: Iterable[Path] = (),
    files: Iterable[Path] = (),
    *,
    ordered: bool = True,
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory connection that reaches only the named directories and files.

    Extensions, Python variables and every other path are out of reach, and the configuration is
    locked, so no text inside a data file can widen it. ``ordered=False`` lets rows leave a query
    in any order, which saves memory and time where only their set matters.
    """
    connection = duckdb.connect(":memory:")
    # The engine's bar would be drawn on standard output, among the answers. In a notebook it is
    # off, and cannot be set without a package for drawing it.
    (bar,) = connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() or (0,)
    if bar:
        connection.execute("SET enable_progress_bar=false")
    allowed = [str(Path(path).resolve()) for path in directories]
    single = [str(Path(path).resolve()) for path in files]
    if allowed:
        connection.execute(f"SET temp_directory={text_literal(allowed[0] + '/.duckdb-spill')}")
        connection.execute(f"SET allowed_directories={_list_literal(allowed)}")
    if single:
        connection.execute(f"SET allowed_paths={_list_literal(single)}")
    for statement in (
        f"SET memory_limit='{settings.engine_memory_mb}MB'",
        f"SET threads={settings.threads}",
        f"SET preserve_insertion_order={'true' if ordered else 'false'}",
        "SET TimeZone='UTC'",
        # Decimals of up to 18 digits leave for Arrow as the 64 bits they are kept in.
        "SET arrow_output_version='1.5'",
        # DuckDB 2.0.0 turns TRY_CAST over read_csv into a strict CAST here, losing rows silently.
        "SET disabled_optimizers='type_pushdown'",
        "SET python_enable_replacements=false",
        "SET autoinstall_known_extensions=false",
        "SET autoload_known_extensions=false",
        "SET enable_external_access=false",
        "SET lock_configuration=true",
    ):
        connection.execute(statement)
    return connection


@contextmanager
def sentences(name: str) -> Iterator[None]:
    """Turn the engine's errors over the file ``name`` into sentences."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise InputError(
            f"{name} needs more memory than allowed; raise CANDOR_MEMORY_LIMIT_MB."
        ) from error
    except duckdb.Error as error:
        raise InputError(
            f"{name} cannot be read from beginning to end, so it is probably damaged; export it "
            "again."
        ) from error


def identifier(name: str) -> str:
    """Quote a name for use as an SQL identifier.

    >>> identifier('a"; DROP TABLE t; --')
    '"a""; DROP TABLE t; --"'
    """
    return '"' + name.replace('"', '""') + '"'


def text_literal(value: str) -> str:
    """Quote a text for the few statements that cannot bind values (COPY targets, SET).

    >>> text_literal("O'Hara")
    "'O''Hara'"
    """
    return "'" + value.replace("'", "''") + "'"


def _list_literal(values: list[str]) -> str:
    return "[" + ", ".join(text_literal(value) for value in values) + "]"
