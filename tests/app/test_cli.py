"""The command line as people and scripts meet it: a process, its output and its exit code."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from app.cli import main
from credit_core import workflows
from credit_core.config import FAMILIES
from credit_core.decisions.scoring import SCORE_COLUMNS
from credit_core.oversight import events
from credit_core.settings import PROJECT_ROOT, Settings, get_settings

CANDOR = Path(sys.executable).with_name("candor")
SAMPLE = PROJECT_ROOT / "sample_data"
TRAINED_KEYS = {"auc", "auc_low", "auc_high", "gini", "ks", "brier", "log_loss"}


@dataclass(frozen=True)
class Ran:
    """What a finished command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on standard output; anything else there is an error."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Run = Callable[..., Ran]


def runner(settings: Settings) -> Run:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CANDOR_")}
    environment = {
        **kept,
        "CANDOR_HOME": str(settings.home),
        "CANDOR_MODELS": str(settings.models),
        "CANDOR_THREADS": "2",
        "OMP_WAIT_POLICY": "passive",
    }

    def run(*arguments: object, **more: str) -> Ran:
        done = subprocess.run(
            [str(CANDOR), *map(str, arguments)],
            env={**environment, **more},
            capture_output=True,
            timeout=280,
            cwd=settings.home,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))
        assert "Traceback" not in ran.out + ran.err, ran.err
        return ran

    return run


@pytest.fixture
def candor(settings: Settings) -> Run:
    """Run the command on empty stores."""
    return runner(settings)


@pytest.fixture
def inside_of(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[[Settings], Run]]:
    """Run the command in this process: the same code without a process's start."""

    def of(settings: Settings) -> Run:
        def run(*arguments: object) -> Ran:
            monkeypatch.setenv("CANDOR_HOME", str(settings.home))
            monkeypatch.setenv("CANDOR_MODELS", str(settings.models))
            monkeypatch.setenv("CANDOR_THREADS", "2")
            monkeypatch.chdir(settings.home)
            monkeypatch.setattr(sys, "argv", ["candor", *map(str, arguments)])
            get_settings.cache_clear()
            capfd.readouterr()
            with pytest.raises(SystemExit) as stopped:
                main()
            out, err = capfd.readouterr()
            assert "Traceback" not in out + err, err
            return Ran(int(stopped.value.code or 0), out, err)

        return run

    yield of
    get_settings.cache_clear()


@pytest.fixture
def inside(settings: Settings, inside_of: Callable[[Settings], Run]) -> Run:
    """Run the command in this process on empty stores."""
    return inside_of(settings)


@pytest.fixture
def reading(store, inside_of: Callable[[Settings], Run]) -> Run:
    """Run the command in this process on the shared store."""
    return inside_of(store.settings)


@pytest.fixture
def candor_ready(fresh: Settings) -> Run:
    """Run the command on an empty, but prepared model store."""
    return runner(fresh)


@pytest.fixture
def inside_ready(fresh: Settings, inside_of: Callable[[Settings], Run]) -> Run:
    """Run the command in this process on an empty, but prepared model store."""
    return inside_of(fresh)


@pytest.fixture(scope="module")
def trained(store) -> Run:
    """Run the command on the shared store, for reading."""
    return runner(store.settings)


