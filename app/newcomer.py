"""Enter a new applicant: paste or upload their transactions, answer what the model asks."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import streamlit as st

from app import state, text, uploads, widgets
from app.incoming import FILE_TYPES
from credit_core.errors import CandorError
from credit_core.features.words import readable
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.design import MISSING_LEVEL
from credit_core.workflows.newcomer import bring_in_applicant

MOST_PASTED = 500_000
TURN_KEY = "newcomer_turn"


def enter(bundle: Bundle) -> None:
    """Draw the form; a press on its button makes the applicant the page's customer."""
    with st.form("new_applicant", border=False):
        customer = st.text_input("Applicant's id", max_chars=100, placeholder="As in your books")
        pasted, given = "", None
        if bundle.reads_transactions:
            pasted = st.text_area(
                "Paste transactions, the header first",
                max_chars=MOST_PASTED,
                height=120,
                placeholder="date;amount;balance\n2024-03-01;-1200.00;1500.00",
            )
            given = st.file_uploader("or upload their statement", FILE_TYPES)
            st.caption(text.NEW_APPLICANT)
        answers, moment = _answers(bundle)
        if not widgets.action("Score this applicant", "bring in data", form=True, type="primary"):
            return
    try:
        _bring_in(bundle, customer, pasted, given, answers, moment)
    except CandorError as error:
        widgets.problem(error)
        return
    st.rerun()


def _answers(bundle: Bundle) -> tuple[dict[str, float | str | None], dt.date | None]:
    if not bundle.attributes:
        return {}, None
    answers: dict[str, float | str | None] = {}
    columns = st.columns(3)
    for i, attribute in enumerate(bundle.attributes):
        column, name = columns[i % 3], readable(attribute.name)
        if attribute.kind == "number":
            answers[attribute.name] = column.number_input(name, value=None, placeholder="not given")
        else:
            levels = [c.level for c in bundle.design.columns if c.source == attribute.name]
            answers[attribute.name] = column.selectbox(
                name,
                [level for level in levels if level and level != MISSING_LEVEL],
                index=None,
                placeholder="not given",
                accept_new_options=True,
            )
    moment = st.date_input("Date of the application", value=None)
    return answers, moment


def _bring_in(
    bundle: Bundle,
    customer: str,
    pasted: str,
    given: io.BytesIO | None,
    answers: dict[str, float | str | None],
    moment: dt.date | None,
) -> None:
    path: Path | None = None
    if given is not None:
        path = uploads.keep(given, given.name, state.settings())
    elif pasted.strip():
        path = uploads.keep(io.BytesIO(pasted.strip().encode()), "pasted.csv", state.settings())
    try:
        dataset = bring_in_applicant(state.settings(), bundle, customer, path, answers, moment)
    finally:
        if path is not None:
            uploads.discard(path)
    st.session_state[TURN_KEY] = st.session_state.get(TURN_KEY, 0) + 1
    state.choose_dataset(dataset.fingerprint)
    st.session_state["choose_customer"] = customer.strip()
