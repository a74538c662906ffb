"""Where you stand, and what to do next."""

from __future__ import annotations

import streamlit as st

from app import record, standing, state, tables, text, tour, widgets
from credit_core.oversight import events
from credit_core.oversight.monitoring import last_report
from credit_core.oversight.registry import QUESTIONS, ModelVersion, champion_of

PAGES = {
    "transactions": "Go to Transactions",
    "train": "Go to Train",
    "compare": "Go to Compare",
    "applicant": "Go to Applicant",
}


def show_steps(found: list[tuple[str, str, str, bool]]) -> None:
    """Draw the steps as cards; the first one not done carries the next action."""
    done = [step[3] for step in found]
    following = done.index(False) if False in done else len(found) - 1
    for i, (slot, (name, where, page, _)) in enumerate(zip(st.columns(4), found, strict=True)):
        with slot.container(border=True, height="stretch", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{i + 1}. {name}**")
                if done[i]:
                    st.badge("Done", icon=":material/check:", color="green")
                elif i == following:
                    st.badge("Next", icon=":material/arrow_forward:", color="blue")
                else:
                    st.badge("Later", icon=":material/schedule:", color="gray")
            st.caption(where)
            st.space("stretch")
            if i == following or done[i]:
                link = PAGES[page] if i == following else "Open"
                st.page_link(f"../pages/{page}.py", label=link, icon=":material/arrow_forward:")


def show_champion(question: str, versions: list[ModelVersion]) -> None:
    """Draw the card of a question's champion."""
    champion = champion_of(versions, question)
    with st.container(border=True, height="stretch"):
        st.markdown(f"**{text.QUESTION[question]}**")
        if champion is None:
            st.caption(text.NO_CHAMPION[question])
            return
        sample, metrics = widgets.headline(champion)
        figure, words = st.columns([1, 2])
        figure.metric(f"AUC, {sample.lower()}", f"{metrics['auc']:.3f}", help=text.AUC_MEANS)
        words.text(f"{text.FAMILY[champion.family]}, version {champion.version}")
        words.caption(
            f"{metrics['auc_low']:.3f} to {metrics['auc_high']:.3f} (95%), n "
            f"{metrics['n']:,.0f}, {metrics['bads']:,.0f} bad. "
            f"{text.CHAMPION_HEADLINE[question]} Label: {text.LABEL_NAME[champion.label]}."
        )


def show_alerts(versions: list[ModelVersion]) -> None:
    """Say what the latest monitoring report on each champion found."""
    found = {v.reference: last_report(state.settings(), v) for v in versions if v.champion}
    for reference, event in found.items():
        if event is None or event.details["level"] == "ok":
            continue
        level, alerts = event.details["level"], event.details["alerts"]
        box = st.warning if level == "watch" else st.error
        box(
            f"**{text.LEVEL[level]}: {reference}** ({event.at[:10]}, {len(alerts)} measures). "
            f"{widgets.escaped(alerts[0]['what'])}",
            icon=":material/monitoring:",
        )
    silent = [reference for reference, event in found.items() if event is None]
    if silent:
        st.caption(f"No monitoring report yet on {', '.join(silent)}: see Monitoring.")


def show_record() -> None:
    """Draw the latest events."""
    found = events.list_events(state.settings(), limit=8)
    if not found:
        st.caption("Nothing yet. Every ingest, training, promotion and decision is kept here.")
        return
    st.dataframe(
        record.rows(found, widgets.dataset_names()),
        hide_index=True,
        column_config=tables.EVENTS,
        alt="Latest events of the record",
    )


st.title("Overview")
st.caption("Explained credit scores, and how far each of them may be trusted.")
data, known = state.dataset(), state.versions()
show_steps(standing.steps(data, known))
used = state.model()
if used is not None:
    widgets.banner(used)
st.header("Champions")
for slot, question in zip(st.columns(2), QUESTIONS, strict=True):
    with slot:
        show_champion(question, known)
show_alerts(known)
tour.offer(known)
with st.expander("Why an AUC of 0.99 is bad news", icon=":material/help:"):
    st.markdown(text.WHY_NOT_099)
st.header("Latest events")
show_record()
