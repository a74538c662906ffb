"""Chosen models drawn on one sample: ranking, calibration, scores of goods and bads."""

from __future__ import annotations

import streamlit as st

from app import state, tables, text, widgets
from app.charts import models as charts
from credit_core.oversight.registry import ModelVersion
from credit_core.workflows import comparison

MOST_DRAWN = 4


def show_curves(versions: list[ModelVersion], sample: str) -> None:
    """Draw ranking, calibration and scores of the chosen models on one sample."""
    judged = {version.reference: version for version in versions if sample in version.metrics}
    if sample not in comparison.SAMPLES or not judged:
        st.caption("No curves for this sample: single predictions are kept for the others only.")
        return
    chosen = st.multiselect(
        "Drawn together",
        list(judged),
        default=list(judged)[:MOST_DRAWN],
        max_selections=MOST_DRAWN,
        format_func=lambda reference: widgets.describe(judged[reference]),
    )
    if not chosen:
        return
    rows = {name: state.evaluation(judged[name]) for name in chosen}
    if not comparison.same_sample(list(rows.values())):
        st.warning(text.DIFFERENT_WINDOWS, icon=":material/difference:")
    best = max(chosen, key=lambda name: judged[name].metrics[sample]["auc"])
    ranking, levels, shares = st.tabs(["Ranking (ROC)", "Calibration", "Scores"])
    with ranking:
        auc = widgets.interval(judged[best].metrics[sample])
        finding = f"{text.SAMPLE[sample]}: {best} ranks best, AUC {auc}"
        curves = {name: comparison.roc_curve(found, sample) for name, found in rows.items()}
        widgets.figure(charts.roc(curves, finding), finding)
    with levels:
        tenths = {name: comparison.calibration(found, sample) for name, found in rows.items()}
        finding = f"{best}: {charts.calibration_finding(tenths[best])}"
        widgets.figure(charts.calibration(tenths, finding), finding)
        with st.expander(f"Table of {best}"):
            st.dataframe(
                tenths[best], hide_index=True, column_config=tables.CALIBRATION, alt=finding
            )
    with shares:
        bundle = state.bundle(judged[best])
        cut = float(bundle.facts["policy"]["approve_from"])
        binned = comparison.score_shares(rows[best], sample, bundle)
        finding = f"{best}: {charts.score_finding(binned, cut)}"
        widgets.figure(charts.score_shares(binned, finding, cut), finding)
        with st.expander(f"Table of {best}"):
            st.dataframe(binned, hide_index=True, column_config=tables.SCORE_SHARES, alt=finding)
