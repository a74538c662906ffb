"""A person's decision on a score: the recommended one, or another with its reason."""

from __future__ import annotations

import re

import streamlit as st

from app import record, state, tables, text, widgets
from credit_core import workflows
from credit_core.errors import CandorError
from credit_core.workflows import Explanation
from credit_core.workflows.decisions import CONFIRMED, FINAL, list_decisions
from credit_core.workflows.notice import notice


@st.fragment
def decide(found: Explanation) -> None:
    """Record a person's decision: the recommended one, or another with its reason."""
    key = f"{found.customer_id} {found.as_of} {found.version.reference}"
    decision = st.segmented_control(
        "Decision",
        list(text.DECISION),
        default=found.decision,
        required=True,
        format_func=text.DECISION.__getitem__,
        key=f"decision {key}",
    )
    code = ""
    if decision != found.decision:
        st.caption(f"This overrides the recommendation ({text.DECISION[found.decision]}).")
        code = (
            st.selectbox(
                "Reason for the override",
                list(text.OVERRIDE_REASONS),
                index=None,
                format_func=text.OVERRIDE_REASONS.__getitem__,
                placeholder="Choose one; it is kept in the record",
                key=f"override {key}",
            )
            or ""
        )
    note = st.text_area(
        "Note", max_chars=2000, height=80, placeholder="Kept with the decision", key=f"note {key}"
    )
    done = st.session_state.setdefault("decided", {})
    asked = (found.customer_id, found.as_of, found.version.reference, decision, code, note)
    if widgets.action("Record the decision", "decide", type="primary", disabled=asked in done):
        if code == "other" and not note.strip():
            st.error("Say why in the note: the reason is 'other'.", icon=":material/error:")
            return
        try:
            event = workflows.decide(
                found, decision, state.settings(), reason_code=code, note=note.strip()
            )
        except CandorError as error:
            widgets.problem(error)
            return
        done[asked] = event.sequence
        st.rerun()
    if asked in done:
        if found.policy.needs_second(decision != found.decision):
            st.info(
                f"Recorded as event {done[asked]:,}. It waits for a second person, who confirms "
                "it under Governance; the letter can be had then.",
                icon=":material/hourglass_top:",
            )
        else:
            st.success(f"Recorded as event {done[asked]:,}.", icon=":material/task_alt:")
            _letter(found, decision, code)
    _earlier(found, letter=asked not in done)


def _earlier(found: Explanation, letter: bool) -> None:
    """List what was decided on this customer before, with the letter of the last decision."""
    table = list_decisions(state.settings(), found.customer_id)
    if table.empty:
        return
    with st.expander(f"Decisions on record: {len(table)}"):
        st.dataframe(
            record.decided(table),
            hide_index=True,
            column_order=[name for name in tables.DECISIONS if name != "customer"],
            column_config=tables.DECISIONS,
            alt="Decisions on this customer, newest first",
        )
        last = table.iloc[0]
        same = last["model"] == found.version.reference and last["score"] == found.score
        if letter and same and last["status"] in (FINAL, CONFIRMED):
            _letter(found, str(last["decision"]), str(last["reason_code"]))


def _letter(found: Explanation, decision: str, reason_code: str) -> None:
    """Offer the letter to the applicant, as PDF and as a web page."""
    letter = notice(found, decision, state.settings(), reason_code)
    name = f"letter-{re.sub(r'[^A-Za-z0-9_-]+', '-', found.customer_id)[:60]}"
    with st.container(horizontal=True):
        st.download_button(
            "Letter (PDF)",
            letter.pdf(),
            f"{name}.pdf",
            "application/pdf",
            icon=":material/mail:",
            on_click="ignore",
        )
        st.download_button(
            "Letter (HTML)", letter.html(), f"{name}.html", "text/html", on_click="ignore"
        )
    st.caption(
        "One page for the applicant: the decision and what it rests on, the data used and how to "
        "object. Nothing was sent."
    )
