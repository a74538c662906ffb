"""A ledger on Spark: a session, and the rules of intake over slices of a file.

The driver looks at a file once, from beginning to end, to know its form and where records end;
every machine then reads its slices itself, so the file must lie where all of them see it.
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from credit_core.data.intake import LedgerFile, refuse_if_hopeless
from credit_core.data.ledger import midnight_after
from credit_core.data.quality import refuse_several_currencies
from credit_core.data.reading import REASONS, Reading
from credit_core.data.rejects import describe
from credit_core.data.slices import Slice, cut, read_slice, slice_schema
from credit_core.data.sniff import refuse_rows
from credit_core.data.store import Dataset
from credit_core.errors import CandorError, InputError
from credit_core.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SLICE_BYTES = 64 * 1024**2
"""Bytes of a text that one task reads."""


@dataclass(frozen=True)
class SparkLedger:
    """Transactions on Spark, under the canonical columns; times are TIMESTAMPs in UTC.

    ``first`` is the ledger's first day, ``end`` the midnight after its last transaction.
    """

    transactions: DataFrame
    columns: frozenset[str]
    first: datetime
    end: datetime


@contextmanager
def spark_session(settings: Settings) -> Iterator[SparkSession]:
    """Open a Spark session at ``settings.spark_master``, and stop it at the end.

    Raises
    ------
    InputError
        Where PySpark or Java is not installed.
    CandorError
        Where Spark does not start, or gives up in between.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise InputError(
            "The Spark engine needs PySpark, which is not installed; run "
            "`pip install -r requirements-spark.txt`, or score without Spark."
        ) from error
    if find_java() is None:
        raise InputError(
            "The Spark engine needs Java 17 or later, and none was found; install it (on Debian "
            "the package openjdk-17-jre-headless) or set JAVA_HOME, or score without Spark."
        )
    if settings.spark_master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    # Rows pass between the two as Arrow; PySpark's pandas interface is not used.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    options = {
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master(settings.spark_master).appName("Candor")
    try:
        session = builder.config(map=options).getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise CandorError(
            f"Spark does not start at {settings.spark_master}: check CANDOR_SPARK_MASTER, that the "
            "master runs, and that Java is version 17 or later."
        ) from error
    try:
        yield session
    except (PySparkException, Py4JError) as error:
        why = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
        raise CandorError(f"Spark gave up; nothing was written. It says: {why[:300]}") from error
    finally:
        session.stop()


def find_java() -> str | None:
    """Return the Java that Spark would start, None where there is none."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=str(Path(home) / "bin") if home else None)


def stored_ledger(session: SparkSession, dataset: Dataset) -> SparkLedger:
    """Return a stored dataset's transactions on Spark."""
    if dataset.first is None or dataset.last is None:
        raise InputError(f"{dataset.name} holds applications but no transactions.")
    frame = session.read.parquet(str(dataset.transactions_path.resolve()))
    return _spark_ledger(frame, dataset.columns, dataset.first, dataset.last)


def _spark_ledger(
    frame: DataFrame, columns: Sequence[str], first: datetime, last: datetime
) -> SparkLedger:
    zoned = frame.select(*columns).withColumn("timestamp", frame["timestamp"].cast("timestamp"))
    begins = datetime(first.year, first.month, first.day)
    return SparkLedger(zoned, frozenset(columns), begins, midnight_after(last))


@dataclass(frozen=True)
class _Reader:
    """What a task does: read its slices; what cannot be read comes back as a sentence."""

    reading: Reading
    settings: Settings

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema = slice_schema(self.reading.columns).append(pa.field("refusal", pa.string()))
        for batch in batches:
            for piece in batch.to_pylist():
                try:
                    for rows in read_slice(self.reading, Slice(**piece), self.settings):
                        empty = pa.nulls(rows.num_rows, pa.string())
                        yield rows.append_column("refusal", empty)
                except CandorError as error:
                    nothing = {field.name: None for field in schema}
                    row = nothing | {"refusal": str(error)}
                    yield pa.RecordBatch.from_pylist([row], schema=schema)


