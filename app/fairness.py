"""A fairness report as a page shows it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app import state, tables, text, widgets
from app.charts import fairness as charts
from credit_core.data.store import Dataset
from credit_core.errors import CandorError
from credit_core.oversight.registry import ModelVersion
from credit_core.workflows.fairness import fairness_report, record_fairness


@st.cache_data(max_entries=6, show_spinner="Comparing the groups")
def _report(
    fingerprint: str, sha256: str, policies: int, _dataset: Dataset, _version: ModelVersion
) -> dict[str, Any]:
    return fairness_report(
        _dataset, state.settings(), state.config().fairness, model=_version.reference
    )


def show(dataset: Dataset, version: ModelVersion) -> None:
    """Show every declared attribute: rates, what predicts it, and the alternatives."""
    st.caption(text.FAIRNESS_PROVES)
    try:
        found = _report(dataset.fingerprint, version.sha256, state.policies(), dataset, version)
    except CandorError as error:
        st.info(widgets.escaped(str(error)), icon=":material/info:")
        return
    if found["in_development"]:
        st.caption(text.FAIRNESS_IN_DEVELOPMENT)
    names = [one["attribute"] for one in found["attributes"]]
    chosen = names[0]
    if len(names) > 1:
        chosen = st.segmented_control("Attribute", names, default=names[0], required=True)
    one = next(one for one in found["attributes"] if one["attribute"] == chosen)
    _show_groups(one, found)
    left, right = st.columns(2)
    with left:
        _show_proxies(one)
    with right:
        _show_alternatives(one, version)
    if widgets.action(
        "Record this report", "report", key="record_fairness", icon=":material/edit_note:"
    ):
        event = record_fairness(state.settings(), found)
        st.success(f"Recorded as event {event.sequence:,}; the dossier prints it.")


def _show_groups(one: dict[str, Any], found: dict[str, Any]) -> None:
    small = ", ".join(f"{name} (n {n:,})" for name, n in one["too_small"].items())
    if small:
        st.caption(f"Too few to show, below {found['minimum_group']:,}: {widgets.escaped(small)}.")
    if not one["groups"]:
        return
    table = pd.DataFrame(one["groups"])
    rest = table[table["group"] != one["reference"]]
    finding = f"Reference: {one['reference']}"
    if len(rest):
        worst = rest.iloc[int(rest["air"].fillna(0.0).to_numpy().argmin())]
        finding = (
            f"{worst['group']} are approved {worst['air']:.2f} times as often as {one['reference']}"
        )
    widgets.figure(charts.approval(table, one["reference"], finding), finding)
    st.dataframe(
        table,
        hide_index=True,
        column_config=tables.FAIRNESS,
        column_order=list(tables.FAIRNESS),
        placeholder="-",
        alt="Approval, ratio, scores and error rates by group",
    )
    gaps = [
        f"{words} {100 * one[name]:.1f} percentage points"
        for name, words in (("tpr_gap", "of the good"), ("fpr_gap", "of the bad"))
        if one.get(name) is not None
    ]
    if gaps:
        st.caption(f"Largest gap between groups in the share approved: {', '.join(gaps)}.")


def _show_proxies(one: dict[str, Any]) -> None:
    st.markdown("**Can the inputs tell the group?**")
    known = {name: facts for name, facts in one["proxies"].items() if facts}
    if not known:
        st.caption("Too few to say.")
        return
    for name, facts in known.items():
        st.text(
            f"{name}: AUC {facts['auc']:.3f} ({facts['low']:.3f} to {facts['high']:.3f}, n "
            f"{facts['n']:,}); 0.5 or less = not at all"
        )
        st.dataframe(
            facts["strongest"],
            hide_index=True,
            height=220,
            column_config=tables.PROXY_FEATURES,
            alt=f"Inputs that tell {name} best",
        )


def _show_alternatives(one: dict[str, Any], version: ModelVersion) -> None:
    st.markdown("**Is there a less uneven alternative?**")
    table = pd.DataFrame(one["alternatives"])
    if table.empty:
        st.caption("No trained model and cut-off to compare.")
        return
    best = table[table["frontier"]]
    finding = f"{len(best)} of {len(table)} models and cut-offs are beaten by no other"
    widgets.figure(charts.frontier(table, version.reference, finding), finding)
    with st.expander("Table"):
        st.dataframe(best, hide_index=True, column_config=tables.ALTERNATIVES, alt="The frontier")
    st.caption(text.FRONTIER_MEANS)
