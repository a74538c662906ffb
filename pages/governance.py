"""Governance: every model, what was live when, every decision, and whether the record is whole."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import streamlit as st

from app import fairness, record, state, tables, text, widgets
from credit_core import workflows
from credit_core.errors import CandorError
from credit_core.oversight import events
from credit_core.oversight.registry import QUESTIONS, ModelVersion
from credit_core.workflows.champions import live_on, promotions
from credit_core.workflows.decisions import WAITING, list_decisions, override_outcomes
from credit_core.workflows.report import gather, make
from credit_core.workflows.report import record as record_report

MOST_EVENTS = 500


def show_inventory(versions: list[ModelVersion]) -> None:
    """List every version with what it answers, its status and how it fared."""
    if not versions:
        st.info(text.NO_MODELS, icon=":material/model_training:")
        return
    governance = state.config().governance
    st.dataframe(
        pd.DataFrame([record.inventory_row(version, governance) for version in versions]),
        hide_index=True,
        column_order=list(tables.INVENTORY),
        column_config=tables.INVENTORY,
        alt="Every registered model version",
    )
    st.caption("AUC is out of time where there is such a sample, else cross-validated; 95% DeLong.")
    if None in (governance.owner, governance.purpose, governance.tier):
        st.caption(text.OWNERSHIP)


def show_reports(versions: list[ModelVersion]) -> None:
    """Offer a model's dossier, card and evidence pack; they are made when asked for."""
    if not versions:
        st.info(text.NO_MODELS, icon=":material/model_training:")
        return
    known = {version.reference: version for version in widgets.champions_first(versions)}
    chosen = st.selectbox(
        "Model",
        list(known),
        format_func=lambda reference: widgets.describe(known[reference]),
        key="report_model",
    )
    st.caption(text.DOSSIER_MEANS)
    kind = st.segmented_control(
        "What", list(text.REPORT), default=".pdf", required=True, format_func=text.REPORT.get
    )
    if st.button("Make it", type="primary", icon=":material/description:"):
        with st.spinner("Gathering what is on record"):
            facts = gather(state.settings(), chosen, state.config().governance)
            data = make(facts, kind)
            made = record_report(state.settings(), facts, kind, data)
        st.success(f"Made and recorded as event {made.sequence:,}.", icon=":material/task_alt:")
        stem = f"{chosen.replace(':', '-')}-{made.details['report_sha256'][:12]}"
        st.download_button(
            f"Download {text.REPORT[kind]}",
            data,
            f"{text.REPORT_FILE[kind]}-{stem}{kind}",
            icon=":material/download:",
            on_click="ignore",
        )


def show_live() -> None:
    """Answer what scored on a day."""
    day = st.date_input("Day (UTC)", value=dt.datetime.now(dt.UTC).date())
    for question in QUESTIONS:
        table = promotions(state.settings(), question)
        begin, end = live_on(table, day)
        name = text.QUESTION[question]
        if begin == end:
            st.markdown(f"**{name}:** {end or 'no champion'}")
        else:
            st.markdown(f"**{name}:** {begin or 'no champion'}, from some moment of that day {end}")
        if len(table):
            st.dataframe(
                table.assign(sample=table["sample"].map(text.SAMPLE)),
                hide_index=True,
                column_config=tables.PROMOTIONS,
                column_order=list(tables.PROMOTIONS),
                alt=f"Promotions of {name}",
            )