@pytest.mark.real_data
def test_real_purchases_train_an_honest_model(candor_ready: Run, real_data: Path) -> None:
    ran = candor_ready(
        "train", real_data / "cdnow.csv.gz", "--label", "inactive", "--models", "xgboost", "--json"
    )
    assert ran.code == 0, ran.err
    found = ran.json
    assert found["dataset"]["rows"] == 69_659
    assert found["dataset"]["rejected"] == 0
    assert found["dataset"]["customers"] == 23_570
    assert found["dataset"]["from"].startswith("1997-01-01")
    assert found["dataset"]["to"].startswith("1998-06-30")
    assert found["dataset"]["mapping"]["columns"] == {
        "customer_id": "customer_id",
        "timestamp": "date",
        "amount": "dollar_value",
    }
    assert found["dataset"]["mapping"]["date_format"] == "yyyymmdd"
    assert found["dataset"]["unused"] == ["number_of_cds"]
    assert found["label"]["kind"] == "inactive"
    assert found["checks"]["canary"]["passed"] is True
    assert found["checks"]["circular"] is False
    assert found["checks"]["leaks"] == []
    (model,) = found["models"]
    assert model["family"] == "xgboost"
    assert model["version"] == "1"
    assert 0.80 < model["out_of_time"]["auc"] < 0.88
    for sample in ("cross_validation", "holdout", "out_of_time"):
        assert set(model[sample]) >= TRAINED_KEYS
        assert model[sample]["auc_low"] < model[sample]["auc"] < model[sample]["auc_high"]
    assert found["champion"] is None
    assert "fold" in ran.err, "progress goes to standard error"


@pytest.mark.real_data
def test_real_applications_train_without_any_transaction(
    inside_ready: Run, real_data: Path
) -> None:
    ran = inside_ready(
        "train", "--applications", real_data / "german_applications.csv.gz", "--promote", "--json"
    )
    assert ran.code == 0, ran.err
    found = ran.json
    assert (
        found["label"] | {"kind": "observed", "snapshots": 1000, "bad_rate": 0.3}
        == (found["label"])
    )
    assert {model["family"] for model in found["models"]} == set(FAMILIES)
    auc = {model["family"]: model["cross_validation"]["auc"] for model in found["models"]}
    assert all(0.75 < value < 0.85 for value in auc.values()), auc
    assert max(auc["scorecard"], auc["logistic"]) >= 0.775
    assert max(auc["xgboost"], auc["lightgbm"]) >= 0.775
    assert found["checks"]["canary"]["passed"] is None
    assert found["champion"]["name"] == "default"