def read_file(
    session: SparkSession, ledger: LedgerFile, settings: Settings, scratch: Path, dataset: Dataset
) -> tuple[SparkLedger, Dataset, DataFrame]:
    """Read a transactions file on Spark by the rules of `credit_core.data.intake.ingest`.

    Parameters
    ----------
    scratch : Path
        A folder for what was read, seen by every machine.
    dataset : Dataset
        The facts known so far: name and fingerprint.

    Returns
    -------
    ledger : SparkLedger
    dataset : Dataset
        With its counts; nothing is stored.
    rejects : DataFrame
        ``line``, ``column``, ``value`` and ``reason`` of every row set aside.

    Raises
    ------
    InputError
        As `ingest` does.
    """
    from pyspark.sql import functions as sql

    staged = _staged(session, ledger.reading, settings, scratch / "staged")
    refused = staged.where("refusal IS NOT NULL").select("refusal").limit(1).collect()
    if refused:
        raise InputError(refused[0]["refusal"])
    columns = [column.name for column in ledger.reading.columns]
    good = staged.where("rejected_reason IS NULL")
    rejects = staged.where("rejected_reason IS NOT NULL").select(
        "line",
        sql.col("rejected_column").alias("column"),
        sql.col("rejected_value").alias("value"),
        sql.col("rejected_reason").alias("reason"),
    )
    repeated = _repeated(good, columns, scratch / "repeated")
    if repeated is not None:
        good = good.join(sql.broadcast(repeated.select("line")), on="line", how="left_anti")
        rejects = rejects.unionByName(repeated)
    facts = good.agg(
        sql.count("*").alias("rows"),
        sql.countDistinct("customer_id").alias("customers"),
        sql.min("timestamp").alias("first"),
        sql.max("timestamp").alias("last"),
    ).collect()[0]
    whole = sql.struct("line", "column", "reason", "value")
    counted = rejects.groupBy("column", "reason").agg(sql.count("*"), sql.min(whole)).collect()
    by_reason = {describe(column, reason): int(rows) for column, reason, rows, _ in counted}
    dataset = replace(
        dataset,
        rows=facts["rows"],
        rejected=sum(by_reason.values()),
        rejects_by_reason=by_reason,
        customers=facts["customers"],
        first=facts["first"],
        last=facts["last"],
        columns=tuple(columns),
    )
    refuse_rows(dataset.seen, dataset.name, settings)
    worst = min((first for *_, first in counted), default=None)
    refuse_if_hopeless(dataset, worst and (worst[0], describe(worst[1], worst[2]), worst[3]))
    _in_one_currency(good, dataset.name)
    found = _spark_ledger(good, columns, facts["first"], facts["last"])
    words = sql.create_map(*[sql.lit(text) for pair in REASONS.items() for text in pair])
    return found, dataset, rejects.withColumn("reason", words[sql.col("reason")])


def _staged(session: SparkSession, reading: Reading, settings: Settings, folder: Path) -> DataFrame:
    """Read every slice once and keep what was read; later questions go to that."""
    from pyspark.sql.pandas.types import from_arrow_schema

    pieces = cut(reading.source, SLICE_BYTES)
    if not pieces:
        raise InputError(f"{reading.source.name} has no rows below its header.")
    rows = pa.Table.from_pylist([vars(piece) for piece in pieces])
    tasks = session.createDataFrame(rows).coalesce(1).repartition(len(pieces))  # one slice each
    schema = slice_schema(reading.columns).append(pa.field("refusal", pa.string()))
    alone = settings.model_copy(update={"threads": 1})
    read = tasks.mapInArrow(_Reader(reading, alone), from_arrow_schema(schema))
    read.write.parquet(str(folder))
    return session.read.parquet(str(folder))


def _repeated(good: DataFrame, columns: list[str], folder: Path) -> DataFrame | None:
    """Return the rows to set aside under ids seen more than once; None where there is none.

    Where the rows under an id differ that is all of them, else all after the first.
    """
    from pyspark.sql import functions as sql

    if "transaction_id" not in columns:
        return None
    counted = good.where("transaction_id IS NOT NULL").groupBy("transaction_id")
    twice = counted.agg(sql.count("*").alias("times")).where("times > 1").select("transaction_id")
    # Nearly every row stands alone; only the others are looked at as a whole.
    under = good.join(twice, on="transaction_id")
    others = sql.struct(*[name for name in columns if name != "transaction_id"])
    judged = under.groupBy("transaction_id").agg(
        (sql.countDistinct(others) > 1).alias("conflicting"),
        sql.min("line").alias("first"),
        sql.collect_list("line").alias("lines"),
    )
    rows = judged.select("transaction_id", "conflicting", "first", sql.explode("lines").alias("n"))
    rows.where("conflicting OR n > first").select(
        sql.col("n").alias("line"),
        sql.lit("transaction_id").alias("column"),
        sql.col("transaction_id").alias("value"),
        sql.expr("if(conflicting, 'conflict', 'duplicate')").alias("reason"),
    ).write.parquet(str(folder))
    found = good.sparkSession.read.parquet(str(folder))
    return None if found.isEmpty() else found


def _in_one_currency(good: DataFrame, name: str) -> None:
    if "currency" not in good.columns:
        return
    codes = good.where("currency IS NOT NULL").selectExpr("upper(currency) AS code")
    rows = codes.groupBy("code").count().collect()
    found = sorted(((code, n) for code, n in rows), key=lambda pair: (-pair[1], pair[0]))
    refuse_several_currencies(found, name)
