"""The engine's connections: bounded, locked, and silent."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb
import pytest

from credit_core.data.duck import connect
from credit_core.settings import Settings


def test_a_slow_query_draws_nothing_among_the_answers(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    """After two seconds DuckDB draws a bar on standard output, where `--json` prints its object."""
    with connect(settings) as connection:
        rows, took = 100_000_000, 0.0
        while took < 2.5:
            started = time.monotonic()
            query = f"SELECT count(*) FROM range({rows}) t(i) WHERE hash(i) % 3 = 1"
            connection.execute(query).fetchall()
            took = time.monotonic() - started
            rows = int(rows * max(2, 3 / took))
    printed, complained = capfd.readouterr()
    assert (printed, complained) == ("", "")


def test_a_connection_reaches_what_it_was_given_and_cannot_be_widened(
    settings: Settings, tmp_path: Path
) -> None:
    given, other = tmp_path / "given.csv", tmp_path / "other.csv"
    for path in (given, other):
        path.write_text("a\n1\n")
    with connect(settings, files=[given]) as connection:
        assert connection.execute(f"SELECT a FROM read_csv('{given}')").fetchall() == [(1,)]
        with pytest.raises(duckdb.PermissionException):
            connection.execute(f"SELECT a FROM read_csv('{other}')")
        with pytest.raises(duckdb.Error):
            connection.execute("SET enable_external_access=true")
        with pytest.raises(duckdb.Error):
            connection.execute(f"SET allowed_paths=['{other}']")
        with pytest.raises(duckdb.Error):
            connection.execute("INSTALL httpfs")
