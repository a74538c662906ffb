"""Chosen models drawn on one sample: ranking, precision, KS, calibration, lift, scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from app import state, tables, text, widgets
from app.charts import models as charts
from app.charts import overlays
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.grades import multiple_testing
from credit_core.oversight.registry import ModelVersion
from credit_core.workflows import comparison

Rows = dict[str, pd.DataFrame]
"""Evaluation rows by a model's name, its reference and family."""
MOST_DRAWN = 4
TABS = ("Ranking (ROC)", "Precision", "KS", "Calibration", "Lift", "Scores")


@st.fragment
def show_curves(versions: list[ModelVersion], sample: str) -> None:
    """Draw the chosen models on one sample, a tab a view, a table beside each."""
    judged = {
        f"{version.reference} {text.FAMILY[version.family]}": version
        for version in versions
        if sample in version.metrics
    }
    if sample not in comparison.SAMPLES or not judged:
        st.caption("No curves for this sample: single predictions are kept for the others only.")
        return
    chosen = st.multiselect(
        "Drawn together",
        list(judged),
        default=list(judged)[:MOST_DRAWN],
        max_selections=MOST_DRAWN,
        format_func=lambda name: widgets.describe(judged[name]),
    )
    if not chosen:
        return
    rows = {name: state.evaluation(judged[name]) for name in chosen}
    if not comparison.same_sample(list(rows.values())):
        st.warning(text.DIFFERENT_WINDOWS, icon=":material/difference:")
    best = max(chosen, key=lambda name: judged[name].metrics[sample]["auc"])
    on = _Shown(sample, judged, best)
    views = (_ranking, _precision, _ks, _calibration, _lift, _scores)
    drawn = {name: partial(view, rows, on) for name, view in zip(TABS, views, strict=True)}
    widgets.tabs("curve", drawn)


@dataclass(frozen=True)
class _Shown:
    """On which sample, the models by name, and the one that ranks best there."""

    sample: str
    versions: dict[str, ModelVersion]
    best: str

    @property
    def metrics(self) -> dict[str, float]:
        return self.versions[self.best].metrics[self.sample]

    def bundle(self, name: str) -> Bundle:
        return state.bundle(self.versions[name])


def _ranking(rows: Rows, on: _Shown) -> None:
    finding = f"{text.SAMPLE[on.sample]}: {on.best} ranks best, AUC {widgets.interval(on.metrics)}"
    curves = {name: comparison.roc_curve(found, on.sample) for name, found in rows.items()}
    widgets.figure(charts.roc(curves, finding), finding)
    _table(on.best, curves[on.best], tables.ROC, finding)


def _precision(rows: Rows, on: _Shown) -> None:
    rate = on.metrics["bads"] / on.metrics["n"]
    finding = f"{on.best}: average precision {on.metrics['pr_auc']:.3f}; chance is {rate:.3f}"
    curves = {name: comparison.precision_curve(found, on.sample) for name, found in rows.items()}
    widgets.figure(overlays.precision(curves, finding, rate), finding)
    _table(on.best, curves[on.best], tables.PRECISION, finding)


def _ks(rows: Rows, on: _Shown) -> None:
    curves = {name: comparison.ks_curve(found, on.sample) for name, found in rows.items()}
    mine = curves[on.best]
    top = mine.iloc[int(mine["distance"].argmax())]
    finding = (
        f"{on.best}: KS {top['distance']:.3f}; the riskiest {top['population_share']:.0%} hold "
        f"{top['bads_share']:.0%} of bads and {top['goods_share']:.0%} of goods"
    )
    widgets.figure(overlays.ks(curves, finding), finding)
    _table(on.best, curves[on.best], tables.KS, finding)


def _calibration(rows: Rows, on: _Shown) -> None:
    tenths = {name: comparison.calibration(found, on.sample) for name, found in rows.items()}
    finding = f"{on.best}: {charts.calibration_finding(tenths[on.best])}"
    widgets.figure(charts.calibration(tenths, finding), finding)
    _table(on.best, tenths[on.best], tables.CALIBRATION, finding)
    bands = comparison.bands(rows[on.best], on.sample, on.bundle(on.best))
    st.markdown(f"**{on.best} by band: is its risk too low?**")
    st.dataframe(
        bands.assign(light=bands["light"].map(text.LIGHT)),
        hide_index=True,
        column_config=tables.BANDS,
        alt="Predicted against observed by band, with tests",
    )
    st.caption(text.BAND_TESTS.format(bands=len(bands), chance=multiple_testing(len(bands))))


def _lift(rows: Rows, on: _Shown) -> None:
    gains = {name: comparison.gains(found, on.sample) for name, found in rows.items()}
    first = gains[on.best].iloc[0]
    finding = (
        f"{on.best}: the riskiest tenth holds {first['bads_share']:.0%} of bads, "
        f"{first['lift']:.1f} times the average rate"
    )
    widgets.figure(overlays.lift(gains, finding), finding)
    _table(on.best, gains[on.best], tables.GAINS, finding)


def _scores(rows: Rows, on: _Shown) -> None:
    cut = float(on.bundle(on.best).facts["policy"]["approve_from"])
    width = 10.0 if len(rows) == 1 else 20.0  # fewer steps where lines overlap
    binned = {
        name: comparison.score_shares(found, on.sample, on.bundle(name), width)
        for name, found in rows.items()
    }
    finding = f"{on.best}: {charts.score_finding(binned[on.best], cut)}"
    if len(rows) == 1:
        widgets.figure(charts.score_shares(binned[on.best], finding, cut), finding)
    else:
        widgets.figure(overlays.scores(binned, finding), finding)
    _table(on.best, binned[on.best], tables.SCORE_SHARES, finding)


def _table(name: str, table: pd.DataFrame, columns: dict[str, Any], finding: str) -> None:
    with st.expander(f"Table of {name}"):
        st.dataframe(table, hide_index=True, column_config=columns, alt=finding)
