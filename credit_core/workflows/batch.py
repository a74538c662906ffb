"""Score a whole dataset into a file: in parts, in bounded memory, resumed where it was killed.

Parts lie in a folder that is named by what makes the result (data, model, date, options); a part
counts as finished when its bytes have the recorded hash. The result is put together from the
parts, so it is the same, byte for byte, whether or not the batch was interrupted.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from credit_core.data.intake import Progress
from credit_core.data.store import Dataset, write_atomic
from credit_core.decisions.contributions import scale_of
from credit_core.decisions.scoring import SCORE_COLUMNS, cautions_of, in_parts, score_parts
from credit_core.errors import InputError
from credit_core.labels.wording import RISK_NAME
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.stability import Frozen
from credit_core.oversight.policies import load_in_force
from credit_core.oversight.registry import ModelVersion, find_version
from credit_core.settings import Settings
from credit_core.workflows.scoring import opened, safe_for_spreadsheets, snapshots_of

FORMATS = (".csv", ".parquet", ".xlsx")
MOST_XLSX_ROWS = 1_048_575
"""Rows of a spreadsheet below its header."""
_ROWS_A_MB = 100
_LEAST_ROWS, _MOST_ROWS = 5_000, 32_768
_KEPT_DAYS = 7
SCORE_BIN = 10
"""Points of a bin of scores."""
SCORE_SCHEMA = pa.schema(
    [
        (name, pa.timestamp("us") if name == "as_of" else pa.float64())
        if name in ("as_of", "score", "risk")
        else (name, pa.string())
        for name in SCORE_COLUMNS
    ]
)


@dataclass(frozen=True)
class Part:
    """A finished part: its file's hash, and what is counted of it.

    ``decisions`` has [band, decision, n]; ``bins`` counts scores by 10 points, ``tenths`` by the
    development sample's tenths; ``thin`` are thin files, referred whatever their score.
    """

    name: str
    sha256: str
    rows: int
    thin: int
    decisions: list[list[Any]]
    bins: dict[str, int]
    tenths: list[int]


@dataclass(frozen=True)
class Batch:
    """A finished batch: the manifest, and what a screen shows of it."""

    out: tuple[Path, ...]
    manifest: dict[str, Any]
    summary: dict[str, Any]
    version: ModelVersion
    warnings: tuple[str, ...]

    @property
    def rows(self) -> int:
        return int(self.manifest["counts"]["rows_written"])

    @property
    def decisions(self) -> dict[str, int]:
        """Return the number of snapshots by decision."""
        found: dict[str, int] = {}
        for row in self.summary["decisions"]:
            found[row["decision"]] = found.get(row["decision"], 0) + row["n"]
        return found


def score_to_files(
    dataset: Dataset,
    settings: Settings,
    out: Sequence[Path],
    *,
    model: str = "champion",
    as_of: datetime | None = None,
    all_reasons: bool = False,
    progress: Progress | None = None,
) -> Batch:
    """Score a dataset and write the scores to one or more files, each whole or not at all.

    Beside the first file lies its manifest. Reasons are written for declined and referred
    snapshots, or for all.

    Raises
    ------
    InputError
        Where a file cannot be written, or the data lack what the model reads.
    """
    tell = progress or (lambda _share, _text: None)
    for path in out:
        check_target(path)
    tell(0.02, "Loading the model")
    version = find_version(settings, model)
    bundle = load_in_force(settings, version)
    size = min(max(_LEAST_ROWS, _ROWS_A_MB * settings.engine_memory_mb), _MOST_ROWS)
    asked = {
        "dataset": dataset.fingerprint,
        "model": version.sha256,
        "version": version.reference,
        "policy": bundle.facts["policy"],
        "as_of": as_of.isoformat() if as_of else None,
        "all_reasons": all_reasons,
        "part": size,
    }
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:20]
    root = settings.home / "batches"
    folder = root / digest
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    with FileLock(str(root / f"{digest}.lock")):  # the same batch elsewhere ends first
        folder.mkdir(exist_ok=True)
        frozen = Frozen(**bundle.facts["reference"]["score_bins"])
        with opened(dataset, settings) as ledger:
            tell(0.05, "Choosing whom to score")
            snapshots, applications = snapshots_of(dataset, ledger, bundle, as_of)
            if any(path.suffix == ".xlsx" for path in out) and len(snapshots) > MOST_XLSX_ROWS:
                raise InputError(
                    f"A spreadsheet holds {MOST_XLSX_ROWS:,} rows, and there are "
                    f"{len(snapshots):,}; write .csv or .parquet."
                )
            warnings = cautions_of(bundle, ledger, applications, snapshots["as_of"].to_numpy())
            slices = in_parts(len(snapshots), size)
            names = [f"part-{i:05}.parquet" for i in range(len(slices))]
            known = {name: _finished(folder, name) for name in names}
            left = {n: part for n, part in zip(names, slices, strict=True) if known[n] is None}
            clock = _Clock(len(snapshots), left.values())
            wanted = score_parts(bundle, ledger, snapshots, applications, list(left.values()))
            with closing(wanted) as scores:
                for name, part in left.items():
                    tell(0.1 + 0.75 * clock.share, clock.words)
                    scored = next(scores)
                    frame = scored.frame(version.name, version.version, all_reasons=all_reasons)
                    known[name] = _write_part(folder, name, frame, scored.thin, frozen)
                    del scored, frame  # a later part needs their memory
                    clock.finished(part)
            parts = [part for part in known.values() if part is not None]
        files = [folder / part.name for part in parts]
        for i, path in enumerate(out):
            tell(0.85 + 0.14 * i / len(out), f"Writing {path.name}")
            put_together(files, path)
        summary = summary_of(parts, version, bundle)
        manifest = manifest_of(dataset, bundle, version, asked, parts, out, len(snapshots), summary)
        content = json.dumps(manifest, indent=1, ensure_ascii=False, default=str)
        write_atomic(manifest_path(out[0]), content.encode("utf-8"))
        shutil.rmtree(folder)
    tell(1.0, f"{len(snapshots):,} scored")
    return Batch(tuple(out), manifest, summary, version, warnings)


def manifest_path(out: Path) -> Path:
    """Return where the manifest of a scores file lies."""
    return out.with_name(out.name + ".manifest.json")


def check_target(path: Path) -> None:
    """Raise an InputError where a scores file cannot be written to ``path``."""
    if path.suffix not in FORMATS:
        raise InputError(f"{path.name}: scores are written as {', '.join(FORMATS)}; choose one.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} into.")


class _Clock:
    """How far a batch is, and how long the rest will take."""

    def __init__(self, rows: int, left: Iterable[slice]) -> None:
        self._rows, self._left = rows, sum(part.stop - part.start for part in left)
        self._begun, self._done = 0.0, 0

    @property
    def share(self) -> float:
        return 1 - self._left / self._rows

    @property
    def words(self) -> str:
        said = f"{self._rows - self._left:,} of {self._rows:,} scored"
        if self._done == 0:
            return said
        seconds = (time.monotonic() - self._begun) / self._done * self._left
        return f"{said}, about {seconds:,.0f} s left" if seconds >= 1 else said

    def finished(self, part: slice) -> None:
        rows = part.stop - part.start
        self._left -= rows
        if self._begun:
            self._done += rows
        else:  # the first part waits for the transactions to be read, the others do not
            self._begun = time.monotonic()


def _sweep(root: Path) -> None:
    """Remove what batches left that nobody came back for."""
    limit = time.time() - _KEPT_DAYS * 86_400
    for path in root.iterdir():
        if path.is_dir() and path.stat().st_mtime < limit:
            shutil.rmtree(path, ignore_errors=True)


def _finished(folder: Path, name: str) -> Part | None:
    """Return a part whose file is as it was recorded, None where there is none."""
    try:
        part = Part(**json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))
        data = (folder / name).read_bytes()
    except (OSError, ValueError, TypeError):
        return None
    return part if hashlib.sha256(data).hexdigest() == part.sha256 else None


def _write_part(folder: Path, name: str, frame: pd.DataFrame, thin: int, frozen: Frozen) -> Part:
    sink = pa.BufferOutputStream()
    pq.write_table(_table(frame), sink)
    data = sink.getvalue().to_pybytes()
    write_atomic(folder / name, data)
    counted = frame.groupby(["band", "decision"]).size().reset_index(name="n")
    bins = np.floor(frame["score"].to_numpy() / SCORE_BIN).astype(int) * SCORE_BIN
    values, times = np.unique(bins, return_counts=True)
    part = Part(
        name,
        hashlib.sha256(data).hexdigest(),
        len(frame),
        thin,
        [[str(band), str(decision), int(n)] for band, decision, n in counted.to_numpy()],
        {str(low): int(n) for low, n in zip(values, times, strict=True)},
        frozen.count(frame["score"].to_numpy()).tolist(),
    )
    write_atomic(folder / f"{name}.json", json.dumps(asdict(part)).encode())
    return part


def _table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, schema=SCORE_SCHEMA, preserve_index=False)


def put_together(parts: Sequence[Path], out: Path) -> None:
    """Write parts to one scores file by its ending, whole or not at all."""
    scratch = out.with_name(f".{out.name}.{uuid.uuid4().hex}{out.suffix}")
    try:
        _WRITERS[out.suffix](parts, scratch)
        with scratch.open("rb") as file:
            os.fsync(file.fileno())
        scratch.replace(out)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}.") from error
    finally:
        scratch.unlink(missing_ok=True)


def _blocks(parts: Sequence[Path]) -> Iterator[pd.DataFrame]:
    for path in parts:
        with pq.ParquetFile(path) as file:
            for block in file.iter_batches(batch_size=20_000):
                yield block.to_pandas()


def _write_csv(parts: Sequence[Path], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(SCORE_COLUMNS) + "\n")
        for block in _blocks(parts):
            safe_for_spreadsheets(block).to_csv(
                file, index=False, header=False, lineterminator="\n"
            )


def _write_parquet(parts: Sequence[Path], path: Path) -> None:
    with pq.ParquetWriter(path, SCORE_SCHEMA) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part, schema=SCORE_SCHEMA))


def _write_xlsx(parts: Sequence[Path], path: Path) -> None:
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": datetime(2000, 1, 1)})  # the same scores, the same bytes
        sheet = book.add_worksheet("scores")
        dated = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.write_row(0, 0, SCORE_COLUMNS)
        row = 1
        for block in _blocks(parts):
            for values in block.itertuples(index=False):
                for column, value in enumerate(values):
                    if isinstance(value, str):
                        sheet.write_string(row, column, value)  # a text, whatever it begins with
                    elif isinstance(value, float):
                        sheet.write_number(row, column, value)
                    elif not pd.isna(value):
                        sheet.write_datetime(row, column, value.to_pydatetime(), dated)
                row += 1


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet, ".xlsx": _write_xlsx}


def _development(version: ModelVersion, bundle: Bundle) -> np.ndarray[Any, Any]:
    """Return the risks of the customers that ``score_bins`` counts."""
    evaluation = pd.read_parquet(version.path / "evaluation.parquet")
    sample = bundle.facts["reference"]["score_sample"]
    return evaluation.loc[evaluation["sample"] == sample, "risk"].to_numpy()


def summary_of(parts: Sequence[Part], version: ModelVersion, bundle: Bundle) -> dict[str, Any]:
    """Return what a screen shows: counts by band and decision, scores in bins, PSI.

    ``decisions`` has band, decision, n; ``scores`` low (the lower edge of 10 points), n and
    ``development`` (the n that the shares at training would give); ``psi`` is of the scores
    against those of customers the model had not seen at training.
    """
    decisions: dict[tuple[str, str], int] = {}
    bins: dict[int, int] = {}
    for part in parts:
        for band, decision, n in part.decisions:
            decisions[band, decision] = decisions.get((band, decision), 0) + n
        for low, n in part.bins.items():
            bins[int(low)] = bins.get(int(low), 0) + n
    risk = _development(version, bundle)
    scale = scale_of(bundle)
    with np.errstate(divide="ignore"):
        points = scale.points(np.log(risk) - np.log1p(-risk))
    usual = np.floor(points[np.isfinite(points)] / SCORE_BIN).astype(int) * SCORE_BIN
    total = sum(bins.values())
    lows = range(min([*bins, *usual]), max([*bins, *usual]) + SCORE_BIN, SCORE_BIN) if total else []
    frozen = Frozen(**bundle.facts["reference"]["score_bins"])
    now = np.sum([part.tenths for part in parts], axis=0)
    return {
        "decisions": [
            {"band": band, "decision": decision, "n": n}
            for (band, decision), n in sorted(
                decisions.items(), key=lambda item: (-ord(item[0][0][0]), item[0][1])
            )
        ],
        "scores": [
            {
                "low": low,
                "n": bins.get(low, 0),
                "development": float((usual == low).mean()) * total,
            }
            for low in lows
        ],
        "psi": frozen.psi(now).facts() if total else None,
    }


def manifest_of(
    dataset: Dataset,
    bundle: Bundle,
    version: ModelVersion,
    asked: dict[str, Any],
    parts: Sequence[Part],
    out: Sequence[Path],
    written: int,
    summary: dict[str, Any],
) -> dict[str, Any]:
    """Return what a batch was made of: customers in = scored + thin files referred + set aside."""
    thin = sum(part.thin for part in parts)
    if bundle.attributes and dataset.applications is not None:
        whom = "applications"
        given = dataset.applications.rows + dataset.applications.rejected
    else:
        whom, given = "customers", dataset.customers
    return {
        "dataset": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        "transactions": {
            "seen": dataset.seen,
            "kept": dataset.rows,
            "set_aside": dataset.rejected,
        },
        "counts": {
            "of": whom,
            "in": given,
            "scored": written - thin,
            "thin_file_referred": thin,
            "set_aside": given - written,
            "rows_written": written,
        },
        "model": {
            "name": version.name,
            "version": version.version,
            "sha256": version.sha256,
            "label": version.label,
            "risk_is": RISK_NAME[bundle.question],
            "circular": version.circular,
        },
        "policy": {**bundle.facts["policy"], "version": bundle.facts["policy_version"]},
        "as_of": asked["as_of"],
        "reasons": "all" if asked["all_reasons"] else "declined and referred",
        "psi": summary["psi"],
        "files": [
            {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
            for path in out
        ],
    }


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
