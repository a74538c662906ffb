"""Applicant: one score, its reasons, its history, and a person's decision on it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app import state, tables, text, widgets
from app.charts import scores as charts
from credit_core import workflows
from credit_core.data.store import Dataset
from credit_core.decisions.policy import BANDS
from credit_core.decisions.scoring import ScoredSnapshots
from credit_core.errors import CandorError
from credit_core.workflows import Explanation
from credit_core.workflows.history import monthly_history

MOST_LISTED = 1000


def choose_customer(scored: ScoredSnapshots) -> str:
    """Return the customer the page is about; '' while none is chosen."""
    field, other = st.columns([2, 3], vertical_alignment="bottom")
    chosen = field.text_input(
        "Customer id",
        key=state.CUSTOMER_KEY,
        bind="query-params",
        icon=":material/search:",
        placeholder="The exact id",
    ).strip()
    if chosen:
        with other.popover("Choose from the list", icon=":material/list:"):
            list_customers(scored)
    else:
        other.caption("Type an id, or select a row below.")
        list_customers(scored)
    return chosen


def list_customers(scored: ScoredSnapshots) -> None:
    """Show customers by band and decision; selecting a row opens that customer."""
    left, right = st.columns(2)
    bands = left.pills("Band (A = safest)", BANDS[::-1], selection_mode="multi", key="list_bands")
    decisions = right.pills(
        "Recommended decision",
        list(text.DECISION),
        selection_mode="multi",
        key="list_decisions",
        format_func=text.DECISION.__getitem__,
    )
    table = scored.summary
    table = table[
        table["band"].isin(bands or BANDS) & table["decision"].isin(decisions or text.DECISION)
    ]
    shown = table.head(MOST_LISTED)
    st.dataframe(
        shown,
        key="customer_list",
        on_select=lambda: open_row(shown),
        selection_mode="single-row",
        hide_index=True,
        height=380,
        column_config=tables.scores(scored.bundle.question),
        alt="Customers with score, risk, band and recommended decision",
    )
    st.caption(f"{len(shown):,} of {len(table):,} customers.")


def open_row(shown: pd.DataFrame) -> None:
    """Make the selected row's customer the page's."""
    rows = st.session_state["customer_list"].selection.rows
    if rows:
        st.session_state[state.CUSTOMER_KEY] = str(shown["customer_id"].iloc[rows[0]])


def explain(scored: ScoredSnapshots, customer: str) -> Explanation:
    """Return the explanation of the customer's snapshot, the chosen one where there are several."""
    rows = scored.rows_of(customer)
    if not rows:
        st.warning(
            "No customer has this id; case and leading zeros count.", icon=":material/search_off:"
        )
        st.stop()
    row = rows[-1]
    if len(rows) > 1:
        dates = scored.snapshots["as_of"]
        row = st.selectbox(
            "Application of", rows[::-1], format_func=lambda i: f"{dates.iloc[i]:%d %B %Y}"
        )
    return workflows.explanation(scored, row, state.require_model())


def show_score(found: Explanation, scored: ScoredSnapshots) -> None:
    """Show the score, the recommendation and its reasons: what must be seen first."""
    policy = scored.policy
    band = next(band for band in policy.bands if band.name == found.band)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        widgets.figure(
            charts.score_scale(
                found.score, policy.approve_from, policy.decline_below, widgets.ink()
            ),
            f"Score {found.score:.0f} on a scale from 300 to 850, higher = safer",
        )
        first, second, third = st.columns(3)
        first.metric("Recommendation", text.DECISION_SHORT[found.decision])
        second.metric(text.QUESTION[found.version.name], f"{found.risk:.1%}")
        third.metric("Band (A = safest)", found.band)
        rate = "" if band.bad_rate is None else f", {band.bad_rate:.1%} of its band bad"
        st.caption(
            f"Approve from {policy.approve_from:.1f}, decline below {policy.decline_below:.1f}. "
            f"In development{rate} (n {band.n:,})."
        )
    with right:
        st.markdown("**What held the score down**")
        st.caption("Points lost against the average approved customer.")
        for reason in found.reasons:
            st.text(f"{reason.sentence} ({reason.points:+.0f} points)")
        if not found.reasons:
            st.text("Nothing: every factor is as good as the average approved customer's.")


def show_factors(found: Explanation) -> None:
    """Show base + contributions = score, as figure and table."""
    gap = round(found.score, 1) - round(found.base, 1)
    sign = "+" if gap >= 0 else "-"
    st.caption(
        f"Average development customer {found.base:.1f} {sign} {abs(gap):.1f} from "
        f"{len(found.contributions)} factors = score {found.score:.1f}; the sum is exact."
    )
    chart, table = st.tabs(["Chart", "All factors"])
    with chart:
        widgets.figure(charts.waterfall(found), charts.waterfall_finding(found))
    table.dataframe(
        pd.DataFrame([vars(part) for part in found.contributions]),
        hide_index=True,
        column_order=["description", "value", "points", "source"],
        column_config=tables.CONTRIBUTIONS,
        alt="Every factor of the score with its value and points",
    )


def show_history(found: Explanation, dataset: Dataset) -> None:
    """Show the customer's months, with the days the score could see."""
    if not dataset.has_transactions:
        st.caption("This data has applications only: there is no history of transactions.")
        return
    months = monthly_history(dataset, state.settings(), found.customer_id)
    if months.empty:
        st.info("This customer has no transaction in the data.", icon=":material/info:")
        return
    chart, table = st.tabs(["Chart", "Months"])
    with chart:
        made = charts.history(months, found.as_of, found.bundle.observation_days)
        widgets.figure(made, charts.history_finding(months))
    table.dataframe(
        months, hide_index=True, column_config=tables.MONTHS, alt="Money in and out a month"
    )


def decide(found: Explanation) -> None:
    """Record a person's decision: the recommended one, or another with its reason."""
    decision = st.segmented_control(
        "Decision",
        list(text.DECISION),
        default=found.decision,
        required=True,
        format_func=text.DECISION.__getitem__,
        key=f"decision {found.customer_id} {found.as_of} {found.version.reference}",
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
            )
            or ""
        )
    note = st.text_area("Note", max_chars=2000, height=80, placeholder="Kept with the decision")
    done = st.session_state.setdefault("decided", {})
    asked = (found.customer_id, found.as_of, found.version.reference, decision, code, note)
    if st.button("Record the decision", type="primary", disabled=asked in done):
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
        st.success(f"Recorded as event {done[asked]:,}.", icon=":material/task_alt:")


st.title("Applicant")
st.caption("One score, why it is what it is, and a person's decision on it.")
dataset, version = state.require_dataset(), state.require_model()
scored = widgets.scored_or_stop(dataset, version)
customer = choose_customer(scored)
if customer:
    found = explain(scored, customer)
    with st.container(border=True):
        show_score(found, scored)
    if found.thin_file:
        limit = scored.policy.thin_file_transactions
        st.warning(text.THIN_FILE.format(limit=limit), icon=":material/history_toggle_off:")
    widgets.banner(version)
    st.subheader("From the average to this score")
    show_factors(found)
    st.subheader("History")
    show_history(found, dataset)
    st.subheader("Record a decision")
    decide(found)
