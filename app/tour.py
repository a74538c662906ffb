"""The tour for a demonstration: seven stops on the real pages, a sentence each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from app import state, widgets
from credit_core.oversight.registry import ModelVersion

STOP_KEY, _PREPARED_KEY = "tour_stop", "tour_prepared"


@dataclass(frozen=True)
class Stop:
    """A stop: its page, what to look at there, and what is prepared before it opens."""

    page: str
    title: str
    sentence: str
    minutes: str
    prepare: Callable[[], None] = lambda: None


def _same_window() -> None:
    st.session_state["train_label"] = "same_window"


def _declined() -> None:
    """Choose the customer with the lowest score, so that there is something to explain."""
    data, version = state.dataset(), state.model()
    if data is None or version is None:
        return
    table = state.scored(data, version).summary
    declined = table[table["decision"] == "decline"]
    chosen = (declined if len(declined) else table).sort_values("score").iloc[len(declined) // 2]
    st.session_state["choose_customer"] = str(chosen["customer_id"])


STOPS = (
    Stop(
        "transactions",
        "What came in",
        "Every row is kept or set aside with its line and reason, and the data are named by the "
        "hash of their content: what was scored can always be told.",
        "1 minute",
    ),
    Stop(
        "label_lab",
        "What counts as bad",
        "A proxy label says who stops buying, not who fails to pay; the honesty gauge sets the "
        "AUC of the usual same-window recipe beside the honest one.",
        "2 minutes",
    ),
    Stop(
        "train",
        "The design that is refused",
        "The label is set to Same window, the recipe that reports 0.99. Press Train with logistic "
        "regression alone: the canary finds the same AUC on customers whose histories were "
        "scrambled, and the model cannot be promoted by anybody.",
        "2 minutes",
        _same_window,
    ),
    Stop(
        "compare",
        "Why this model",
        "Intervals, a test of every difference, who would be approved by one model and not the "
        "other, and a promotion that needs a reason and passes no failed check.",
        "1 minute",
    ),
    Stop(
        "applicant",
        "Why this person",
        "Base and contributions add up to the score; each reason was proved by setting "
        "the value to a typical approved customer's; the letter says the same words.",
        "2 minutes",
        _declined,
    ),
    Stop(
        "monitoring",
        "Whether it still holds",
        "New data against development with what chance alone explains, and outcomes against "
        "predictions once they arrive; a bad enough report stops promotions.",
        "1 minute",
    ),
    Stop(
        "governance",
        "What can be proved",
        "What was live on any day, every decision recomputed to the last bit, and a record whose "
        "first changed line is named. It is evidence; it is no certificate.",
        "1 minute",
    ),
)


def begin(versions: list[ModelVersion]) -> None:
    """Begin the tour on the data of the champion, the one on outcomes first."""
    champions = [version for version in versions if version.champion]
    champion = next((v for v in champions if v.name == "default"), None) or champions[0]
    if champion.dataset in {one.fingerprint for one in state.datasets()}:
        state.choose_dataset(champion.dataset)
    state.choose_model(champion.reference)
    st.session_state[STOP_KEY] = 0


def offer(versions: list[ModelVersion]) -> None:
    """Draw the tour's door; it opens once a model is in use."""
    if STOP_KEY in st.session_state:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown("**Show it to a regulator.** Seven stops on the real pages, ten minutes.")
        ready = any(version.champion for version in versions)
        st.button(
            "Start the tour",
            icon=":material/tour:",
            disabled=not ready,
            on_click=begin,
            args=(versions,),
        )
        if not ready:
            st.caption("It needs a model in use: train one and promote it first.")


def bar(page: str) -> None:
    """Draw the current stop above a page, while the tour is on.

    Whoever walks to a stop's page, by the bar or by the menu, is at that stop.
    """
    if STOP_KEY not in st.session_state:
        return
    places = [stop.page for stop in STOPS]
    here = page in places
    at = places.index(page) if here else st.session_state[STOP_KEY]
    if here and st.session_state.get(_PREPARED_KEY) != at:
        STOPS[at].prepare()
        st.session_state[_PREPARED_KEY] = at
    st.session_state[STOP_KEY] = at
    stop = STOPS[at]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Stop {at + 1} of {len(STOPS)}: {stop.title}** ({stop.minutes})")
            st.space("stretch")
            if not here:
                _link(at, "Go to this stop", ":material/arrow_forward:")
            elif at + 1 < len(STOPS):
                _link(at + 1, "Next stop", ":material/arrow_forward:")
            st.button("End the tour", icon=":material/close:", on_click=end)
        st.markdown(widgets.escaped(stop.sentence))


def end() -> None:
    """Leave the tour; the pages stay as they are."""
    for key in (STOP_KEY, _PREPARED_KEY):
        st.session_state.pop(key, None)


def _link(at: int, label: str, icon: str) -> None:
    st.page_link(f"../pages/{STOPS[at].page}.py", label=label, icon=icon)