def show_decisions() -> None:
    """Search the decisions, replay one, and count the overrides."""
    left, right = st.columns(2)
    customer = left.text_input("Customer id", placeholder="The exact id; empty = all").strip()
    overrides = right.toggle("Overrides only")
    table = list_decisions(state.settings(), customer or None)
    if overrides:
        table = table[table["override"]]
    if table.empty:
        st.caption("No such decision on record.")
        return
    st.dataframe(
        record.decided(table),
        hide_index=True,
        column_config=tables.DECISIONS,
        alt="Decisions, newest first",
    )
    st.caption(
        "Customers stand under a keyed hash. Notes and inputs are kept beside the record, not in "
        "it, so that they can be erased."
    )
    second_look(table[table["status"] == WAITING])
    chosen = st.selectbox("Replay a decision", table["event"], format_func="Event {}".format)
    if st.button("Replay", icon=":material/replay:"):
        try:
            found = workflows.replay(state.settings(), int(chosen))
        except CandorError as error:
            widgets.problem(error)
            return
        said = (
            f"then {found.score_then:.4f} ({found.recommended_then}), now {found.score_now:.4f} "
            f"({found.recommended_now}), by {found.model}."
        )
        if found.identical:
            st.success(f"Identical to the last bit: {said}", icon=":material/task_alt:")
        else:
            st.error(f"Not identical: {said}", icon=":material/error:")
    st.markdown("**How often officers departed from the recommendation**")
    st.dataframe(
        record.departures(workflows.override_rates(state.settings())),
        hide_index=True,
        column_config=tables.OVERRIDES,
        alt="Overrides by officer and by reason",
    )

    found = state.dataset()
    outcomes = override_outcomes(state.settings(), found) if found else pd.DataFrame()
    if outcomes.empty:
        st.caption("The chosen data know no outcome of an overridden case.")
    else:
        st.markdown("**How overridden cases turned out**")
        st.dataframe(
            record.decided(outcomes),
            hide_index=True,
            column_config=tables.OVERRIDE_OUTCOMES,
            alt="Outcomes of overridden cases",
        )


def second_look(waiting: pd.DataFrame) -> None:
    """Let a second person confirm or reject a decision that waits for one."""
    if waiting.empty:
        return
    with st.container(border=True):
        st.markdown(
            f"**{len(waiting)} waiting for a second person** (you act as "
            f"{widgets.escaped(state.settings().actor)})"
        )
        chosen = st.selectbox("Decision", waiting["event"], format_func="Event {}".format)
        note = st.text_input("Note", max_chars=500, key="second_note")
        left, right = st.columns(2)
        with left:
            agrees = widgets.action("Confirm", "decide", type="primary", width="stretch")
        with right:
            rejects = widgets.action("Reject", "decide", width="stretch")
        if agrees or rejects:
            try:
                workflows.confirm(state.settings(), int(chosen), agrees, note)
            except CandorError as error:
                widgets.problem(error)
            else:
                st.rerun()


def show_record() -> None:
    """Show the record and check that nothing in it was changed."""
    if st.button("Verify the record", type="primary", icon=":material/verified:"):
        broken = events.verify(state.settings())
        if broken is None:
            count = events.count(state.settings())
            st.success(
                f"Whole: {count:,} events, each carrying the hash of the one before.",
                icon=":material/task_alt:",
            )
        else:
            st.error(widgets.escaped(broken), icon=":material/error:")
    found = events.list_events(state.settings(), limit=MOST_EVENTS)
    kinds = sorted({event.kind for event in found})
    kind = st.pills("Kind", kinds, key="event_kind")
    shown = [event for event in found if kind in (None, event.kind)]
    st.dataframe(
        record.rows(shown, widgets.dataset_names()),
        hide_index=True,
        column_config=tables.EVENTS,
        alt="Events, newest first",
    )
    st.caption(f"The latest {len(shown):,} events.")


st.title("Governance")
st.caption(
    "What is on record: models, promotions, decisions. It shows evidence; it certifies none."
)
used = state.model()
if used is not None:
    widgets.banner(used)
inventory, reports, groups, live, decisions, chain = st.tabs(
    ["Models", "Dossier and evidence", "Fairness", "Live on a day", "Decisions", "Record"]
)
with inventory:
    show_inventory(state.versions())
with reports:
    show_reports(state.versions())
with groups:
    if used is None or state.dataset() is None:
        st.info(text.NO_MODELS, icon=":material/model_training:")
    else:
        fairness.show(state.require_dataset(), used)
with live:
    show_live()
with decisions:
    show_decisions()
with chain:
    show_record()
