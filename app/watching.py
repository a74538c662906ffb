"""A monitoring report as a page shows it: alerts, drift, decisions, outcomes, what came before."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app import state, tables, text, uploads, widgets
from app.charts import monitoring as charts
from credit_core.config import MonitoringConfig
from credit_core.data.store import Dataset
from credit_core.errors import CandorError
from credit_core.oversight.registry import ModelVersion
from credit_core.workflows.monitoring import monitor, receive_outcomes, record_report, reports

MOST_BARS = 20
_ICON = {
    "ok": ":material/check_circle:",
    "watch": ":material/visibility:",
    "investigate": ":material/search:",
    "stop promoting": ":material/block:",
}


@st.cache_data(max_entries=8, show_spinner="Comparing with the training")
def _report(
    fingerprint: str, sha256: str, stand: int, _dataset: Dataset, _version: ModelVersion
) -> dict[str, Any]:
    limits = state.config().monitoring
    return monitor(_dataset, state.settings(), limits, model=_version.reference)


def report(dataset: Dataset, version: ModelVersion, stand: int) -> dict[str, Any]:
    """Return a report; ``stand`` is the latest event's number, for what is on record counts."""
    return _report(dataset.fingerprint, version.sha256, stand, dataset, version)


def show_verdict(found: dict[str, Any]) -> None:
    """Show the level, the main figures and every alert with what to do."""
    drift = found["drift"]
    first, second, third, fourth = st.columns(4)
    first.metric("Level", text.LEVEL[found["level"]])
    second.metric(
        "PSI of the score",
        f"{drift['score']['psi']:.3f}",
        help=f"Chance alone reaches {drift['score']['critical']:.3f} at n {found['n']:,}.",
    )
    approval = drift["approval"]
    third.metric(
        "Would be approved",
        f"{approval['rate']:.1%}",
        f"{100 * (approval['rate'] - approval['then']):+.1f} percentage points",
        delta_color="off",
        help="By the policy set at training, so that a new policy is no drift; by the one in "
        f"force {approval['in_force']:.1%}. 95% {approval['low']:.1%} to {approval['high']:.1%}; "
        f"at training {approval['then']:.1%} of {approval['n_then']:,} customers it had not seen.",
    )
    fourth.metric("Set aside at intake", f"{found['quality']['share']:.1%}")
    if found["in_development"]:
        st.info(text.SAME_DATA, icon=":material/info:")
    for level in ("stop promoting", "investigate", "watch"):
        here = [alert for alert in found["alerts"] if alert["level"] == level]
        if not here:
            continue
        count = f"{len(here)} measures reach" if len(here) > 1 else "One measure reaches"
        box = st.warning if level == "watch" else st.error
        box(
            f"**{text.LEVEL[level]}.** {count} this level. {widgets.escaped(here[0]['do'])}",
            icon=_ICON[level],
        )
    if found["alerts"]:
        with st.expander("Which measures, and by how much", expanded=len(found["alerts"]) < 6):
            st.dataframe(
                [{**alert, "level": text.LEVEL[alert["level"]]} for alert in found["alerts"]],
                hide_index=True,
                column_order=list(tables.ALERTS),
                column_config=tables.ALERTS,
                alt="Alerts, the gravest first",
            )
    if not found["alerts"]:
        st.success(text.NO_ALERTS, icon=_ICON["ok"])


def show_drift(found: dict[str, Any], limits: MonitoringConfig) -> None:
    """Show the PSI of the score and of every feature."""
    table = pd.DataFrame(found["drift"]["features"])
    moved = int((table["level"] != "ok").sum())
    finding = (
        f"{moved} of {len(table)} features moved beyond a limit"
        if moved
        else f"None of {len(table)} features moved beyond a limit"
    )
    widgets.figure(charts.psi(table.head(MOST_BARS), limits.feature_psi, finding), finding)
    st.caption(text.DRIFT_MEANS)
    rows = pd.concat([pd.DataFrame([{"source": "The score", **found["drift"]["score"]}]), table])
    with st.expander("Table"):
        st.dataframe(
            rows.assign(level=rows["level"].map(text.LEVEL)),
            hide_index=True,
            column_order=list(tables.DRIFT),
            column_config=tables.DRIFT,
            alt=finding,
        )


