"""Batches: what goes in comes out, counted; killed ones resume to the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from credit_core import workflows
from credit_core.decisions.policy import APPROVE
from credit_core.decisions.scoring import SCORE_COLUMNS
from credit_core.errors import InputError
from credit_core.settings import PROJECT_ROOT, Settings
from credit_core.workflows import batch
from credit_core.workflows.batch import manifest_path, score_to_files

PART = 128


@pytest.fixture
def own(store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The shared data and models, batches of the test's own, in parts of a few rows."""
    home = tmp_path / "own"
    home.mkdir()
    (home / "datasets").symlink_to(store.settings.home / "datasets")
    monkeypatch.setattr(batch, "_ROWS_A_MB", 0)
    monkeypatch.setattr(batch, "_LEAST_ROWS", PART)
    return store.settings.model_copy(update={"home": home})


def test_a_file_in_parts_is_the_whole_scored_at_once(store, own, tmp_path) -> None:
    out = [tmp_path / f"scores{ending}" for ending in batch.FORMATS]
    found = score_to_files(store.dataset, own, out, all_reasons=True)
    whole = workflows.score_dataset(store.dataset, store.settings).frame
    pd.testing.assert_frame_equal(pd.read_parquet(out[1]), whole)
    text = pd.read_csv(out[0], dtype={"model_version": "str"}, parse_dates=["as_of"])
    assert text["score"].tolist() == whole["score"].tolist()
    assert tuple(text.columns) == SCORE_COLUMNS
    rows = list(openpyxl.load_workbook(out[2])["scores"].values)
    assert rows[0] == SCORE_COLUMNS
    assert [row[0] for row in rows[1:]] == whole["customer_id"].tolist()
    # A spreadsheet keeps 16 digits.
    assert [row[2] for row in rows[1:]] == pytest.approx(whole["score"].tolist(), rel=1e-14)
    assert found.rows == len(whole)
    assert list((own.home / "batches").glob("*/*")) == [], "parts are gone"
    assert sum(row["n"] for row in found.summary["scores"]) == len(whole)
    assert sum(r["development"] for r in found.summary["scores"]) == pytest.approx(len(whole))
    assert found.summary["psi"]["n_now"] == len(whole)


def test_what_goes_in_comes_out_counted(store, own, tmp_path) -> None:
    for model in ("default", "disengagement"):
        out = tmp_path / f"{model}.parquet"
        moment = store.dataset.first + pd.Timedelta(days=250) if model != "default" else None
        found = score_to_files(store.dataset, own, [out], model=model, as_of=moment)
        manifest = json.loads(manifest_path(out).read_text())
        assert manifest == json.loads(json.dumps(found.manifest, default=str))
        counts = manifest["counts"]
        assert counts["in"] == (
            counts["scored"] + counts["thin_file_referred"] + counts["set_aside"]
        )
        assert counts["rows_written"] == len(pd.read_parquet(out))
        assert manifest["model"]["sha256"] == found.version.sha256
        assert manifest["files"][0]["sha256"] == batch.sha256_of(out)
        assert (counts["set_aside"] > 0) == (model == "disengagement")
    assert manifest["model"]["risk_is"] == "Disengagement risk"


def test_reasons_are_for_those_who_were_not_approved_unless_all_are_asked(
    store, own, tmp_path
) -> None:
    out = tmp_path / "scores.parquet"
    score_to_files(store.dataset, own, [out])
    frame = pd.read_parquet(out)
    approved = frame["decision"] == APPROVE
    assert (frame.loc[approved, "reason_1"] == "").all()
    assert (frame.loc[~approved, "reason_1"] != "").mean() > 0.9


