"""Inside a model: importance, dependence, stability, learning, and a scorecard's points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from app import duel, state, tables, text, widgets
from app.charts import anatomy as charts
from credit_core.decisions.points import points_table
from credit_core.oversight.registry import ModelVersion

MOST_BARS = 15


@st.fragment
def show(versions: list[ModelVersion]) -> None:
    """Let a model be chosen, and show what was kept about it at its training."""
    known = {version.reference: version for version in versions}
    chosen = st.selectbox(
        "Model",
        list(known),
        format_func=lambda reference: widgets.describe(known[reference]),
        key="anatomy_model",
    )
    version = known[chosen]
    found = duel.analysis(version)
    if found is None:
        st.caption("It was trained before this was kept; train it again to see it.")
        return
    table = pd.DataFrame(found["importance"])
    curves = {name: found["dependence"].get(name) for name in table["source"]}
    drawn: dict[str, Callable[[], None]] = {
        "What weighs": lambda: _show_weights(table, found, chosen),
        "How a value moves the score": lambda: _show_dependence(
            {name: curve for name, curve in curves.items() if curve}, chosen
        ),
        "Stability": lambda: _show_stability(found["stability"]),
        "Learning curve": lambda: _show_learning(pd.DataFrame(found["learning"]), chosen),
    }
    if version.family == "scorecard":
        drawn["Points table"] = lambda: _show_points(version)
    widgets.tabs("anatomy", drawn)


def _show_weights(table: pd.DataFrame, found: dict[str, Any], chosen: str) -> None:
    finding = (
        f"{chosen}: {table['source'].iloc[0]} moves scores most, by "
        f"{table['points'].iloc[0]:.1f} points on average"
    )
    widgets.figure(charts.importance(table.head(MOST_BARS), finding), finding)
    st.caption(
        f"Mean distance of a feature's points from its own mean, over "
        f"{found['importance_rows']:,} snapshots; 95% interval of that mean."
    )
    swarm = found["swarm"]
    dots = len(swarm[0]["points"]) if swarm else 0
    words = f"{chosen}: each dot is one of {dots:,} customers; colour is their value"
    widgets.figure(charts.swarm(swarm, words), words)
    st.caption("Grey: a category, or a value that is missing. Right = safer.")
    with st.expander("All features"):
        st.dataframe(table, hide_index=True, column_config=tables.IMPORTANCE, alt=finding)


def _show_dependence(curves: dict[str, list[dict[str, object]]], name: str) -> None:
    source = st.selectbox("Feature", list(curves), key="dependence_of")
    table = pd.DataFrame(curves[source])
    span = table["points"].max() - table["points"].min()
    finding = f"{name}: {source} moves the mean score by {span:.0f} points over its range"
    widgets.figure(charts.dependence(table, source, finding), finding)
    st.caption("Mean score of the same people were this value theirs, all else as it is.")
    with st.expander("Table"):
        st.dataframe(
            table.assign(value=table["value"].astype("str")),
            hide_index=True,
            column_config=tables.DEPENDENCE,
            alt=finding,
        )


def _show_stability(found: dict[str, dict[str, object]]) -> None:
    if not found["features"]:
        st.caption("There is no cohort out of time to compare the development sample with.")
        return
    rows = [{"what": "Score", **found["score"]}] if found["score"] else []
    rows += [{"what": source, **facts} for source, facts in found["features"].items()]  # type: ignore[dict-item]
    table = pd.DataFrame(rows)
    table = pd.concat([table[:1], table[1:].sort_values("psi", ascending=False)])
    st.dataframe(
        table.assign(verdict=table["verdict"].map(text.PSI)),
        hide_index=True,
        column_config=tables.PSI,
        alt="Population stability of the score and the features",
    )
    st.caption(text.PSI_MEANS)


def _show_learning(table: pd.DataFrame, name: str) -> None:
    if table.empty:
        st.caption("There were no hold-out customers of both outcomes to learn a curve on.")
        return
    gain = table["auc"].iloc[-1] - (table["auc"].iloc[-2] if len(table) > 1 else 0.5)
    finding = f"{name}: the last doubling of customers moved the hold-out AUC by {gain:+.3f}"
    widgets.figure(charts.learning(table, finding), finding)
    with st.expander("Table"):
        st.dataframe(table, hide_index=True, column_config=tables.LEARNING, alt=finding)


def _show_points(version: ModelVersion) -> None:
    table = points_table(state.bundle(version))
    st.dataframe(
        table,
        hide_index=True,
        column_config=tables.POINTS,
        column_order=list(tables.POINTS),
        placeholder="",
        alt="The scorecard's points table",
    )
    st.caption("Score = base points + the points of one bin of each characteristic; exact.")
    st.download_button(
        "Download the points table",
        table.to_csv(index=False),
        f"points_{version.name}_{version.version}_{version.sha256[:8]}.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
