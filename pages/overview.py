"""Where you stand, and what to do next."""

from __future__ import annotations

import streamlit as st

from app import jobs, record, state, text, widgets
from credit_core.data.store import Dataset
from credit_core.oversight import events
from credit_core.oversight.registry import QUESTIONS, ModelVersion

PAGES = {
    "transactions": "Go to Transactions",
    "train": "Go to Train",
    "compare": "Go to Compare",
    "applicant": "Go to Applicant",
}


def steps(data: Dataset | None, versions: list[ModelVersion]) -> list[tuple[str, str, str, bool]]:
    """Return the four steps: name, what it is or where it stands, its page, whether it is done."""
    honest = [version for version in versions if not version.circular]
    champions = [version for version in versions if version.champion]
    decided = bool(events.list_events(state.settings(), limit=1, kind="decided"))
    scored = any(job.state == "done" for job in jobs.list_jobs(state.settings(), "score"))
    labels = sorted({text.LABEL_NAME[version.label] for version in honest})
    return [
        (
            "Data",
            f"{data.rows:,} transactions of {data.customers:,} customers"
            if data and data.has_transactions
            else "Applications only"
            if data
            else "Bring in a transactions file, or use the simulated sample.",
            "transactions",
            data is not None,
        ),
        (
            "Label",
            f"Learnt from: {', '.join(labels)}"
            if labels
            else "Choose what counts as bad: a proxy, or recorded outcomes.",
            "train",
            bool(honest),
        ),
        (
            "Model",
            f"{len(honest)} trained, {len(champions)} in use"
            if honest
            else "Train models, compare them, promote one.",
            "compare" if honest else "train",
            bool(champions),
        ),
        (
            "Decisions",
            "Scores have been used." if decided or scored else "Score applicants, give reasons.",
            "applicant",
            decided or scored,
        ),
    ]


def show_steps(found: list[tuple[str, str, str, bool]]) -> None:
    """Draw the steps as cards; the first one not done carries the next action."""
    done = [step[3] for step in found]
    following = done.index(False) if False in done else len(found) - 1
    for i, (slot, (name, standing, page, _)) in enumerate(zip(st.columns(4), found, strict=True)):
        with slot.container(border=True, height="stretch"):
            if done[i]:
                st.badge("Done", icon=":material/check:", color="green")
            elif i == following:
                st.badge("Next", icon=":material/arrow_forward:", color="blue")
            else:
                st.badge("Later", icon=":material/schedule:", color="gray")
            st.markdown(f"**{i + 1}. {name}**")
            st.text(standing)
            st.space("stretch")
            if i == following or done[i]:
                link = PAGES[page] if i == following else "Open"
                st.page_link(f"../pages/{page}.py", label=link, icon=":material/arrow_forward:")


def show_champion(question: str, versions: list[ModelVersion]) -> None:
    """Draw the card of a question's champion."""
    champion = next((v for v in versions if v.name == question and v.champion), None)
    with st.container(border=True):
        st.markdown(f"**{text.QUESTION[question]}**")
        if champion is None:
            st.caption("No champion yet.")
            return
        sample, metrics = widgets.headline(champion)
        st.metric(
            f"AUC, {sample.lower()}",
            f"{metrics['auc']:.3f}",
            help="0.5 is chance, 1 is perfect. The interval is 95 %, by DeLong.",
        )
        st.caption(
            f"{metrics['auc_low']:.3f} to {metrics['auc_high']:.3f}, n {metrics['n']:,.0f}, "
            f"{metrics['bads']:,.0f} bad"
        )
        st.text(f"{text.FAMILY[champion.family]}, version {champion.version}")
        st.caption(f"{text.CHAMPION_HEADLINE[question]} Label: {text.LABEL_NAME[champion.label]}.")


def show_record() -> None:
    """Draw the latest events."""
    found = events.list_events(state.settings(), limit=8)
    if not found:
        st.caption("Nothing yet. Every ingest, training, promotion and decision is kept here.")
        return
    st.dataframe(
        record.rows(found),
        hide_index=True,
        column_config={"When (UTC)": st.column_config.TextColumn(width=120)},
        alt="Latest events of the record",
    )


st.title("Overview")
st.caption("Explained credit scores, and how far each of them may be trusted.")
data, known = state.dataset(), state.versions()
show_steps(steps(data, known))
used = state.model()
if used is not None:
    widgets.banner(used)
left, right = st.columns([2, 3])
with left:
    st.subheader("Champions")
    for slot, question in zip(st.columns(2), QUESTIONS, strict=True):
        with slot:
            show_champion(question, known)
with right:
    st.subheader("Latest events")
    show_record()
with st.expander("Why an AUC of 0.99 is bad news", icon=":material/help:"):
    st.markdown(text.WHY_NOT_099)
