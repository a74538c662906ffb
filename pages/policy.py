"""Policy: cut-offs, what they would have done to customers with known labels, and their record."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app import state, tables, text, widgets
from app.charts import policy as charts
from credit_core import workflows
from credit_core.decisions.effect import Effect, effect, profit_curve
from credit_core.decisions.policy import FOUR_EYES, Policy
from credit_core.errors import CandorError
from credit_core.features.words import readable
from credit_core.workflows.policy import Judged, judged_scores


def choose_cut_offs(policy: Policy) -> tuple[float, float, int, str]:
    """Return approve from, decline below, thin-file limit and second look as the person sets."""
    approve = st.number_input(
        "Approve from (points)", value=round(policy.approve_from, 1), step=5.0, format="%.1f"
    )
    decline = st.number_input(
        "Decline below (points)", value=round(policy.decline_below, 1), step=5.0, format="%.1f"
    )
    thin = st.number_input(
        "Thin file: refer below (transactions)",
        value=policy.thin_file_transactions,
        min_value=0,
        max_value=10_000,
        help="Whatever the score, where the model reads transactions. These customers' counts "
        "are not kept with the model, so the figures beside leave this rule out.",
    )
    second = st.selectbox(
        "A second person confirms",
        FOUR_EYES,
        index=FOUR_EYES.index(policy.four_eyes),
        format_func=text.FOUR_EYES.__getitem__,
    )
    return (
        _untouched(approve, policy.approve_from),
        _untouched(decline, policy.decline_below),
        int(thin),
        second,
    )


def _untouched(shown: float, cut: float) -> float:
    """Return a cut-off that nobody changed as it is, beyond the one decimal that is shown."""
    return cut if shown == round(cut, 1) else float(shown)


def show_effect(now: Effect, new: Effect, bad: str) -> None:
    """Show what the cut-offs would do, with the change against the policy in force."""
    columns = st.columns(4)
    for column, name, label in (
        (columns[0], "approved", "Approved"),
        (columns[1], "referred", "Referred"),
        (columns[2], "declined", "Declined"),
    ):
        share, before = getattr(new, name) / new.n, getattr(now, name) / now.n
        delta = f"{100 * (share - before):+.1f} percentage points" if share != before else None
        column.metric(label, f"{share:.1%}", delta, delta_color="off")
    rate = "none" if new.approved == 0 else f"{new.bad_rate:.1%}"
    columns[3].metric(f"{bad.capitalize()} among approved", rate)
    if new.approved:
        st.caption(
            f"{new.bads_approved:,} {bad} of {new.approved:,} approved: {new.bad_rate:.1%} "
            f"({new.low:.1%} to {new.high:.1%}, 95%, Jeffreys). {new.bads_missed:.0%} of all "
            f"{bad} customers would be approved. n {new.n:,}."
        )
    if new.approved and new.bad_rate > 0.5:
        st.warning(text.MOSTLY_BAD.format(bad=bad), icon=":material/warning:")


def show_profit(judged: Judged, approve: float) -> None:
    """Show what approving from each cut-off would earn, from two amounts the person gives."""
    left, right = st.columns(2)
    margin = left.number_input("Earned on an approved good", value=100.0, min_value=0.0, step=10.0)
    loss = right.number_input("Lost on an approved bad", value=1000.0, min_value=0.0, step=50.0)
    curve = profit_curve(judged.points, judged.label, margin, loss)
    finding = charts.profit_finding(curve)
    widgets.figure(charts.profit(curve, approve, finding), finding)
    st.caption(
        "On customers whose label is known, as if nothing but the cut-off changed: applicants "
        "once declined have no outcome, and prices are the two above."
    )


def show_bands(policy: Policy, judged: Judged) -> None:
    """Show each band's range and what was observed in it, in development and since."""
    st.dataframe(
        pd.DataFrame(judged.bands(policy)),
        hide_index=True,
        column_config=tables.POLICY_BANDS,
        alt="Bands with their score ranges and observed shares",
    )
    st.caption(text.BANDS_MEAN)


def show_segments(judged: Judged, approve: float, decline: float, bad: str) -> None:
    """Show what the cut-offs would do to each part of the customers."""
    if judged.segments.columns.empty:
        st.caption("There is nothing in this data to divide the customers by.")
        return
    by = st.selectbox(
        "Divide by", list(judged.segments.columns), format_func=readable, key="segment_by"
    )
    table = judged.by_segment(by, approve, decline)
    finding = charts.segments_finding(table)
    widgets.figure(charts.segments(table, finding), finding)
    st.dataframe(
        table,
        hide_index=True,
        column_config=tables.POLICY_SEGMENTS,
        alt=f"Shares approved and {bad} among them by segment",
    )
    st.caption(
        f"Share of each segment's customers, and the {bad} rate among its approved with its 95% "
        "interval (Jeffreys). A difference between segments is no proof of a cause."
    )


st.title("Policy")
st.caption("Cut-offs decide who is approved. Try them here; nothing changes until you save.")
version = state.require_model()
bundle = state.bundle(version)
policy = Policy.from_facts(bundle.facts["policy"])
judged = judged_scores(version, bundle)
widgets.banner(version)
if "just_done" in st.session_state:
    st.success(st.session_state["just_done"], icon=":material/task_alt:")
bad = "bad" if version.name == "default" else version.label
left, right = st.columns([1, 2], gap="large")
with left:
    approve, decline, thin, second = choose_cut_offs(policy)
with right:
    st.markdown(f"**On {text.SAMPLE[judged.sample].lower()} of {widgets.describe(version)}**")
    if decline > approve:
        st.error("Decline below may not be above approve from.", icon=":material/error:")
        st.stop()
    show_effect(
        effect(judged.points, judged.label, policy.approve_from, policy.decline_below),
        effect(judged.points, judged.label, approve, decline),
        bad,
    )
    if bundle.reads_transactions:
        st.caption(text.WITHOUT_THIN_FILES)
changed = (approve, decline, thin, second) != (
    policy.approve_from,
    policy.decline_below,
    policy.thin_file_transactions,
    policy.four_eyes,
)
with st.container(border=True):
    reason = st.text_input("Why (kept in the record)", max_chars=300, disabled=not changed)
    if widgets.action(
        "Save as a new version", "set policy", type="primary", disabled=not (changed and reason)
    ):
        try:
            made = workflows.set_policy(
                state.settings(),
                version,
                approve_from=approve,
                decline_below=decline,
                thin_file_transactions=thin,
                four_eyes=second,
                reason=reason,
            )
        except CandorError as error:
            widgets.problem(error)
        else:
            st.session_state["just_done"] = f"The new policy is in force (event {made.sequence})."
            st.rerun()
profit, segments, bands, record = st.tabs(["Profit by cut-off", "By segment", "Bands", "Versions"])
with profit:
    if version.name == "default":
        show_profit(judged, approve)
    else:
        st.info(text.NO_PROFIT, icon=":material/info:")
with segments:
    show_segments(judged, approve, decline, bad)
with bands:
    show_bands(policy, judged)
record.dataframe(
    pd.DataFrame(workflows.policy_history(state.settings(), version, bundle)),
    hide_index=True,
    column_config=tables.POLICIES,
    alt="Every policy of this model, the one in force first",
)