_CHILD = """
import os, signal, sys
from pathlib import Path
from credit_core.data.store import open_dataset
from credit_core.settings import get_settings
from credit_core.workflows import batch
batch._ROWS_A_MB, batch._LEAST_ROWS = 0, {part}
write = batch._write_part

def write_two(folder, name, *rest):
    if name == "part-00002.parquet":
        os.kill(os.getpid(), signal.SIGKILL)
    return write(folder, name, *rest)

batch._write_part = write_two
settings = get_settings()
out = [Path(name) for name in sys.argv[2:]]
batch.score_to_files(open_dataset(settings, sys.argv[1]), settings, out)
"""


def test_a_killed_batch_resumes_and_the_bytes_are_the_same(
    store, own, tmp_path, monkeypatch
) -> None:
    out = [tmp_path / "killed.csv", tmp_path / "killed.parquet"]
    environment = {
        **os.environ,
        "CANDOR_HOME": str(own.home),
        "CANDOR_MODELS": str(own.models),
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    script = _CHILD.format(part=PART)
    child = subprocess.run(
        [sys.executable, "-c", script, store.dataset.fingerprint, *map(str, out)],
        env=environment,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    finished = own.home / "batches"
    assert not out[0].exists()
    assert len(list(finished.glob("*/part-*.json"))) == 2
    damaged = sorted(finished.glob("*/part-*.parquet"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    written = []
    write = batch._write_part
    monkeypatch.setattr(
        batch, "_write_part", lambda *given: written.append(given[1]) or write(*given)
    )
    score_to_files(store.dataset, own, out)
    assert written == [f"part-0000{i}.parquet" for i in (0, 2, 3, 4)], "the whole one is kept"
    fresh = [path.with_stem("fresh") for path in out]
    score_to_files(store.dataset, own, fresh)
    for resumed, whole in zip(out, fresh, strict=True):
        assert resumed.read_bytes() == whole.read_bytes()
    assert list(tmp_path.glob(".*")) == []


def test_no_cell_is_a_formula(tmp_path) -> None:
    nasty = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\uff1d1", "http://a.example", "{=1}"]
    frame = pd.DataFrame(
        {
            "customer_id": nasty,
            "as_of": pd.Timestamp("2024-01-01"),
            "score": -5.0,
            "risk": 0.1,
            **dict.fromkeys(("band", "decision"), "A"),
            **{f"reason_{i}": nasty for i in range(1, 5)},
            **dict.fromkeys(("model", "model_version"), "1"),
        }
    )[list(SCORE_COLUMNS)]
    part = tmp_path / "part.parquet"
    pq.write_table(batch._table(frame), part)
    for ending in (".csv", ".xlsx"):
        batch.put_together([part], tmp_path / f"out{ending}")
    text = (tmp_path / "out.csv").read_text()
    first = [line.lstrip('"')[:1] for line in text.splitlines()[1:]]
    assert not set(first) & set("=+-@\t\r\uff1d"), first
    assert ",-5.0," in text, "numbers stay numbers"
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["scores"]
    assert [cell.value for cell in sheet["A"][1:]][:4] == nasty[:4]
    assert {cell.data_type for cell in sheet["A"]} == {"s"}
    assert sheet["C2"].value == -5.0
    with zipfile.ZipFile(tmp_path / "out.xlsx") as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_a_batch_that_cannot_be_written_says_so_before_it_scores(store, own, tmp_path) -> None:
    with pytest.raises(InputError, match=r"\.csv, \.parquet, \.xlsx"):
        score_to_files(store.dataset, own, [tmp_path / "scores.json"])
    with pytest.raises(InputError, match="no folder"):
        score_to_files(store.dataset, own, [tmp_path / "nowhere" / "scores.csv"])
    taken = tmp_path / "taken.csv"
    taken.mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        score_to_files(store.dataset, own, [taken])
    assert list(tmp_path.glob(".taken*")) == []


def test_a_spreadsheet_has_a_limit(store, own, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(batch, "MOST_XLSX_ROWS", 100)
    with pytest.raises(InputError, match="A spreadsheet holds 100 rows"):
        score_to_files(store.dataset, own, [tmp_path / "scores.xlsx"])
