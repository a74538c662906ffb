"""The Spark engine: the same rows set aside, the same features, the same scores as DuckDB's."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from app.cli import app
from credit_core import workflows
from credit_core.data import spark as on_spark
from credit_core.data.ledger import ledger_of
from credit_core.data.spark import find_java, spark_session
from credit_core.decisions.scoring import SCORE_COLUMNS
from credit_core.errors import CandorError, InputError
from credit_core.features.build import build_features
from credit_core.features.catalogue import build_catalogue
from credit_core.settings import Settings
from credit_core.workflows.batch import manifest_path
from credit_core.workflows.spark import SparkFile, rejects_path, score_on_spark

pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def spark(store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The shared data and models with a Spark of two cores; skipped, and said, without Java."""
    reason = None if find_java() else "no Java was found"
    try:
        import pyspark.sql
    except ImportError as error:
        reason = f"{error.name} is not installed"
    if reason:
        sentence = f"The Spark engine was not tested: {reason}."
        if os.environ.get("CANDOR_REQUIRE_BROWSER"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    # A small job is over before the best compiler has begun.
    options = tmp_path_factory.mktemp("spark") / "spark-defaults.conf"
    options.write_text(
        "spark.sql.shuffle.partitions 2\nspark.sql.adaptive.enabled false\n"
        "spark.sql.codegen.wholeStage false\nspark.sql.codegen.factoryMode NO_CODEGEN\n"
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SPARK_CONF_DIR", str(options.parent))
        patched.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        patched.setattr(on_spark, "SLICE_BYTES", 1_000_000)
        patched.setattr(pyspark.sql.SparkSession, "stop", lambda _: None)  # a start takes seconds
        yield store.settings.model_copy(update={"spark_master": "local[2]"})
    if session := pyspark.sql.SparkSession.getActiveSession():
        session.stop()


def same_scores(folder: Path, whole: pd.DataFrame) -> None:
    """Assert that a folder holds the scores of a file, to the last bit."""
    found = pd.read_parquet(folder).astype({"decision": "str"})[list(SCORE_COLUMNS)]
    order = ["customer_id", "as_of"]
    pd.testing.assert_frame_equal(
        found.sort_values(order, ignore_index=True),
        whole.sort_values(order, ignore_index=True),
        check_exact=True,
    )


def test_features_and_scores_of_the_sample_are_the_same(store, spark, simulated, tmp_path) -> None:
    """Rows to set aside are among those of the sample, some repeated far from each other."""
    path = tmp_path / "ledger.csv"
    text = gzip.decompress((simulated / "transactions.csv.gz").read_bytes()).decode()
    header, first, second, *rest = text.splitlines()
    assert header.startswith("transaction_id,customer_id,timestamp,amount")
    conflicting = second.replace(second.split(",")[3], "1.23", 1)
    broken = [first.replace(first.split(",")[1], "", 1), "a,b", first, conflicting]
    path.write_text("\n".join([header, first, second, *rest, *broken]) + "\n", encoding="utf-8")

    applications = simulated / "applications.csv"
    out = tmp_path / "scores.parquet"
    batch, dataset = score_on_spark(SparkFile(path, None, applications), spark, out)
    mine = spark.model_copy(update={"home": tmp_path})
    stored = workflows.ingest(path, mine, applications=applications)
    assert dataset.rejects_by_reason == stored.rejects_by_reason
    assert stored.rejected == 5
    for name in ("fingerprint", "rows", "customers", "first", "last", "columns", "name"):
        assert getattr(dataset, name) == getattr(stored, name)
    said = pd.concat(pd.read_csv(part) for part in rejects_path(out).glob("*.csv"))
    kept = pd.read_csv(stored.rejects_path)
    pd.testing.assert_frame_equal(said.sort_values("line", ignore_index=True), kept)

    here = mine.model_copy(update={"models": store.settings.models})
    usual = workflows.score_to_files(stored, here, [tmp_path / "usual.parquet"])
    same_scores(out, pd.read_parquet(tmp_path / "usual.parquet"))
    manifest = json.loads(manifest_path(out).read_text())
    theirs = json.loads(manifest_path(tmp_path / "usual.parquet").read_text())
    assert manifest.pop("engine") == "spark"
    files = manifest.pop("files")
    assert manifest == {key: value for key, value in theirs.items() if key != "files"}
    assert {file["name"].split("/")[0] for file in files} == {
        f"decision={decision}" for decision in batch.decisions
    }
    assert batch.summary == usual.summary
    assert batch.warnings == usual.warnings
    assert not list(tmp_path.glob(".scores*")), "nothing is left beside the result"


def test_customers_of_a_stored_dataset_score_the_same(store, spark, tmp_path, monkeypatch) -> None:
    """Asked for on the command line, at a moment in the middle of a day."""
    out, usual = tmp_path / "scores", tmp_path / "usual.parquet"
    moment = pd.Timestamp(store.dataset.last).to_pydatetime() - timedelta(days=40, hours=7)
    monkeypatch.setattr("app.cli.get_settings", lambda: spark)
    words = f"score {store.dataset.fingerprint} --engine spark --out {out} --model disengagement"
    options = ["--as-of", moment.isoformat(), "--reasons", "all", "--json"]
    ran = CliRunner().invoke(app, [*words.split(), *options])
    assert ran.exception is None, ran.exception
    told = json.loads(ran.stdout)
    home = spark.model_copy(update={"home": tmp_path})
    there = workflows.score_to_files(
        store.dataset, home, [usual], model="disengagement", as_of=moment, all_reasons=True
    )
    same_scores(out, pd.read_parquet(usual))
    assert told["counts"] == there.manifest["counts"]
    assert told["scored"] == there.rows
    assert told["out"] == str(out)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("score x.csv --engine sparky --out y", "neither duckdb nor spark"),
        ("score x.csv --engine spark --out y.csv", "a folder of Parquet files"),
        ("score --engine spark --out y", "Give a transactions file"),
    ],
)
def test_the_command_line_says_what_it_wants(words: str, sentence: str) -> None:
    ran = CliRunner().invoke(app, words.split())
    assert isinstance(ran.exception, InputError)
    assert sentence in str(ran.exception)


