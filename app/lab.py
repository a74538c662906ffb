"""What Label Lab shows: the choices, their checks as a job, and the evidence."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from app import jobs, results, state, tables, text, widgets
from app.charts import labels as charts
from app.following import follow
from credit_core.config import ModelConfig
from credit_core.data.store import Dataset
from credit_core.labels.windows import SHORTEST_WINDOW_DAYS
from credit_core.workflows.labels import span_of, windows_of

_LONGEST = 1825


def choose_windows(data: Dataset, kind: str) -> ModelConfig:
    """Ask for the windows, starting from those the span suggests; return the configuration."""
    config = state.config()
    first, end = span_of(data)
    usual = windows_of(data, config)
    most = min((end - first).days - SHORTEST_WINDOW_DAYS, _LONGEST)
    week = timedelta(days=SHORTEST_WINDOW_DAYS)
    keys = {name: f"{name}_{data.fingerprint[:6]}" for name in ("as_of", "seen", "after", "k")}
    columns = st.columns(4)
    as_of: date = columns[0].slider(
        "Last cohort (as of)",
        (first + week).date(),
        (end - week).date(),
        usual.cohorts[-1].date(),
        format="YYYY-MM-DD",
        key=keys["as_of"],
        bind="query-params",
        help="Features stop before this date; the label begins on it.",
    )
    seen = columns[1].slider(
        "Observation window, days",
        SHORTEST_WINDOW_DAYS,
        most,
        usual.observation_days,
        key=keys["seen"],
        bind="query-params",
    )
    after = columns[2].slider(
        "Outcome window, days",
        SHORTEST_WINDOW_DAYS,
        most,
        usual.outcome_days,
        key=keys["after"],
        bind="query-params",
    )
    k = columns[3].slider(
        "RFM clusters (k)",
        2,
        10,
        config.labels.clusters,
        key=keys["k"],
        bind="query-params",
        disabled=kind == "inactive",
        help="The least engaged of them is bad. The inactive label does not use clusters.",
    )
    return config.replacing(
        windows={"as_of": as_of, "observation_days": seen, "outcome_days": after},
        labels={"clusters": k},
    )


def request_of(data: Dataset, kind: str, config: ModelConfig) -> dict[str, Any]:
    """Return what a job of checks is asked for; the same choices give the same request."""
    return {
        "dataset": data.fingerprint,
        "label": kind,
        "config": config.model_dump(mode="json"),
    }


def lead(kind: str, result: dict[str, Any] | None) -> None:
    """Say why a near-perfect AUC is bad news, with this data's own figures once measured."""
    with st.container(border=True):
        st.markdown(text.LAB_OBSERVED if kind == "observed" else text.LAB_LEAD)
        if result is None:
            st.caption("Run the checks below to measure it on this very data.")
            return
        gauge = result["checks"]["gauge"]
        measured = [row for row in results.gauge_rows(gauge) if row["auc"] is not None]
        for column, row in zip(st.columns(3), measured[:3], strict=False):
            column.metric(f"AUC, {row['what']}", f"{row['auc']:.3f}", border=True)
            column.caption(f"{row['auc_low']:.3f} to {row['auc_high']:.3f}, n {row['n']:,}")
        st.text(gauge["why"])


def checks(job: jobs.Job | None, request: dict[str, Any]) -> None:
    """Offer to run the checks, and show them as they stand."""
    if job is not None and job.running:
        follow(job.id)
        return
    if job is not None and job.problem and job.state == "failed":
        st.error(widgets.escaped(f"The checks failed: {job.problem}"), icon=":material/error:")
    done = job is not None and job.result is not None
    if st.button(
        "Run the checks again" if done else "Run the checks",
        type="secondary" if done else "primary",
        icon=":material/science:",
        help="Canary, leaks, honesty gauge and sensitivity, as every training runs them.",
    ):
        jobs.submit(state.settings(), "examine", request)
        st.rerun()
    if job is not None and job.result is not None:
        show(job.result["checks"])


def show(found: dict[str, Any]) -> None:
    """Show the evidence, the verdict first."""
    verdict, sentence = results.canary_verdict(found)
    box = {"passed": st.success, "failed": st.error, "none": st.info}[verdict]
    box(widgets.escaped(sentence), icon=":material/science:")
    show_evidence(found)


def show_evidence(found: dict[str, Any]) -> None:
    """Show the gauge, the sensitivity and the recorded outcomes, a tab each."""
    gauge, moved, reality = st.tabs(["Honesty gauge", "Sensitivity", "Proxy against reality"])
    with gauge:
        show_gauge(found["gauge"])
    with moved:
        show_sensitivity(found["sensitivity"])
    with reality:
        show_concordance(found["concordance"])


def show_gauge(gauge: dict[str, Any]) -> None:
    """Show the AUCs side by side with their intervals."""
    rows, finding = results.gauge_rows(gauge), results.gauge_finding(gauge)
    widgets.figure(charts.gauge(rows, finding), finding)
    st.dataframe(
        rows,
        hide_index=True,
        column_order=list(tables.GAUGE),
        column_config=tables.GAUGE,
        alt="AUCs of the gauge with their intervals",
    )
    st.caption(
        f"One quick model on up to {gauge['customers']:,} customers: each half is judged by a "
        "model of the other half; out of time, the later cohort by one of the earlier. "
        f"{text.AUC_MEANS}"
    )


def show_sensitivity(found: dict[str, Any]) -> None:
    """Show what another choice of windows, clusters or rule would have given."""
    st.text(found["why"])
    if not found["applies"]:
        return
    rows = pd.DataFrame(found["rows"])
    made = charts.sensitivity(rows)
    widgets.figure(made, made.layout.title.text)
    st.dataframe(
        rows,
        hide_index=True,
        column_order=list(tables.SENSITIVITY),
        column_config=tables.SENSITIVITY,
        height="content",
        alt="The design with one choice changed at a time",
    )
    st.caption(
        f"The latest development cohort, up to {found['customers']:,} customers; one choice "
        "changed at a time, label and scores made anew."
    )


def show_concordance(found: dict[str, Any] | None) -> None:
    """Show what the clusters say about outcomes that were recorded."""
    measured = {name: facts for name, facts in (found or {}).items() if facts}
    if not measured:
        st.info(text.NO_OUTCOMES, icon=":material/info:")
        return
    for column, (name, facts) in zip(st.columns(2), measured.items(), strict=False):
        with column:
            st.markdown(f"**{text.CONCORDANCE[name]}**")
            clusters = pd.DataFrame(facts["clusters"])
            made = charts.outcomes_by_cluster(clusters, facts)
            widgets.figure(made, made.layout.title.text)
            st.dataframe(
                clusters,
                hide_index=True,
                column_config=tables.OUTCOMES,
                alt="Observed bad rate by cluster",
            )
            st.caption(
                f"Being in the least engaged cluster as a prediction of the outcome: AUC "
                f"{widgets.interval(facts)}, kappa {facts['kappa']:.2f}; 0.5 and 0 are chance. "
                "Applicants without a transaction before their decision are left out."
            )
