"""One customer's score as a page shows it: the score and its reasons, its factors, its history."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app import state, tables, text, widgets
from app.charts import scores as charts
from credit_core.data.store import Dataset
from credit_core.decisions.scoring import ScoredSnapshots
from credit_core.workflows import Explanation
from credit_core.workflows.history import monthly_history


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
        observed = "" if band.bad_rate is None else f" ({band.bad_rate:.1%})"
        bad = "bad" if found.version.name == "default" else found.version.label
        date = f", as of {found.as_of:%d %B %Y}" if found.as_of else ""
        st.caption(
            f"By {widgets.describe(found.version)}{date}. Approve from {policy.approve_from:.1f}, "
            f"decline below {policy.decline_below:.1f}. In development {band.bads:,} of "
            f"{band.n:,} in band {band.name} ({band.span}) were {bad}{observed}."
        )
    with right:
        if found.thin_file:
            st.markdown("**Why a person decides**")
            st.warning(f"{found.too_few}.", icon=":material/history_toggle_off:")
        st.markdown("**What held the score down**")
        st.caption("Points lost against the average approved customer.")
        for reason in found.reasons:
            steady = f", stability {reason.stability}" if reason.stability else ""
            st.text(f"{reason.sentence} ({reason.points:+.0f} points{steady})")
        if not found.reasons:
            st.text("Nothing: no factor holds it below the average approved customer's.")


def show_proof(found: Explanation) -> None:
    """Show how each reason was tested, and how steady it is."""
    if not found.reasons:
        st.caption("There is no reason to prove.")
        return
    features = {part.source: part.description for part in found.contributions}
    st.dataframe(
        pd.DataFrame(
            [
                {
                    **vars(reason),
                    "description": features[reason.source],
                    "stability": text.STABILITY[reason.stability],
                }
                for reason in found.reasons
            ]
        ),
        hide_index=True,
        column_order=list(tables.PROOF),
        column_config=tables.PROOF,
        alt="Each reason with its flip test and its stability",
    )
    st.caption(text.PROOF_MEANS)


def show_factors(found: Explanation) -> None:
    """Show base + contributions = score, as figure and table, and the reasons' proof."""
    gap = round(found.score, 1) - round(found.base, 1)
    sign = "+" if gap >= 0 else "-"
    st.caption(
        f"Average development customer {found.base:.1f} {sign} {abs(gap):.1f} from "
        f"{len(found.contributions)} factors = score {found.score:.1f}; the sum is exact."
    )
    chart, grouped, table, proof = st.tabs(
        ["Chart", "By family", "All factors", "How the reasons were proved"]
    )
    with chart:
        widgets.figure(charts.waterfall(found), charts.waterfall_finding(found))
        st.caption(text.PERCENTILE_MEANS)
    with grouped:
        widgets.figure(charts.waterfall_of_families(found), charts.families_finding(found))
        st.caption("Factors that belong together, added up; the sum is the same score.")
    with proof:
        show_proof(found)
    table.dataframe(
        pd.DataFrame([vars(part) for part in found.contributions]),
        hide_index=True,
        column_order=list(tables.CONTRIBUTIONS),
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
        widgets.figure(made, charts.history_finding(months, found.as_of))
    table.dataframe(
        months, hide_index=True, column_config=tables.MONTHS, alt="Money in and out a month"
    )
