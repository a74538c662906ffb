"""Datasets on disk: whole or not at all, and nothing stays of what was interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

from credit_core.data.intake import ingest
from credit_core.data.source import Source
from credit_core.data.store import scratch_folder
from credit_core.settings import SAMPLE_FILES, SAMPLE_NAME, Settings
from credit_core.workflows import data

_HOLD = """
import sys, time
from pathlib import Path
from unittest import mock
from credit_core.data.store import scratch_folder

with scratch_folder(Path(sys.argv[1]), ".incoming-") as folder:
    (folder / "unpacked.csv").write_text("somebody's rows")
    print(folder, flush=True)
    time.sleep(60)
"""


def aged(folder: Path) -> Path:
    """Make a folder a minute old, and return it."""
    before = time.time() - 60
    os.utime(folder, (before, before))
    return folder


def test_what_a_killed_process_left_goes_with_the_next_file(settings: Settings) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", _HOLD, str(settings.home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        left = aged(Path(holder.stdout.readline().strip()))
        ingest(SAMPLE_FILES[0], settings)
        assert (left / "unpacked.csv").exists(), "its process lives"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert (left / "unpacked.csv").exists()
    ingest(SAMPLE_FILES[0], settings)
    assert not left.exists()


def test_the_shipped_sample_is_called_simulated(settings: Settings, tmp_path: Path) -> None:
    assert ingest(None, settings, applications=SAMPLE_FILES[1]).name == SAMPLE_NAME
    copy = tmp_path / "loans.csv"
    copy.write_bytes(SAMPLE_FILES[1].read_bytes())
    other = ingest(None, Settings(home=tmp_path / "other", models=tmp_path), applications=copy)
    assert other.name == "loans.csv"


def test_a_file_that_is_looked_at_loses_nothing_to_another_that_comes_in(
    settings: Settings, tmp_path: Path
) -> None:
    given = tmp_path / "bank.csv"
    given.write_text("customer_id,date,amount\nA,2024-01-05,1\nB,2024-01-06,2\n")
    looked_at = data.look_at

    def slowly(path: Path, settings: Settings, scratch: Path) -> Source:
        unpacked = scratch / "unpacked.csv"
        unpacked.touch()
        aged(scratch)
        ingest(SAMPLE_FILES[0], settings)
        assert unpacked.exists()
        return looked_at(path, settings, scratch)

    with mock.patch.object(data, "look_at", slowly):
        assert data.look(given, settings).header == ("customer_id", "date", "amount")
        assert data.file_header(given, settings) == ("customer_id", "date", "amount")
    assert not list(settings.home.glob(".incoming-*"))


def test_a_young_folder_may_not_be_held_yet(tmp_path: Path) -> None:
    young = tmp_path / ".partial-young"
    young.mkdir()
    with scratch_folder(tmp_path, ".partial-") as mine:
        assert mine.exists()
    assert young.exists()
    assert not mine.exists()
