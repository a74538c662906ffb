"""The main job on real files, through the command line as a user types it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from credit_core import workflows
from credit_core.decisions.scoring import SCORE_COLUMNS
from credit_core.settings import PROJECT_ROOT, SAMPLE_FILES
from tests.conftest import Store

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Ran:
    """What a command printed and returned."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


def candor(*arguments: str | Path, home: Path, models: Path | None = None) -> Ran:
    """Run the command line in a process of its own, as a user would."""
    environment = {
        **os.environ,
        "CANDOR_HOME": str(home),
        "CANDOR_MODELS": str(models or home / "models"),
    }
    done = subprocess.run(
        [sys.executable, "-c", "from app.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=PROJECT_ROOT,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.real_data
def test_cdnow_is_mapped_by_itself_and_trained_honestly(real_data: Path, tmp_path: Path) -> None:
    ran = candor(
        "train",
        real_data / "cdnow.csv.gz",
        "--label",
        "inactive",
        "--models",
        "xgboost",
        "--json",
        home=tmp_path,
    )
    assert ran.code == 0, ran.err
    found = ran.json
    assert found["dataset"]["rows"] == 69_659
    assert found["dataset"]["rejected"] == 0
    assert found["dataset"]["customers"] == 23_570
    mapping = found["dataset"]["mapping"]
    assert mapping["columns"]["amount"] == "dollar_value"
    assert mapping["date_format"] == "yyyymmdd"
    assert found["checks"]["canary"]["passed"] is True
    assert found["checks"]["circular"] is False
    (model,) = found["models"]
    assert 0.80 <= model["out_of_time"]["auc"] <= 0.88
    assert model["out_of_time"]["auc_low"] < model["out_of_time"]["auc"]


@pytest.mark.real_data
def test_the_common_recipe_is_shown_as_circular_and_refused(
    real_data: Path, tmp_path: Path
) -> None:
    ran = candor(
        "train",
        real_data / "cdnow.csv.gz",
        "--label",
        "same_window",
        "--models",
        "lightgbm",
        "--promote",
        "--json",
        home=tmp_path,
    )
    assert ran.code == 2
    found = ran.json
    assert found["checks"]["circular"] is True
    assert found["checks"]["canary"]["passed"] is False
    assert found["models"][0]["cross_validation"]["auc"] > 0.98
    assert found["champion"] is None
    assert "cannot be promoted" in ran.err
    again = candor("promote", "disengagement:1", "--reason", "try", home=tmp_path)
    assert again.code == 2
    assert "not promoted" in again.err
    listed = candor("models", "--json", home=tmp_path).json["models"]
    assert [model["champion"] for model in listed] == [False]


@pytest.mark.real_data
def test_german_applications_train_without_transactions(real_data: Path, tmp_path: Path) -> None:
    file = real_data / "german_applications.csv.gz"
    ran = candor("train", "--applications", file, "--promote", "--json", home=tmp_path)
    assert ran.code == 0, ran.err
    found = ran.json
    assert found["label"]["kind"] == "observed"
    assert max(model["cross_validation"]["auc"] for model in found["models"]) >= 0.77
    assert found["champion"]["name"] == "default"
    out = tmp_path / "scores.parquet"
    scored = candor("score", "--applications", file, "--out", out, "--json", home=tmp_path)
    assert scored.code == 0, scored.err
    assert len(pd.read_parquet(out)) == 1000


def test_outcomes_beat_what_recency_frequency_and_money_reach(tmp_path: Path) -> None:
    transactions, applications = SAMPLE_FILES
    ran = candor(
        "train",
        transactions,
        "--applications",
        applications,
        "--models",
        "logistic,xgboost",
        "--json",
        home=tmp_path,
    )
    assert ran.code == 0, ran.err
    found = ran.json
    references = found["references"]
    best = max(model["cross_validation"]["auc"] for model in found["models"])
    assert best > references["best_rfm_auc"] + 0.1
    assert 0.3 < references["proxy_label"]["auc"] < 0.7
    assert references["proxy_label"]["n"] > 1000


def test_one_customer_has_one_number_on_every_way_in(store: Store, tmp_path: Path) -> None:
    settings = store.settings
    where = {"home": settings.home, "models": settings.models}
    fingerprint = store.dataset.fingerprint
    scored = workflows.score(store.dataset, settings, store.bundle(_champion_family(store)))
    expected = dict(
        zip(scored.snapshots["customer_id"], scored.scored.points.tolist(), strict=True)
    )

    for ending in ("csv", "parquet"):
        out = tmp_path / f"scores.{ending}"
        ran = candor("score", fingerprint, "--out", out, "--json", **where)
        assert ran.code == 0, ran.err
        frame = (
            pd.read_csv(out, dtype={"customer_id": "str"})
            if ending == "csv"
            else pd.read_parquet(out)
        )
        assert tuple(frame.columns) == SCORE_COLUMNS
        assert dict(zip(frame["customer_id"], frame["score"].tolist(), strict=True)) == expected

    for customer in list(expected)[:3]:
        ran = candor("explain", fingerprint, "--customer", customer, "--json", **where)
        found = ran.json
        assert found["score"] == expected[customer]
        total = found["base"] + sum(part["points"] for part in found["contributions"])
        assert total == pytest.approx(found["score"], abs=1e-6)
        alone = workflows.explain(store.dataset, settings, customer)
        assert alone.score == expected[customer]


def _champion_family(store: Store) -> str:
    assert store.observed.champion is not None
    return store.observed.champion.family


@pytest.mark.parametrize("family", ["logistic", "xgboost", "lightgbm"])
def test_contributions_add_up_to_the_score_for_everyone(store: Store, family: str) -> None:
    scored = workflows.score(store.dataset, store.settings, store.bundle(family)).scored
    sums = scored.base + scored.contributions.sum(axis=0)
    np.testing.assert_allclose(sums, scored.points, rtol=0, atol=1e-6)


def test_every_broken_row_of_the_example_is_named(tmp_path: Path) -> None:
    ran = candor(
        "ingest", PROJECT_ROOT / "sample_data" / "bad_example.csv", "--json", home=tmp_path
    )
    assert ran.code == 0, ran.err
    found = ran.json
    assert found["dataset"]["rows"] == 61
    assert found["dataset"]["rejected"] == 17
    with Path(found["rejects_file"]).open(encoding="utf-8", newline="") as stream:
        rejects = {
            int(row["line"]): (row["column"], row["reason"]) for row in csv.DictReader(stream)
        }
    assert list(rejects) == [6, 10, 17, 20, 28, 31, 38, 42, 49, 53, 56, 60, 64, 67, 71, 74, 78]
    assert rejects[6] == ("customer_id", "the cell is empty")
    assert rejects[28] == ("amount", "not a finite number")
    assert rejects[49] == ("timestamp", "after tomorrow")
    assert rejects[56][1] == "fewer fields than the header"
    assert rejects[67] == ("is_fraud", "neither 0/1 nor true/false")
    assert rejects[78][1].startswith("the same transaction again")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b,c\n1,2,3\n4,5,6\n", "no column was recognised as customer_id"),
        ("", "is empty"),
        ("customer_id,date,amount\n", "no rows"),
        ("just one column\nx\ny\n", "one column at most"),
        ("%PDF-1.7 nothing here", "a PDF document"),
        ("customer_id,date,amount\nA,03/04/2024,5\nA,05/06/2024,5\n", "day first or month first"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_an_unusable_file_ends_with_one_sentence(
    tmp_path: Path, content: str, words: str, as_json: bool
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(content, encoding="utf-8")
    if as_json and "PDF" not in words:
        pytest.skip("one file is enough to see the JSON form")
    ran = candor("ingest", path, *(["--json"] if as_json else []), home=tmp_path / "home")
    assert ran.code == 2
    sentences = [line for line in ran.err.splitlines() if line.startswith("candor: ")]
    assert len(sentences) == 1
    assert words in sentences[0]
    if as_json:
        assert words in ran.json["error"]


def test_wrong_options_are_sentences_too(tmp_path: Path) -> None:
    cases = [
        (("score", "--out", "x.xlsx"), 2),
        (("train", "missing.csv"), 2),
        (("explain", "missing.csv", "--customer", "1"), 2),
        (("promote", "default:9", "--reason", "x"), 2),
        (("train", "x", "--label", "nonsense"), 2),
        (("nonsense",), 2),
    ]
    for arguments, code in cases:
        ran = candor(*arguments, home=tmp_path)
        assert ran.code == code, (arguments, ran.err)
        assert "candor: " in ran.err