def test_the_sample_beats_recency_frequency_and_money(inside_ready: Run) -> None:
    ran = inside_ready(
        "train", SAMPLE / "transactions.csv.gz",
        "--applications", SAMPLE / "applications.csv",
        "--models", "xgboost", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    found = ran.json
    assert found["dataset"]["rejected"] == 0
    assert found["dataset"]["applications"]["rejected"] == 0
    assert found["label"]["kind"] == "observed"
    assert found["label"]["question"] == "default"
    assert found["checks"]["canary"]["passed"] is True
    assert found["checks"]["refusal"] is None
    best = max(model["cross_validation"]["auc"] for model in found["models"])
    assert best > found["references"]["best_rfm_auc"] + 0.05
    proxy = found["references"]["proxy_label"]
    assert 0.4 < proxy["auc"] < 0.65, "the proxy says little about real outcomes"
    assert proxy["auc_low"] < proxy["auc"] < proxy["auc_high"]


def test_a_circular_design_is_trained_but_never_promoted(
    fresh: Settings, inside_ready: Run, simulated: Path, written
) -> None:
    quick = written(
        "training: {folds: 3}\nmodels: {lightgbm: {max_rounds: 40, early_stopping: 10}}\n",
        "quick.yaml",
    )
    ran = inside_ready(
        "train", simulated / "transactions.csv.gz", "--config", quick,
        "--label", "same_window", "--models", "lightgbm", "--promote", "--json",
    )  # fmt: skip
    assert ran.code == 2
    found = ran.json
    assert found["checks"]["circular"] is True
    assert found["checks"]["canary"]["passed"] is False
    assert found["champion"] is None
    assert "cannot be promoted" in found["refused"]
    assert found["models"][0]["out_of_time"]["auc"] > 0.97, "as good as it looks"
    again = inside_ready("promote", "disengagement:1", "--reason", "it looks so good", "--json")
    assert again.code == 2
    assert "cannot be promoted" in again.json["error"]
    kinds = [event.kind for event in events.list_events(fresh)]
    assert kinds[:3] == ["promotion refused", "promotion refused", "trained"]
    assert inside_ready("models", "--json").json["models"][0]["circular"] is True


def test_one_customer_has_one_score_on_every_way_in(
    trained: Run, reading: Run, store, simulated: Path, tmp_path: Path
) -> None:
    files = (
        simulated / "transactions.csv.gz", "--applications", simulated / "applications.csv",
    )  # fmt: skip
    as_csv, as_parquet = tmp_path / "s.csv", tmp_path / "s.parquet"
    told = trained("score", *files, "--out", as_csv, "--reasons", "all", "--json")
    assert told.code == 0, told.err
    assert told.json | {"scored": 600, "rejected_rows": 0, "model": "default"} == told.json
    assert sum(told.json["decisions"].values()) == 600
    stored = reading(
        "score", store.dataset.fingerprint, "--out", as_parquet, "--reasons", "all", "--json"
    )
    assert stored.json["model_version"] == told.json["model_version"]
    text = pd.read_csv(as_csv, dtype="str").astype({"score": "float64", "risk": "float64"})
    exact = pd.read_parquet(as_parquet)
    assert tuple(text.columns) == tuple(exact.columns) == SCORE_COLUMNS
    bundle = store.bundle(store.observed.champion.family)
    core = workflows.score(store.dataset, store.settings, bundle)
    wanted = pd.DataFrame(
        {
            "customer_id": core.snapshots["customer_id"],
            "score": core.scored.points,
            "risk": core.scored.risk,
            "decision": core.decisions,
        }
    ).set_index("customer_id")
    for frame in (text, exact):
        given = frame.set_index("customer_id")[["score", "risk", "decision"]].loc[wanted.index]
        pd.testing.assert_frame_equal(
            given, wanted, check_exact=True, check_dtype=False, check_column_type=False
        )
    customer = text["customer_id"].iloc[123]
    explained = reading("explain", *files, "--customer", customer, "--json")
    found = explained.json
    assert found["score"] == wanted.loc[customer, "score"]
    assert found["risk"] == wanted.loc[customer, "risk"]
    assert found["decision"] == wanted.loc[customer, "decision"]
    sums = found["base"] + sum(part["points"] for part in found["contributions"])
    assert sums == pytest.approx(found["score"], abs=1e-6)
    row = exact.set_index("customer_id").loc[customer]
    said = [reason["sentence"] for reason in found["reasons"]]
    assert said == [row[f"reason_{i}"] for i in (1, 2, 3, 4) if row[f"reason_{i}"]]


def test_scores_for_spreadsheets_hold_no_formula(
    store, inside_of: Callable[[Settings], Run], simulated: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()  # pages of other tests would open the newest data of a shared one
    reading = inside_of(store.settings.model_copy(update={"home": tmp_path / "home"}))
    ledger = pd.read_csv(simulated / "transactions.csv.gz", dtype="str", keep_default_na=False)
    chosen = ledger["customer_id"].value_counts().index[:5]
    ids = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "＝1"]  # noqa: RUF001
    hostile = ledger[ledger["customer_id"].isin(chosen)].replace(
        {"customer_id": dict(zip(chosen, ids, strict=True))}
    )
    path = tmp_path / "hostile.csv"
    hostile.to_csv(path, index=False)
    as_csv, as_parquet = tmp_path / "s.csv", tmp_path / "s.parquet"
    for out in (as_csv, as_parquet):
        ran = reading("score", path, "--out", out, "--model", "disengagement", "--json")
        assert ran.code == 0, ran.err
    with as_csv.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["customer_id"] for row in rows} == {"'" + name for name in ids}
    for row in rows:
        for name, cell in row.items():
            if name not in ("score", "risk"):
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), name
        float(row["score"])
    assert set(pd.read_parquet(as_parquet)["customer_id"]) == set(ids)


