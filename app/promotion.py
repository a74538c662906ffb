"""The promotion of a model: its evidence beside the champion's, a reason, the record."""

from __future__ import annotations

import streamlit as st

from app import duel, results, state, tables, text, widgets
from credit_core import workflows
from credit_core.errors import CandorError
from credit_core.oversight.registry import ModelVersion, champion_of
from credit_core.workflows import comparison


def promote(versions: list[ModelVersion], data: str) -> None:
    """Show the evidence for a candidate and make it champion, with a reason.

    Those trained on the ``data`` that are shown (a fingerprint) come first.
    """
    champion = next((version for version in versions if version.champion), None)
    ordered = sorted(versions, key=lambda found: (found.circular, found.dataset != data))
    candidates = {found.reference: found for found in ordered if not found.champion}
    if not candidates:
        st.caption("The only model of this question is its champion already.")
        return
    chosen = st.selectbox(
        "Candidate",
        list(candidates),
        format_func=lambda reference: widgets.describe(candidates[reference]),
    )
    candidate = candidates[chosen]
    evidence = comparison.evidence(candidate, champion, state.evaluation)
    st.dataframe(
        evidence.assign(sample=evidence["sample"].map(text.SAMPLE)),
        hide_index=True,
        column_order=list(tables.EVIDENCE),
        column_config=tables.EVIDENCE,
        placeholder="-",
        alt="The candidate beside the champion on each sample",
    )
    if champion and evidence["difference"].isna().all():
        st.caption(text.NO_DIFFERENCE)
    show_changes(candidate)
    if moved := _moved(candidate):
        st.caption(moved)
    checks = state.bundle(candidate).facts["checks"]
    st.caption(results.canary_verdict(checks)[1])
    if checks.get("naive"):
        st.caption(widgets.escaped(results.naive_verdict(checks["naive"])))
    if checks.get("small_sample"):
        st.caption(checks["small_sample"])
    reason = st.text_area(
        "Reason",
        key=f"reason for {chosen}",
        max_chars=1000,
        height=80,
        placeholder="Why this model should score from now on; kept in the record",
    )
    if widgets.action("Promote", "promote", type="primary", icon=":material/military_tech:"):
        make_champion(chosen, reason)


def _moved(candidate: ModelVersion) -> str:
    """Say what moved most between training and the cohort out of time; "" where nothing did."""
    kept = duel.analysis(candidate)
    facts = kept["stability"]["features"] if kept else {}
    moved = {name: one for name, one in facts.items() if one["verdict"] != "stable"}
    if not moved:
        return ""
    name = max(moved, key=lambda name: moved[name]["psi"])
    return (
        f"{len(moved)} of {len(facts)} inputs moved between training and the cohort out of time; "
        f"most of all {widgets.escaped(name)}, PSI {moved[name]['psi']:.3f} "
        f"({moved[name]['verdict']}). See Stability under 'Inside a model'."
    )


def show_changes(candidate: ModelVersion) -> None:
    """Say what promoting a model would change besides the model."""
    champion = champion_of(state.versions(), candidate.name)
    if champion is None:
        return
    changes = comparison.changes(state.bundle(candidate), state.bundle(champion))
    if changes:
        st.warning(
            "More than the model would change. " + widgets.escaped(" ".join(changes)),
            icon=":material/swap_horiz:",
        )


def make_champion(reference: str, reason: str) -> None:
    """Promote a version and let the session's pages use it; say so where that is refused."""
    if not reason.strip():
        st.error("Say why: the reason is kept in the record.", icon=":material/error:")
        return
    try:
        workflows.promote(reference, reason.strip(), state.settings())
    except CandorError as error:
        widgets.problem(error)
        return
    state.choose_model(reference)
    st.session_state["just_done"] = f"{reference} is now the champion."
    st.rerun()
