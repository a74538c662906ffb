"""What if: scenarios, edited transactions or attributes, and the ways to approval."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app import state, tables, text, widgets
from credit_core.data.store import Dataset
from credit_core.decisions import scenarios
from credit_core.errors import CandorError
from credit_core.features.words import readable
from credit_core.labels.observed import load_applications
from credit_core.workflows import Explanation, whatif

_WAYS = {
    "scenario": "A scenario",
    "transactions": "Edit transactions",
    "application": "Edit the application",
    "paths": "Ways to approval",
}


@st.fragment
def what_if(found: Explanation, dataset: Dataset) -> None:
    """Let a person change what the customer did, and show the score that would follow.

    A fragment: what is moved here draws nothing else of the page anew.
    """
    reads = found.bundle.reads_transactions and dataset.has_transactions
    ways = [way for way in _WAYS if reads or way == "application"]
    if not found.bundle.attributes:
        ways.remove("application")
    way = st.segmented_control(
        "What if",
        ways,
        default=ways[0],
        required=True,
        format_func=_WAYS.__getitem__,
        label_visibility="collapsed",
        key="what_if",
    )
    history = _history(found, dataset) if reads else None
    if reads and (history is None or history.empty):
        st.info("There is no transaction before the score's date to start from.")
        return
    attributes = _attributes(found, dataset)
    try:
        if way == "scenario":
            _scenario(found, history, attributes)
        elif way == "transactions":
            _transactions(found, history, attributes)
        elif way == "application":
            _application(found, history, attributes)
        else:
            _paths(found, history, attributes)
    except CandorError as error:
        widgets.problem(error)


def _history(found: Explanation, dataset: Dataset) -> pd.DataFrame:
    frame = _all_transactions(dataset.fingerprint, found.customer_id, dataset)
    return frame if found.as_of is None else frame[frame["timestamp"] < found.as_of]


@st.cache_data(max_entries=32, show_spinner=False)
def _all_transactions(fingerprint: str, customer_id: str, _dataset: Dataset) -> pd.DataFrame:
    return whatif.transactions_of(_dataset, state.settings(), customer_id)


def _attributes(found: Explanation, dataset: Dataset) -> dict[str, Any]:
    if not found.bundle.attributes:
        return {}
    return whatif.attributes_of(found, load_applications(dataset))


def _scenario(found: Explanation, history: Any, attributes: dict[str, Any]) -> None:
    left, right = st.columns([1, 2], gap="large")
    chosen: dict[str, float] = {}
    with left:
        months = st.slider("Months ahead", 1, 6, scenarios.HORIZON_MONTHS)
        for one in scenarios.possible(history):
            if one.low == one.high:
                if st.toggle(text.SCENARIO[one.name], key=f"scenario {one.name}"):
                    chosen[one.name] = one.levels[0]
            else:
                level = st.slider(
                    text.SCENARIO[one.name], 0, int(one.high), 0, key=f"scenario {one.name}"
                )
                if level:
                    chosen[one.name] = level
    with right:
        st.caption(text.AHEAD.format(months=months))
        _show(whatif.imagine(found, state.settings(), history, chosen, months, attributes))


def _transactions(found: Explanation, history: Any, attributes: dict[str, Any]) -> None:
    shown = [name for name in tables.EDITED if name in history.columns]
    st.caption(text.EDIT_TRANSACTIONS)
    edited = st.data_editor(
        history[shown].iloc[::-1].reset_index(drop=True),
        num_rows="dynamic",
        height=300,
        column_config=tables.EDITED,
        key=f"edit {found.customer_id} {found.as_of}",
    )
    whole = edited.dropna(subset=["timestamp", "amount"])
    left_out = len(edited) - len(whole)
    if left_out:
        st.caption(f"{left_out} rows lack a date or an amount and do not count.")
    _show(
        whatif.rescore(
            found,
            state.settings(),
            whole.assign(customer_id=found.customer_id),
            attributes=attributes,
        )
    )


def _application(found: Explanation, history: Any, attributes: dict[str, Any]) -> None:
    changed = dict(attributes)
    columns = st.columns(3)
    for i, attribute in enumerate(found.bundle.attributes):
        value = attributes[attribute.name]
        column = columns[i % 3]
        key = f"attribute {attribute.name} {found.customer_id}"
        name = readable(attribute.name)
        if attribute.kind == "number":
            given = None if pd.isna(value) else float(value)
            changed[attribute.name] = column.number_input(name, value=given, key=key)
        else:
            levels = [
                one.level
                for one in found.bundle.design.columns
                if one.source == attribute.name and one.level is not None
            ]
            options = [*levels, *([] if value in levels else [value])]
            changed[attribute.name] = column.selectbox(
                name, options, index=options.index(value), key=key
            )
    _show(whatif.rescore(found, state.settings(), history, attributes=changed))


def _paths(found: Explanation, history: Any, attributes: dict[str, Any]) -> None:
    if found.decision == "approve":
        st.info("The recommendation is to approve already.", icon=":material/check_circle:")
        return
    months = st.slider("Months given", 1, 6, scenarios.HORIZON_MONTHS, key="path_months")
    if not st.button("Look for ways", icon=":material/route:"):
        st.caption(text.PATHS_MEAN)
        return
    with st.spinner("Living the months through"):
        found_paths = whatif.paths_to_approval(found, state.settings(), history, months, attributes)
    if not found_paths:
        st.warning(text.NO_PATH.format(months=months), icon=":material/block:")
        return
    for path in found_paths:
        said = "; ".join(path.sentences) or f"Going on as before for {months} months is enough"
        st.success(f"{said}. Score then {path.score:.0f}: approve.", icon=":material/route:")
    st.caption(text.PATHS_MEAN)


def _show(result: whatif.WhatIf) -> None:
    before, after = result.before, result.after
    first, second, third = st.columns(3)
    first.metric("Score now", f"{before.score:.1f}")
    second.metric("Score then", f"{after.score:.1f}", f"{after.score - before.score:+.1f} points")
    third.metric("Recommendation then", text.DECISION_SHORT[after.decision])
    if result.as_before not in (None, after.score):
        alone = result.as_before - before.score
        st.caption(f"Going on as before: {result.as_before:.1f} ({alone:+.1f} points).")
    if after.thin_file:
        st.caption(f"{after.too_few}.")
    if result.outside:
        named = ", ".join(readable(source).lower() for source in result.outside[:4])
        st.caption(f"Beyond anything seen in development, so rely on it less: {named}.")
    if not result.changes:
        st.caption("No factor changes.")
        return
    st.dataframe(
        pd.DataFrame([{**vars(change), "points": change.points} for change in result.changes]),
        hide_index=True,
        height=min(300, 38 + 35 * len(result.changes)),
        column_order=list(tables.CHANGES),
        column_config=tables.CHANGES,
        alt="Factors that change, with their points before and after",
    )
