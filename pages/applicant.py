"""Applicant: one score, its reasons, its history, and a person's decision on it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app import decision, explained, newcomer, precedents, state, tables, text, whatif, widgets
from credit_core import workflows
from credit_core.decisions.policy import BANDS
from credit_core.decisions.scoring import ScoredSnapshots
from credit_core.oversight.registry import ModelVersion
from credit_core.workflows import Explanation

MOST_LISTED = 1000


def choose_customer(scored: ScoredSnapshots, version: ModelVersion) -> str:
    """Return the customer the page is about; '' while none is chosen, and everyone is listed."""
    entered = st.session_state.pop("choose_customer", None)
    if entered:
        st.session_state[state.CUSTOMER_KEY] = entered
    field, other, new = st.columns([4, 4, 2], vertical_alignment="bottom")
    # Another key is another popover: the one that was used closes.
    turn = st.session_state.get(newcomer.TURN_KEY, 0)
    with new.popover(
        "New applicant", icon=":material/person_add:", width="stretch", key=f"newcomer {turn}"
    ):
        newcomer.enter(scored.bundle)
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
        widgets.banner(version)
        list_customers(scored)
    return chosen


def list_customers(scored: ScoredSnapshots) -> None:
    """Show customers by band and decision; selecting a row opens that customer."""
    left, right = st.columns(2)
    bands = left.pills("Band (A = safest)", BANDS[::-1], selection_mode="multi", key="list_bands")
    decisions = right.pills(
        "Recommended decision",
        list(text.DECISION_SHORT),
        selection_mode="multi",
        key="list_decisions",
        format_func=text.DECISION_SHORT.__getitem__,
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
        st.warning(text.NO_SUCH_CUSTOMER, icon=":material/search_off:")
        st.stop()
    row = rows[-1]
    if len(rows) > 1:
        dates = scored.snapshots["as_of"]
        row = st.selectbox(
            "Application of", rows[::-1], format_func=lambda i: f"{dates.iloc[i]:%d %B %Y}"
        )
    return workflows.explanation(scored, row, state.require_model())


st.title("Applicant")
st.caption("One score, why it is what it is, and a person's decision on it.")
dataset, version = state.require_dataset(), state.require_model()
scored = widgets.scored_or_stop(dataset, version)
customer = choose_customer(scored, version)
if customer:
    found = explain(scored, customer)
    with st.container(border=True):
        explained.show_score(found, scored)
    widgets.warnings(found.warnings)
    widgets.banner(version)
    st.header("From the average to this score")
    explained.show_factors(found)
    st.header("History")
    explained.show_history(found, dataset)
    st.header("Similar past customers")
    precedents.show(found, dataset)
    st.header("What if")
    whatif.what_if(found, dataset)
    st.header("Record a decision")
    decision.decide(found)
