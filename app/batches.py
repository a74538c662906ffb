"""A finished batch as a page shows it: counts, distribution, first rows, files."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from app import batch_text, results, state, tables, widgets
from app.charts import scores as charts
from app.jobs import Job
from credit_core.data.store import Dataset, open_dataset
from credit_core.oversight.registry import find_version
from credit_core.workflows.batch import MOST_XLSX_ROWS, manifest_path, put_together
from credit_core.workflows.data import first_rejects
from credit_core.workflows.scoring import first_scores

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def show_result(job: Job) -> None:
    """Show a finished batch: counts, distribution, first rows, files."""
    assert job.result is not None  # noqa: S101 - a job that is done has one
    settings = state.settings()
    version = find_version(settings, job.result["model"])
    dataset = open_dataset(settings, job.request["dataset"])
    policy = state.bundle(version).facts["policy"]
    st.header(f"{job.result['rows']:,} customers scored")
    st.text(f"{dataset.name}, by {widgets.describe(version)}, in {results.duration(job.seconds)}.")
    widgets.banner(version)
    widgets.warnings(job.result.get("warnings", ()))
    drift(job.result["summary"].get("psi"))
    counted(job.result.get("counts"))
    download(job, Path(job.result["out"]), job.result["rows"])
    counts = pd.DataFrame(job.result["summary"]["decisions"])
    bins = pd.DataFrame(job.result["summary"]["scores"])
    left, right = st.columns(2)
    with left:
        widgets.figure(charts.decisions(counts), charts.decisions_finding(counts))
        with st.expander("Table"):
            st.dataframe(
                counts, hide_index=True, column_config=tables.COUNTS, alt="Decisions by band"
            )
    with right:
        made = charts.distribution(bins, policy["approve_from"], policy["decline_below"])
        widgets.figure(made, charts.distribution_finding(bins))
        with st.expander("Table"):
            st.dataframe(bins, hide_index=True, column_config=tables.COUNTS, alt="Scores in bins")
    rows = first_scores(Path(job.result["out"]), 500)
    st.markdown(f"**First {len(rows):,} rows**")
    st.dataframe(
        rows, hide_index=True, column_config=tables.scores(version.name), alt="First scored rows"
    )
    show_rejects(dataset)


def drift(psi: dict[str, Any] | None) -> None:
    """Say how far the scores of this file lie from those the model was developed on."""
    if psi is None:
        return
    st.text(
        batch_text.PSI.format(
            psi=psi["psi"],
            verdict=batch_text.PSI_VERDICT[psi["verdict"]],
            now=psi["n_now"],
            then=psi["n_then"],
            critical=psi["critical"],
        )
    )


def counted(counts: dict[str, Any] | None) -> None:
    """Say what became of everyone in the file; the figures add up."""
    if counts is not None:
        why = batch_text.SET_ASIDE[counts["of"]]
        st.caption(batch_text.COUNTS.format(given=counts["in"], why=why, **counts))


def download(job: Job, scores: Path, rows: int) -> None:
    """Offer the scores file; its name is unique, for downloads are told apart by it."""
    token = st.session_state.setdefault(f"token {job.id}", secrets.token_hex(4))
    kinds: list[tuple[str, Path, str, Callable[[], bytes]]] = [
        ("CSV", scores.with_suffix(".csv"), "text/csv", scores.with_suffix(".csv").read_bytes),
        ("Parquet", scores, "application/vnd.apache.parquet", scores.read_bytes),
    ]
    if rows <= MOST_XLSX_ROWS:
        sheet = scores.with_suffix(".xlsx")
        kinds.append(("XLSX", sheet, XLSX, partial(spreadsheet, scores, sheet)))
    manifest = manifest_path(scores)
    if manifest.exists():
        kinds.append(("manifest", manifest, "application/json", manifest.read_bytes))
    with st.container(horizontal=True):
        for kind, path, mime, data in kinds:
            ending = "".join(path.suffixes[-2:]) if path == manifest else path.suffix
            st.download_button(
                f"Download {kind}",
                data=data,
                file_name=f"scores-{job.id[:6]}-{token}{ending}",
                mime=mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"download {kind}",
            )


def spreadsheet(scores: Path, sheet: Path) -> bytes:
    """Return the scores as a spreadsheet, made when first asked for."""
    if not sheet.exists():
        put_together([scores], sheet)
    return sheet.read_bytes()


def show_rejects(dataset: Dataset) -> None:
    """Say how many rows of the file were set aside at intake, and why."""
    if not dataset.rejected:
        st.caption("No row of the transactions file was set aside at intake.")
        return
    with st.expander(f"{dataset.rejected:,} of {dataset.seen:,} rows set aside at intake"):
        st.dataframe(
            first_rejects(dataset.rejects_path), hide_index=True, alt="Rows set aside, with reasons"
        )