def test_as_of_is_the_date_scored_at(reading: Run, store, tmp_path: Path) -> None:
    out = tmp_path / "s.csv"
    given = (store.dataset.fingerprint, "--out", out, "--model", "disengagement")
    ran = reading("score", *given, "--as-of", "2023-10-01", "--json")
    assert ran.code == 0, ran.err
    assert set(pd.read_csv(out)["as_of"]) == {"2023-10-01"}
    assert ran.json["warnings"] == []
    ran = reading("score", *given, "--as-of", "2023-02-01", "--json")
    (warning,) = ran.json["warnings"]
    assert warning.startswith("The data reach back 31 days")
    assert f"candor: warning: {warning}" in ran.err.splitlines()
    said = reading("score", *given).out
    assert f"{out}: " in said
    assert (
        "risk is Disengagement risk; PSI of the scores against unseen customers at training" in said
    )
    refused = {
        "soon": "YYYY-MM-DD",
        "1999-01-01": "ledger begins",
        "2099-01-01": "No transaction lies in the 300 days before",
    }
    for date, says in refused.items():
        ran = reading("score", *given, "--as-of", date, "--json")
        assert ran.code == 2
        assert says in ran.json["error"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a,b,c\n1,2,3\n", "no column was recognised as customer_id"),
        ("", "is empty"),
        ("customer_id,date,amount\nA,03/04/2024,1\n", "date_format"),
        ("customer_id,timestamp,amount\nA,x,1\n", "no row could be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    content: str, says: str, inside: Run, written
) -> None:
    path = written(content)
    plain = inside("ingest", path)
    assert plain.code == 2
    assert plain.out == ""
    sentence = plain.err.strip().splitlines()[-1]
    assert sentence.startswith("candor: ")
    assert says in sentence
    for command in (("ingest", path), ("train", path)):
        ran = inside(*command, "--json")
        assert ran.code == 2
        assert list(ran.json) == ["error"]
        assert says in ran.json["error"]


def test_a_mistake_is_one_sentence_in_a_process_of_its_own(candor: Run, written) -> None:
    ran = candor("ingest", written("a,b,c\n1,2,3\n"), "--json")
    assert ran.code == 2
    assert list(ran.json) == ["error"]
    assert ran.err.splitlines()[-1] == f"candor: {ran.json['error']}"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ingest", "nowhere.csv"), "There is no file nowhere.csv"),
        (("ingest", "nowhere"), "is no stored dataset, and there is no such file"),
        (("ingest",), "Give a transactions file"),
        (("train", "--nonsense"), "candor --help"),
        (("nonsense",), "candor --help"),
        (("score", "x"), "--out"),
        (("score", "abcdef", "--out", "s.csv"), "stored dataset"),
        (("promote", "default:1", "--reason", "because"), "no model 'default:1'"),
        (("promote", "default:1"), "--reason"),
        (("train", "x.csv", "--config", "none.yaml"), "none.yaml cannot be read"),
        (("sample", "--out", "here", "--months", "2"), "--months"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_exit_with_two_and_one_json_object(
    arguments: tuple, says: str, inside: Run
) -> None:
    ran = inside(*arguments, "--json")
    assert ran.code == 2, ran.err
    assert list(ran.json) == ["error"]
    assert says in ran.json["error"]
    assert "\n" not in ran.json["error"]


def test_a_wrong_configuration_names_the_key(inside: Run, written, simulated: Path) -> None:
    path = simulated / "transactions.csv.gz"
    for text, says in (
        (
            "training: {fold: 3}",
            "training.fold is not known; known here: bootstraps, class_weights, folds",
        ),
        ("training: {folds: 1}", "training.folds"),
        ("windows: [", "line 1"),
        ("just words", "sections"),
    ):
        ran = inside("train", path, "--config", written(text, "c.yaml"), "--json")
        assert ran.code == 2
        assert says in ran.json["error"].replace("the key ", "")


def test_what_is_not_the_users_mistake_exits_with_one(
    store, tmp_path: Path, inside_of: Callable[[Settings], Run]
) -> None:
    models = tmp_path / "copy"
    shutil.copytree(store.settings.models, models)
    champion = store.observed.champion
    folder = models / champion.path.relative_to(store.settings.models.resolve())
    with (folder / "bundle.json").open("a", encoding="utf-8") as stream:
        stream.write(" ")
    run = inside_of(store.settings.model_copy(update={"models": models}))
    ran = run("explain", store.dataset.fingerprint, "--customer", "C000001", "--json")
    assert ran.code == 1
    assert "changed after training" in ran.json["error"]


def test_ingest_tells_rows_rejects_and_where_they_are(inside: Run) -> None:
    ran = inside("ingest", SAMPLE / "bad_example.csv", "--json")
    assert ran.code == 0, ran.err
    found = ran.json
    rejects = pd.read_csv(found["rejects_file"])
    assert len(rejects) == found["dataset"]["rejected"] == 17
    assert sum(found["dataset"]["rejects_by_reason"].values()) == 17
    plain = inside("ingest", SAMPLE / "bad_example.csv")
    assert plain.code == 0
    assert "17 set aside" in plain.out
    listed = inside("datasets", "--json").json["datasets"]
    assert [dataset["fingerprint"] for dataset in listed] == [found["dataset"]["fingerprint"]]


def test_a_mapping_file_is_used(inside: Run, written) -> None:
    path = written("who,when,how_much\nA,03/04/2024,1\nB,05/06/2024,2\n")
    mapping = written(
        "columns: {customer_id: who, timestamp: when, amount: how_much}\ndate_format: mdy\n",
        "m.yaml",
    )
    ran = inside("ingest", path, "--mapping", mapping, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["dataset"]["from"].startswith("2024-03-04")


def test_sample_writes_what_train_reads(inside: Run, tmp_path: Path) -> None:
    out = tmp_path / "made"
    ran = inside("sample", "--out", out, "--customers", "20", "--months", "8", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["customers"] == 20
    again = inside(
        "ingest", out / "transactions.csv.gz", "--applications", out / "applications.csv", "--json"
    )
    assert again.json["dataset"]["rows"] == ran.json["transactions"]


def test_what_cannot_be_written_is_a_sentence(inside: Run, tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    path.write_text("customer_id,date,amount\na,2024-03-04,5\n")
    for out in (path, path / "x"):
        ran = inside("sample", "--out", out, "--customers", "20")
        assert (ran.code, "cannot be written into" in ran.err) == (2, True)
    ran = inside("score", path, "--out", path)
    assert (ran.code, "which is read here" in ran.err) == (2, True)
    assert path.read_text().startswith("customer_id"), "it is as it was"
    ran = inside("serve", "--workers", "2")
    assert (ran.code, "--api-only" in ran.err) == (2, True)


def test_models_are_listed_with_their_champions(reading: Run, store) -> None:
    listed = reading("models", "--json").json["models"]
    champions = {(m["name"], m["version"]) for m in listed if m["champion"]}
    assert champions == {
        (v.name, v.version) for v in (store.observed.champion, store.proxy.champion)
    }


def test_help_shows_every_command(inside: Run) -> None:
    ran = inside("--help")
    assert ran.code == 0
    for command in ("ingest", "train", "score", "explain", "models", "promote", "serve", "sample"):
        assert command in ran.out


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("app.cli", {"numpy", "pandas", "duckdb", "pyarrow", "sqlalchemy"}),
        ("credit_core.workflows", set()),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(module: str, heavy: set[str]) -> None:
    heavy = heavy | {"scipy", "sklearn", "mlflow", "shap", "xgboost", "lightgbm", "streamlit"}
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT
    )
    assert heavy & set(loaded.stdout.split()) == set()
