"""Batch: score a whole file as a job, look at the result, download it."""

from __future__ import annotations

import secrets
from pathlib import Path

import pandas as pd
import streamlit as st

from app import jobs, results, state, tables, text, uploads, widgets
from app.charts import scores as charts
from credit_core import workflows
from credit_core.data.store import Dataset, open_dataset
from credit_core.errors import CandorError
from credit_core.oversight.registry import ModelVersion, find_version
from credit_core.workflows.data import first_rejects
from credit_core.workflows.scoring import first_scores

JOB = "batch_job"
FILE_TYPES = ["csv", "tsv", "txt", "gz", "parquet"]


def bring_in(version: ModelVersion | None) -> None:
    """Take a transactions file, and applications where the model reads them, as a dataset."""
    attributes = bool(version and state.bundle(version).attributes)
    turn = st.session_state.setdefault("batch_turn", 0)
    with st.form(f"batch_files_{turn}", border=False):
        left, right = st.columns(2)
        ledger = left.file_uploader("Transactions", FILE_TYPES, key=f"batch_transactions_{turn}")
        filed = right.file_uploader(
            "Applications" if attributes else "Applications (this model does not read them)",
            FILE_TYPES,
            key=f"batch_applications_{turn}",
        )
        st.caption("Columns are recognised by name; Transactions lets you correct the mapping.")
        pressed = st.form_submit_button("Bring in", icon=":material/upload_file:")
    if not pressed:
        return
    if ledger is None and filed is None:
        st.warning("Choose a file first.", icon=":material/upload_file:")
        return
    bar = st.progress(0.0, "Starting")
    kept = [
        uploads.keep(file, file.name, state.settings()) if file else None
        for file in (ledger, filed)
    ]
    try:
        dataset = workflows.ingest(
            kept[0],
            state.settings(),
            applications=kept[1],
            protected=state.config().applications.protected,
            progress=lambda share, words: bar.progress(min(share, 1.0), words),
        )
    except CandorError as error:
        bar.empty()
        widgets.problem(error)
        return
    finally:
        for path in filter(None, kept):
            uploads.discard(path)
    state.choose_dataset(dataset.fingerprint)
    st.session_state["batch_turn"] = turn + 1
    st.rerun()


def follow(job_id: str) -> None:
    """Show a running job; the page is drawn anew when it ends."""
    job = jobs.read(state.settings(), job_id)
    if job is None or not job.running:
        st.rerun()
    left = f", about {results.duration(job.seconds_left)} left" if job.seconds_left else ""
    st.progress(min(job.share, 1.0), f"{job.text} ({results.duration(job.seconds)}{left})")
    if st.button("Cancel", icon=":material/close:"):
        jobs.cancel(state.settings(), job_id)
        st.rerun()


def show_result(job: jobs.Job) -> None:
    """Show a finished batch: counts, distribution, first rows, files."""
    assert job.result is not None  # noqa: S101 - a job that is done has one
    settings = state.settings()
    version = find_version(settings, job.result["model"])
    dataset = open_dataset(settings, job.request["dataset"])
    policy = state.bundle(version).facts["policy"]
    st.subheader(f"{job.result['rows']:,} customers scored")
    st.text(f"{dataset.name}, by {widgets.describe(version)}, in {results.duration(job.seconds)}.")
    widgets.banner(version)
    download(job, Path(job.result["out"]))
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


def download(job: jobs.Job, scores: Path) -> None:
    """Offer the scores file; its name is unique, for downloads are told apart by it."""
    token = st.session_state.setdefault(f"token {job.id}", secrets.token_hex(4))
    with st.container(horizontal=True):
        for kind, path, mime in (
            ("CSV", scores.with_suffix(".csv"), "text/csv"),
            ("Parquet", scores, "application/vnd.apache.parquet"),
        ):
            st.download_button(
                f"Download {kind}",
                data=path.read_bytes,
                file_name=f"scores-{job.id[:6]}-{token}{path.suffix}",
                mime=mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"download {kind}",
            )


def show_rejects(dataset: Dataset) -> None:
    """Say how many rows of the file were set aside at intake, and why."""
    if not dataset.rejected:
        st.caption("No row of the transactions file was set aside at intake.")
        return
    with st.expander(f"{dataset.rejected:,} of {dataset.seen:,} rows set aside at intake"):
        st.dataframe(first_rejects(dataset), hide_index=True, alt="Rows set aside, with reasons")


def chosen_job() -> jobs.Job | None:
    """Return the job that the URL or this session names."""
    job_id = st.query_params.get(JOB) or st.session_state.get(JOB, "")
    job = jobs.read(state.settings(), job_id)
    if job is None or job.kind != "score":
        return None
    st.session_state[JOB] = st.query_params[JOB] = job.id
    return job


st.title("Batch")
st.caption("Score every customer of a file as a job; it goes on when you leave this page.")
version = state.model()
with st.expander("Score another file", expanded=state.dataset() is None, icon=":material/upload:"):
    bring_in(version)
dataset, version = state.require_dataset(), state.require_model()
with st.container(border=True):
    st.text(f"{dataset.name}: {dataset.customers:,} customers")
    st.caption(f"With {widgets.describe(version)}. Change data or model in the sidebar.")
    if st.button("Score", type="primary", icon=":material/play_arrow:"):
        request = {"dataset": dataset.fingerprint, "model": version.reference}
        st.session_state[JOB] = jobs.submit(state.settings(), "score", request)
        st.query_params[JOB] = st.session_state[JOB]
job = chosen_job()
if job is None:
    st.caption("No batch yet in this session. Press Score.")
elif job.running:
    st.fragment(run_every="1s")(follow)(job.id)
elif job.state == "done":
    show_result(job)
else:
    st.error(widgets.escaped(job.problem or text.JOB_STATE[job.state]), icon=":material/error:")
