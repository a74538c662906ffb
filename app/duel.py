"""Two models against each other: is the difference real, the swap set, segments, settings."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import streamlit as st

from app import state, tables, text, widgets
from credit_core.oversight.registry import ModelVersion
from credit_core.workflows import comparison, pairs

MLFLOW_RUN = "http://localhost:5000/#/runs/{run_id}"


@st.fragment
def show(versions: list[ModelVersion], sample: str) -> None:
    """Let two models be chosen, and compare them on one sample."""
    known = {version.reference: version for version in versions if sample in version.metrics}
    if len(known) < 2 or sample not in comparison.SAMPLES:
        st.caption("Two models judged on this sample are needed; train another to compare.")
        return
    left, right = st.columns(2)
    names = list(known)
    describe = {name: widgets.describe(version) for name, version in known.items()}
    one = left.selectbox("First", names, format_func=describe.__getitem__, key="duel_first")
    rest = [name for name in names if name != one]
    two = right.selectbox("Second", rest, format_func=describe.__getitem__, key="duel_second")
    first, second = known[one], known[two]
    found = _differences(first.sha256, second.sha256, sample, first, second)
    real, swapped, segments, settings = st.tabs(
        ["Is the difference real?", "Swap set", "Segments", "Settings and data"]
    )
    with real:
        _show_differences(found, first, second, sample)
    with swapped:
        _show_swaps(found is not None, first, second, sample)
    with segments:
        _show_segments(first, second, sample)
    with settings:
        _show_settings(first, second)


@st.cache_data(max_entries=32, show_spinner="Testing the difference")
def _differences(
    first: str, second: str, sample: str, _first: ModelVersion, _second: ModelVersion
) -> pd.DataFrame | None:
    return pairs.differences(state.evaluation(_first), state.evaluation(_second), sample)


def sentence(found: pd.DataFrame, first: str, second: str) -> str:
    """Say in one sentence whether two models rank differently."""
    row = found.set_index("figure").loc["auc"]
    size = f"{abs(row['difference']):.3f} (95% {row['low']:+.3f} to {row['high']:+.3f})"
    people = f"on the same {row['n']:,.0f} snapshots, {row['bads']:,.0f} of them bad"
    if not row["better"]:
        return (
            f"No clear difference: {first}'s AUC less {second}'s is {row['difference']:+.3f} (95% "
            f"{row['low']:+.3f} to {row['high']:+.3f}, p {row['p']:.2f}) {people}. Chance alone "
            "can make such a gap."
        )
    ahead, behind = (first, second) if row["better"] == "first" else (second, first)
    return (
        f"{ahead} ranks better than {behind}: its AUC is higher by {size}, p {row['p']:.3f}, "
        f"{people}. A gap like this is unlikely to be chance."
    )


def _show_differences(
    found: pd.DataFrame | None, first: ModelVersion, second: ModelVersion, sample: str
) -> None:
    if found is None:
        st.warning(text.NOT_ONE_SAMPLE, icon=":material/difference:")
        return
    st.markdown(sentence(found, first.reference, second.reference))
    better = {"first": first.reference, "second": second.reference, "": "-"}
    st.dataframe(
        found.assign(figure=found["figure"].map(text.FIGURE), better=found["better"].map(better)),
        hide_index=True,
        column_order=list(tables.DIFFERENCES),
        column_config=tables.DIFFERENCES,
        alt="Differences of two models with intervals and p",
    )
    st.caption(f"{text.PAIR_TESTS} {text.POOLED if sample == 'cross_validation' else ''}")


def _show_swaps(paired: bool, first: ModelVersion, second: ModelVersion, sample: str) -> None:
    if not paired:
        st.warning(text.NOT_ONE_SAMPLE, icon=":material/difference:")
        return
    share = st.slider("Approve the safest (share of people)", 5, 95, 70, 5, format="%d%%") / 100
    found = pairs.swap_set(state.evaluation(first), state.evaluation(second), sample, share)
    rows = found.set_index("group")
    one, two = rows.loc["first only"], rows.loc["second only"]
    st.markdown(
        f"At {share:.0%} approved, **{one['n']:,.0f}** are approved by {first.reference} only, "
        f"{one['bads']:,.0f} of them turned out bad; **{two['n']:,.0f}** by {second.reference} "
        f"only, {two['bads']:,.0f} bad."
    )
    st.dataframe(
        found.assign(group=found["group"].map(text.SWAP)),
        hide_index=True,
        column_config=tables.SWAPS,
        placeholder="-",
        alt="Who is approved by which of the two, and how they turned out",
    )
    st.caption(
        "Each model approves the same share of the same people, those it finds safest; equal "
        "risks at the cut-off are all approved, so shares can differ a little."
    )


def _show_segments(first: ModelVersion, second: ModelVersion, sample: str) -> None:
    kept = [analysis(version) for version in (first, second)]
    if kept[0] is None or kept[1] is None:
        st.caption("One of these was trained before figures by segment were kept; train it again.")
        return
    found = pairs.segments(kept[0], kept[1], sample)
    if found.empty:
        st.caption("These two share no segment on this sample.")
        return
    by = st.pills("Divided by", sorted(found["by"].unique()), default=found["by"].iloc[0])
    st.dataframe(
        found[found["by"] == by] if by else found,
        hide_index=True,
        column_config=tables.SEGMENTS,
        column_order=list(tables.SEGMENTS),
        placeholder="too few",
        alt="AUC and predicted risk of two models by segment",
    )
    st.caption("AUC where a segment has at least 5 goods and 5 bads; its interval by DeLong.")


def _show_settings(first: ModelVersion, second: ModelVersion) -> None:
    bundles = {version.reference: state.bundle(version) for version in (first, second)}
    found = pairs.settings_side_by_side(bundles)
    only = st.toggle("Only what differs", value=True)
    shown = found[found["differs"]] if only else found
    st.dataframe(
        shown.assign(differs=shown["differs"].map({True: "differs", False: ""})),
        hide_index=True,
        column_config={
            "section": "Of",
            "key": "What",
            "differs": st.column_config.TextColumn("", pinned=True, width=70),
        },
        column_order=["differs", "section", "key", *bundles],
        alt="Parameters, data and versions of two models side by side",
    )
    with st.container(horizontal=True):
        for version in (first, second):
            st.link_button(
                f"{version.reference} in MLflow",
                MLFLOW_RUN.format(run_id=version.run_id),
                icon=":material/open_in_new:",
            )
    st.caption(text.MLFLOW)


def analysis(version: ModelVersion) -> dict[str, Any] | None:
    """Return what was kept about a model at its training, None where it is too old for that."""
    return _analysis(version.sha256, str(version.path))


@st.cache_data(max_entries=12, show_spinner=False)
def _analysis(sha256: str, folder: str) -> dict[str, Any] | None:
    from pathlib import Path

    path = Path(folder) / "analysis.json"
    found: dict[str, Any] | None = json.loads(path.read_bytes()) if path.exists() else None
    return found