def show_conduct(found: dict[str, Any]) -> None:
    """Show the reason mix and the overrides."""
    table = pd.DataFrame(found["drift"]["reasons"])
    table = table[(table["then"] > 0) | (table["now"] > 0)].head(10)
    if found["drift"]["unapproved"] == 0 or table.empty:
        st.caption("Nobody here would be referred or declined, so there is no reason mix.")
    else:
        largest = table.iloc[int((table["now"] - table["then"]).abs().to_numpy().argmax())]
        finding = (
            f"The mix of reasons moved most in {largest['source']}: {largest['then']:.0%} then, "
            f"{largest['now']:.0%} now"
        )
        widgets.figure(charts.reasons(table, finding), finding)
        st.caption(
            f"Share of those not approved who have each among their reasons; n "
            f"{found['drift']['unapproved']:,} here."
        )
    override = found["overrides"]
    if override["rate"] is None:
        st.caption("No decision by this model is on record yet, so there is no override rate.")
    else:
        st.text(
            f"Overrides: {override['rate']:.1%} of {override['n']:,} decisions "
            f"({override['low']:.1%} to {override['high']:.1%}, 95%)."
        )


def show_outcomes(found: dict[str, Any], dataset: Dataset, version: ModelVersion) -> None:
    """Show outcomes that arrived, or take them."""
    outcome = found["outcomes"]
    if outcome is None:
        st.info(text.NO_LATER_OUTCOMES, icon=":material/hourglass_empty:")
    else:
        _show_realised(outcome, version)
    given = st.file_uploader(
        "Outcomes that arrived (customer_id, outcome, as_of)", ["csv", "xlsx", "parquet"]
    )
    if given is not None and widgets.action("Keep these outcomes", "bring in data"):
        path = uploads.keep(given, given.name, state.settings())
        try:
            kept = receive_outcomes(path, dataset, state.settings())
        except CandorError as error:
            widgets.problem(error)
        else:
            st.session_state["just_done"] = (
                f"{kept['matched']:,} of {kept['rows']:,} outcomes are of customers of this data."
            )
            st.rerun()
        finally:
            uploads.discard(path)


def _show_realised(outcome: dict[str, Any], version: ModelVersion) -> None:
    before = outcome["development"]
    told = (
        f" At development {before['auc']:.3f} ({before['auc_low']:.3f} to {before['auc_high']:.3f},"
        f" n {before['n']:,})."
        if before
        else ""
    )
    st.markdown(
        f"**AUC against {outcome['n']:,} recorded outcomes: {outcome['auc']:.3f}** "
        f"({outcome['low']:.3f} to {outcome['high']:.3f}, 95% DeLong, {outcome['bads']:,} bad)."
        + told
    )
    if version.name != "default":
        st.warning(text.PROXY_AGAINST_OUTCOMES, icon=":material/compare_arrows:")
    st.dataframe(
        pd.DataFrame(outcome["bands"]),
        hide_index=True,
        column_config=tables.REALISED,
        alt="Observed shares by band",
    )
    if version.name == "default":
        st.caption(text.BANDS_TESTED)
    vintage = pd.DataFrame(outcome["vintages"])
    if len(vintage):
        low, high = vintage["rate"].min(), vintage["rate"].max()
        finding = f"Between {low:.1%} and {high:.1%} of a quarter's customers turned out bad"
        widgets.figure(charts.vintages(vintage, "bad", finding), finding)
        aucs = [one["auc"][0] if one["auc"] else float("nan") for one in outcome["vintages"]]
        vintage = vintage.assign(auc=aucs)
        with st.expander("Table"):
            st.dataframe(vintage, hide_index=True, column_config=tables.VINTAGES, alt=finding)


def show_history(version: ModelVersion) -> None:
    """Show what the recorded reports said over time."""
    table = reports(state.settings(), version)
    if table.empty:
        st.caption(text.NO_REPORTS)
        return
    column = st.segmented_control(
        "Figure",
        list(text.FOLLOWED),
        default="psi",
        required=True,
        format_func=text.FOLLOWED.__getitem__,
    )
    name = text.FOLLOWED[column]
    known = table[table[column].notna()]
    if known.empty:
        st.caption("No recorded report has this figure.")
    else:
        finding = f"{name}: {known[column].iloc[-1]:.3f} in the latest of {len(known)} reports"
        widgets.figure(charts.over_time(known, column, name, finding), finding)
    st.dataframe(
        table[::-1].assign(level=table["level"].map(text.LEVEL)),
        hide_index=True,
        column_config=tables.REPORTS,
        alt="Recorded monitoring reports, newest first",
    )


def put_on_record(found: dict[str, Any]) -> None:
    """Offer to record the report."""
    if widgets.action("Record this report", "report", icon=":material/edit_note:", type="primary"):
        event = record_report(state.settings(), found)
        st.session_state["just_done"] = f"Recorded as event {event.sequence:,}."
        st.rerun()
    st.caption(text.SCHEDULED)
