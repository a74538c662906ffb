"""Who was champion when, and the way back to the one before."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from app import state, tables, text, widgets
from credit_core.errors import CandorError
from credit_core.workflows import champions


def show(question: str) -> None:
    """Show a question's promotions, what was live on a day, and offer to roll back."""
    table = champions.promotions(state.settings(), question)
    if table.empty:
        st.caption("Nothing was promoted for this question yet.")
        return
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    day = left.date_input("What was live on", datetime.now(UTC).date(), format="YYYY-MM-DD")
    begin, end = champions.live_on(table, day)
    if begin == end:
        right.markdown(f"On {day:%Y-%m-%d} **{end or 'no model'}** was live all day (UTC).")
    else:
        right.markdown(
            f"{day:%Y-%m-%d} (UTC) began with **{begin or 'no model'}** live and ended with "
            f"**{end}**; the table has the times."
        )
    st.dataframe(
        table.assign(sample=table["sample"].map(text.SAMPLE)),
        hide_index=True,
        column_config=tables.PROMOTIONS,
        column_order=list(tables.PROMOTIONS),
        placeholder="live",
        alt="Promotions of this question, newest first",
    )
    before = champions.previous(state.settings(), question)
    if before is None:
        st.caption("No champion stands before this one, so there is nothing to roll back to.")
    elif widgets.action(f"Roll back to {before}", "promote", icon=":material/undo:"):
        _roll_back(question)


def _roll_back(question: str) -> None:
    try:
        found = champions.roll_back(state.settings(), question)
    except CandorError as error:
        widgets.problem(error)
        return
    state.choose_model(found.reference)
    st.session_state["just_done"] = f"Rolled back: {found.reference} is the champion again."
    st.rerun()