AS_OF = pd.Timestamp("2024-06-30 00:00:00.25")
CATEGORIES = ("rent", 'it\'s "odd"; --')
ROWS = [
    # customer, seconds before as_of, amount, balance, category, channel, is_fraud
    ("A", 0.0, 10.005, None, "rent", "card", False),  # the moment itself does not count
    ("A", 0.5, 1.015, -1.0, "rent", "card", False),
    ("A", 0.25, 2.675, 0.0, CATEGORIES[1], None, None),
    ("A", 86400 * 180, 7.77, 3.0, None, "atm", True),
    ("A", 86400 * 180 + 0.000001, 5.0, 3.0, "rent", "web", True),
    ("A", 86400 * 30 - 0.3, 0.0001, 3.3333, "refund", "atm", True),
    ("A", 86400 * 30 + 0.3, -99999999.9999, -12.34, "refund", "atm", None),
    ("B", 86400 * 2, 5.0, 1.0, "rent", "card", None),
    ("B", 86400 * 1, 5.0, 1.0, "food", "card", None),
    ("C", 86400 * 200, 5.0, 1.0, "food", "card", None),
]


@pytest.mark.parametrize(("days", "categories"), [(180, CATEGORIES), (20, ())])
def test_every_feature_is_duckdbs(spark, settings, days: int, categories: tuple[str, ...]) -> None:
    """Odd moments, silent customers, money of four decimals; weekends come from two years."""
    from credit_core.features.spark import spark_features

    given = [
        *ROWS,
        *[("D", 86400 * 1.37 * i, 3.1 * (-1) ** i, i, "x", "y", None) for i in range(99)],
    ]
    frame = pd.DataFrame(
        given,
        columns=["customer_id", "s", "amount", "balance", "category", "channel", "is_fraud"],
    )
    frame["timestamp"] = AS_OF - pd.to_timedelta(frame.pop("s"), unit="s").dt.round("us")
    frame["timestamp"] = frame["timestamp"].astype("datetime64[us]")
    snapshots = pd.DataFrame({"customer_id": ["B", "A", "C", "D", "nobody", "A", "D"]})
    earlier = [timedelta(0)] * 5 + [timedelta(days=25), timedelta(hours=31)]
    snapshots["as_of"] = (AS_OF - pd.Series(earlier)).astype("datetime64[us]")
    abilities = frozenset([*frame.columns, "time_of_day", "money_in"])
    catalogue = build_catalogue(days, abilities, categories)
    with ledger_of(frame, settings) as ledger:
        here = build_features(ledger, snapshots, catalogue)
        rows = ledger.connection.sql("SELECT * FROM transactions").to_arrow_table()
    with spark_session(spark) as session:
        numbered = snapshots.assign(snapshot=np.arange(len(snapshots)))
        tables = [rows, pa.Table.from_pandas(numbered, preserve_index=False)]
        moved, asked = (session.createDataFrame(table) for table in tables)
        moved = moved.withColumn("timestamp", moved["timestamp"].cast("timestamp"))
        asked = asked.withColumn("as_of", asked["as_of"].cast("timestamp"))
        there = spark_features(session, moved, asked, catalogue).toArrow().to_pandas()
    there = there.sort_values("snapshot", ignore_index=True)
    assert len(catalogue.names) > 30
    for name in catalogue.names:
        got, expected = there[name].to_numpy(dtype="float64"), here[name].to_numpy()
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9, err_msg=name)
    assert here["transactions"].nunique() > 3


def test_a_slice_that_loses_rows_refuses_the_file(spark, tmp_path) -> None:
    lines = ["customer_id,date,amount"] + [f"c{i},2024-01-05,1{i}.00" for i in range(300)]
    lines[250] = 'c250,2024-01-05,"12.00'
    path = tmp_path / "ledger.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = tmp_path / "scores"
    with pytest.raises(InputError, match=r"line 25[01] is never closed"):
        score_on_spark(SparkFile(path), spark, out, model="disengagement")
    assert [found.name for found in tmp_path.iterdir()] == ["ledger.csv"]


def test_what_spark_says_is_one_sentence(spark) -> None:
    """Spark itself would answer in many lines of Java."""
    with (
        pytest.raises(CandorError, match="Spark gave up; nothing was written") as told,
        spark_session(spark) as session,
    ):
        session.sql("SELECT no_such_column").collect()
    assert len(str(told.value)) < 400
    assert "\n" not in str(told.value)


def test_what_cannot_be_written_is_refused_at_once(store, settings, tmp_path) -> None:
    for name, sentence in (
        ("scores.csv", "a folder of Parquet files"),
        ("nowhere/scores", "There is no folder"),
        ("taken", "exists already"),
    ):
        (tmp_path / "taken").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=sentence):
            score_on_spark(store.dataset, store.settings, tmp_path / name)


def test_without_java_a_sentence_says_so(store, tmp_path, monkeypatch) -> None:
    pytest.importorskip("pyspark", reason="PySpark is not installed")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match="needs Java 17"):
        score_on_spark(store.dataset, store.settings, tmp_path / "scores")
    assert list(tmp_path.iterdir()) == []
