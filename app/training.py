"""What a training shows: its progress while it runs, its evidence when it is done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from app import jobs, lab, promotion, results, state, tables, text, widgets


@st.fragment(run_every=1.0)
def watch(job_id: str) -> None:
    """Follow a running job; the page is drawn anew when it has ended."""
    job = jobs.read(state.settings(), job_id)
    if job is None or not job.running:
        st.rerun()
    left = job.seconds_left
    rest = f"about {results.duration(left)} left" if left is not None else "estimating the time"
    st.progress(job.share, f"{job.share:.0%}: {job.text}")
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Cancel", icon=":material/stop_circle:"):
            jobs.cancel(state.settings(), job_id)
            st.rerun()
        st.caption(
            f"Running for {results.duration(job.seconds)}, {rest}. You may leave this page or "
            "close it; the training goes on."
        )
    if job.finished:
        st.dataframe(
            results.model_rows(list(job.finished)),
            hide_index=True,
            column_config=tables.TRAINED,
            alt="Models judged so far",
        )
        st.caption(f"{len(job.finished)} of {len(job.request['families'])} families judged so far.")


def job_rows(found: list[jobs.Job]) -> list[dict[str, str]]:
    """Return one row a training: when, how it stands, how long, what."""
    names = widgets.dataset_names()
    return [
        {
            "Started (UTC)": f"{datetime.fromtimestamp(job.started, UTC):%Y-%m-%d %H:%M}",
            "State": text.JOB_STATE[job.state],
            "Took": results.duration(job.seconds),
            "Label": text.LABEL_NAME[job.request["label"]],
            "Models": ", ".join(text.FAMILY[family] for family in job.request["families"]),
            "Data": names.get(job.request["dataset"], job.request["dataset"]),
        }
        for job in found
    ]


def show(job: jobs.Job) -> None:
    """Show a job as it stands."""
    names = widgets.dataset_names()
    data = names.get(job.request["dataset"], job.request["dataset"])
    st.header(text.LABEL_NAME[job.request["label"]])
    st.text(f"Data: {data}")
    if job.running:
        watch(job.id)
    elif job.result is not None:
        show_result(job.result)
    elif job.state == "cancelled":
        st.info(text.CANCELLED, icon=":material/block:")
    else:
        st.error(widgets.escaped(f"The training failed: {job.problem}"), icon=":material/error:")


def show_plan(windows: dict[str, Any]) -> None:
    """Say which windows came from Label Lab, and offer to go back."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(
            f"Windows from Label Lab: observed for {windows['observation_days']} days, followed "
            f"for {windows['outcome_days']}, last cohort {windows['as_of']}."
            if windows["as_of"]
            else "Windows from Label Lab: those the span of the data suggests.",
            icon=":material/science:",
        )
        st.button("Forget them", on_click=state.forget_plan, icon=":material/undo:")


def show_result(result: dict[str, Any]) -> None:
    """Show the checks first, then the label, the models, and what stands beside them."""
    checks, models = result["checks"], result["models"]
    if checks["circular"]:
        st.error(text.CIRCULAR_BANNER, icon=":material/block:")
    verdict, sentence = results.canary_verdict(checks)
    if verdict == "passed":
        st.success(sentence, icon=":material/check_circle:")
    elif verdict == "failed":
        st.error(sentence, icon=":material/error:")
    else:
        st.info(widgets.escaped(sentence), icon=":material/info:")
    _show_leaks(checks["leaks"])
    if checks.get("small_sample"):
        st.warning(checks["small_sample"], icon=":material/group:")
    _show_label(result["label"])
    _show_evidence(checks)
    st.dataframe(
        results.model_rows(models),
        hide_index=True,
        height="content",
        column_config=tables.TRAINED,
        alt="Models of this training by sample",
    )
    against = results.against_outcomes(models)
    if against:
        st.warning(against, icon=":material/compare_arrows:")
    beside = results.reference_rows(result)
    if beside:
        st.dataframe(
            beside,
            hide_index=True,
            column_config=tables.REFERENCES,
            alt="The best model beside recency, frequency, money and the proxy label",
        )
    _promote(f"{models[0]['name']}:{models[0]['version']}")


def _show_evidence(checks: dict[str, Any]) -> None:
    """Offer the gauge, the sensitivity and the outcomes behind the verdict."""
    if "gauge" not in checks:  # trained before these checks were kept
        return
    with st.expander("Honesty gauge, sensitivity, recorded outcomes", icon=":material/science:"):
        lab.show_evidence(checks)


def _show_leaks(leaks: list[dict[str, Any]]) -> None:
    if not leaks:
        st.caption("No single feature, product or ratio of two gives the label away (AUC > 0.98).")
        return
    strongest = leaks[0]
    st.error(
        f"{len(leaks)} features or pairs all but hold the label; the strongest is "
        f"{widgets.escaped(' and '.join(strongest['features']))}, AUC {strongest['auc']:.3f}.",
        icon=":material/water_drop:",
    )
    rows = [
        {"Feature": " and ".join(leak["features"]), "As": leak["form"], "auc": leak["auc"]}
        for leak in leaks
    ]
    with st.expander("All leaks"):
        st.dataframe(
            rows,
            hide_index=True,
            column_config={"auc": tables.LEADERBOARD["auc"]},
            alt="Features, and products or ratios of two, that give the label away",
        )


def _show_label(label: dict[str, Any]) -> None:
    snapshots, rate, observed, outcome = st.columns(4)
    snapshots.metric("Snapshots", f"{label['snapshots']:,}")
    rate.metric("Bad rate", f"{label['bad_rate']:.1%}", help=label["definition"])
    observed.metric("Observation window", f"{label['observation_days']} days")
    days = label["outcome_days"]
    length = f"{days} days" if days else "as recorded"
    same = label["kind"] == "same_window"
    outcome.metric("Outcome window", "the same" if same else length)
    st.caption(label["definition"])


def _promote(reference: str) -> None:
    """Offer the best model for promotion, with a reason."""
    version = next((v for v in state.versions() if v.reference == reference), None)
    if version is None:
        return
    st.header("The best of these")
    st.text(widgets.describe(version))
    if version.refusal is not None:
        st.caption(widgets.escaped(version.refusal))
    elif not version.champion:
        promotion.show_changes(version)
        with st.form("promote", border=False):
            reason = st.text_input("Reason (kept in the record)", key=f"reason_{reference}")
            pressed = widgets.action(
                "Promote the best", "promote", form=True, icon=":material/military_tech:"
            )
        if pressed:
            promotion.make_champion(reference, reason)
    st.page_link("../pages/compare.py", label="Compare the models", icon=":material/leaderboard:")
