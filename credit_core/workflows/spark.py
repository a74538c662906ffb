"""Score a file or a dataset on Spark: the same rules, features and model, on many machines.

Whatever is read and written must lie in folders that every machine sees, and every machine needs
Candor installed.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from credit_core.data.applications import store_applications
from credit_core.data.intake import LedgerFile, Progress, fingerprint_of
from credit_core.data.mapping import Mapping
from credit_core.data.sniff import look_at
from credit_core.data.source import Source
from credit_core.data.spark import SparkLedger, read_file, spark_session, stored_ledger
from credit_core.data.store import Dataset, write_atomic
from credit_core.decisions.contributions import score_table
from credit_core.decisions.scoring import (
    ScoredSnapshots,
    attribute_table,
    cautions,
    refuse_missing,
)
from credit_core.errors import InputError
from credit_core.modelling.bundle import Bundle, load_bundle
from credit_core.oversight.policies import load_in_force
from credit_core.oversight.registry import ModelVersion, find_version
from credit_core.settings import Settings
from credit_core.workflows.batch import (
    SCORE_BIN,
    SCORE_SCHEMA,
    Batch,
    Part,
    manifest_of,
    manifest_path,
    sha256_of,
    summary_of,
)
from credit_core.workflows.scoring import applications_at, moment_in

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class SparkFile:
    """A transactions file to be read on Spark, with what belongs to it."""

    path: Path
    mapping: Mapping | None = None
    applications: Path | None = None
    protected: tuple[str, ...] = ()


def score_on_spark(
    given: Dataset | SparkFile,
    settings: Settings,
    out: Path,
    *,
    model: str = "champion",
    as_of: datetime | None = None,
    all_reasons: bool = False,
    progress: Progress | None = None,
) -> tuple[Batch, Dataset]:
    """Score a stored dataset, or a file that is read on Spark, into a folder of Parquet files.

    The folder is partitioned by decision and appears whole or not at all; beside it lies its
    manifest and, where a file was read, the folder of its rejects.

    Returns
    -------
    batch : Batch
    dataset : Dataset
        What was scored; of a file, its facts and counts.

    Raises
    ------
    InputError
        As `score_to_files` and `ingest` do; where Spark or Java is absent; where ``out`` exists.
    """
    tell = progress or (lambda _share, _text: None)
    check_folder(out)
    tell(0.02, "Loading the model")
    version = find_version(settings, model)
    bundle = load_in_force(settings, version)
    if not bundle.reads_transactions:
        raise InputError("This model reads no transactions; score it without Spark.")
    with _scratch(out) as scratch, ExitStack() as stack:
        found = given if isinstance(given, Dataset) else _Looked.at(given, settings, scratch)
        session = stack.enter_context(spark_session(settings))
        tell(0.1, "Reading the transactions on Spark")
        if isinstance(found, Dataset):
            ledger, dataset = stored_ledger(session, found), found
        else:
            ledger, dataset = found.read(session, settings, scratch)
        refuse_missing(bundle, ledger.columns)
        tell(0.4, "Choosing whom to score")
        snapshots, dates = _snapshots(session, dataset, ledger, bundle, as_of)
        warnings = cautions(bundle, ledger.first, dates.to_numpy())
        tell(0.5, "Computing features and scores on Spark")
        scores, thin = _score(session, ledger, snapshots, bundle, version, all_reasons, scratch)
        part = _counted(session, scores, bundle, thin)
        whole = part.rows if dates.size == 1 else len(dates)
        if part.rows != whole:
            raise InputError(
                f"{whole:,} customers were to be scored and {part.rows:,} were; nothing was kept."
            )
        summary = summary_of([part], version, bundle)
        asked = {"as_of": as_of.isoformat() if as_of else None, "all_reasons": all_reasons}
        manifest = manifest_of(dataset, bundle, version, asked, [part], (), part.rows, summary)
        manifest |= {"engine": "spark", "files": _files(scores)}
        tell(0.95, "Writing the manifest")
        content = json.dumps(manifest, indent=1, ensure_ascii=False, default=str)
        if (scratch / "rejects").is_dir():
            (scratch / "rejects").rename(rejects_path(out))
        scores.rename(out)
        write_atomic(manifest_path(out), content.encode("utf-8"))
    tell(1.0, f"{part.rows:,} scored")
    return Batch((out,), manifest, summary, version, warnings), dataset


def check_folder(out: Path) -> None:
    """Raise an InputError where scores cannot be written into a new folder ``out``."""
    if out.suffix in (".csv", ".xlsx"):
        raise InputError(
            f"{out.name}: the Spark engine writes a folder of Parquet files; name it such as "
            "scores.parquet."
        )
    if not out.parent.is_dir():
        raise InputError(f"There is no folder {out.parent} to write {out.name} into.")
    taken = [path for path in (out, rejects_path(out)) if path.exists()]
    if taken:
        raise InputError(f"{taken[0]} exists already; remove it, or choose another name.")


def rejects_path(out: Path) -> Path:
    """Return the folder of the rows that were set aside, beside the scores."""
    return out.with_name(out.name + ".rejects")


@contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """Yield a folder beside ``out``, so that a rename can publish what is in it."""
    folder = out.resolve().with_name(f".{out.name}.{uuid.uuid4().hex}")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class _Looked:
    """A file that was looked at, before anything is started for it."""

    planned: LedgerFile
    filed: Source | None
    protected: tuple[str, ...]
    dataset: Dataset

    @staticmethod
    def at(given: SparkFile, settings: Settings, scratch: Path) -> _Looked:
        folders = [scratch / "transactions", scratch / "applications"]
        for folder in folders:
            folder.mkdir()
        planned = LedgerFile.of(given.path, given.mapping, settings, folders[0])
        filed = look_at(given.applications, settings, folders[1]) if given.applications else None
        sources = [source for source in (planned.reading.source, filed) if source]
        dataset = Dataset(
            fingerprint=fingerprint_of(planned, filed, given.protected),
            folder=scratch,
            name=" + ".join(source.name for source in sources),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            notes=tuple(note for source in sources for note in source.notes),
        )
        return _Looked(planned, filed, given.protected, dataset)

    def read(
        self, session: SparkSession, settings: Settings, scratch: Path
    ) -> tuple[SparkLedger, Dataset]:
        """Read it; the rejects are written to the scratch folder."""
        ledger, dataset, rejects = read_file(session, self.planned, settings, scratch, self.dataset)
        if dataset.rejected:
            options = {"header": "true", "escape": '"'}
            ordered = rejects.coalesce(1).sortWithinPartitions("line")
            ordered.write.options(**options).csv(str(scratch / "rejects"))
        if self.filed is not None:
            stored = store_applications(self.filed, scratch, settings, self.protected)
            dataset = replace(dataset, applications=stored)
        return ledger, dataset


def _snapshots(
    session: SparkSession,
    dataset: Dataset,
    ledger: SparkLedger,
    bundle: Bundle,
    as_of: datetime | None,
) -> tuple[DataFrame, pd.Series]:
    """Return whom to score, with the attributes the model reads, and the dates scored at."""
    from pyspark.sql import functions as sql

    if not bundle.attributes:
        moment = moment_in(ledger, as_of, bundle)
        seen = ledger.transactions.where(sql.col("timestamp") < sql.lit(_utc(moment)))
        customers = seen.select("customer_id").distinct()
        named = customers.withColumns(
            {"snapshot": sql.col("customer_id"), "as_of": sql.lit(_utc(moment))}
        )
        return named, pd.Series([pd.Timestamp(moment)])
    applications = applications_at(dataset, ledger, as_of, bundle)
    given = applications[["customer_id", "as_of"]].reset_index(drop=True)
    attributes = attribute_table(bundle, given, applications)
    renamed = attributes.set_axis([f"attribute_{i}" for i in range(attributes.shape[1])], axis=1)
    table = pd.concat([given, renamed], axis=1).assign(snapshot=np.arange(len(given)))
    frame = session.createDataFrame(pa.Table.from_pandas(table, preserve_index=False))
    return frame.withColumn("as_of", sql.col("as_of").cast("timestamp")), given["as_of"]


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _score(
    session: SparkSession,
    ledger: SparkLedger,
    snapshots: DataFrame,
    bundle: Bundle,
    version: ModelVersion,
    all_reasons: bool,
    scratch: Path,
) -> tuple[Path, int]:
    """Write the scores; return their folder and how many are thin files."""
    from pyspark.sql import Observation
    from pyspark.sql import functions as sql
    from pyspark.sql.pandas.types import from_arrow_schema

    from credit_core.features.spark import spark_features

    features = spark_features(session, ledger.transactions, snapshots, bundle.catalogue)
    features = features.withColumn("as_of", sql.col("as_of").cast("timestamp_ntz"))
    scorer = _Scorer(
        {path.name: path.read_bytes() for path in version.path.iterdir() if path.is_file()},
        version,
        {key: bundle.facts[key] for key in ("trained_policy", "policy", "policy_version")},
        ledger.first,
        all_reasons,
    )
    scored = features.mapInArrow(scorer, from_arrow_schema(_ROWS))
    counted = Observation("thin files")
    scored = scored.observe(counted, sql.count_if("thin").alias("thin")).drop("thin")
    folder = scratch / "scores"
    scored.write.partitionBy("decision").parquet(str(folder))
    return folder, int(counted.get["thin"])


_ROWS = SCORE_SCHEMA.append(pa.field("thin", pa.bool_()))


@dataclass(frozen=True)
class _Scorer:
    """What a task does: load the bundle from its bytes, as everywhere, and score its rows."""

    files: dict[str, bytes]
    version: ModelVersion
    policy: dict[str, Any]
    begins: datetime
    all_reasons: bool

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        bundle = self._bundle()
        for batch in batches:
            rows = batch.to_pandas()
            if len(rows):
                yield self._scored(bundle, rows)

    def _bundle(self) -> Bundle:
        with tempfile.TemporaryDirectory(prefix="candor-bundle-") as name:
            for file, content in self.files.items():
                (Path(name) / file).write_bytes(content)
            bundle = load_bundle(Path(name), self.version.sha256)
        return replace(bundle, facts=bundle.facts | self.policy)

    def _scored(self, bundle: Bundle, rows: pd.DataFrame) -> pa.RecordBatch:
        table = rows[list(bundle.catalogue.names)].astype("float64")
        for i, attribute in enumerate(bundle.attributes):
            table[attribute.name] = rows[f"attribute_{i}"]
        snapshots = rows[["customer_id", "as_of"]]
        scored = ScoredSnapshots(bundle, snapshots, table, score_table(bundle, table), self.begins)
        frame = scored.frame(self.version.name, self.version.version, all_reasons=self.all_reasons)
        found = frame.assign(thin=scored.is_thin)
        return pa.RecordBatch.from_pandas(found, schema=_ROWS, preserve_index=False)


def _counted(session: SparkSession, scores: Path, bundle: Bundle, thin: int) -> Part:
    """Count the written scores by band and decision, by bins of points and by tenths."""
    from pyspark.sql import functions as sql

    frozen = bundle.facts["reference"]["score_bins"]
    edges = frozen["edges"]
    below = [sql.when(sql.col("score") >= edge, 1).otherwise(0) for edge in edges]
    low = sql.floor(sql.col("score") / SCORE_BIN).cast("int") * SCORE_BIN
    grouped = (
        session.read.parquet(str(scores))
        .groupBy("band", "decision", low.alias("low"), sum(below, sql.lit(0)).alias("tenth"))
        .count()
        .collect()
    )
    decisions: dict[tuple[str, str], int] = {}
    bins: dict[str, int] = {}
    tenths = [0] * len(frozen["counts"])
    for band, decision, at, tenth, n in grouped:
        decisions[band, decision] = decisions.get((band, decision), 0) + n
        bins[str(at)] = bins.get(str(at), 0) + n
        tenths[tenth] += n
    counted = [[band, decision, n] for (band, decision), n in decisions.items()]
    return Part("spark", "", sum(tenths), thin, counted, bins, tenths)


def _files(scores: Path) -> list[dict[str, Any]]:
    return [
        {
            "name": path.relative_to(scores).as_posix(),
            "bytes": path.stat().st_size,
            "sha256": sha256_of(path),
        }
        for path in sorted(scores.rglob("*.parquet"))
    ]
