"""Streamlit's entry: navigation, what every page shows, and errors as sentences."""

from __future__ import annotations

import os
from pathlib import Path

# Waiting threads of the model libraries must not burn the cores the dashboard answers with.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import streamlit as st
from streamlit.navigation.page import Page

from app import sign_in, state, tour, warm, widgets
from credit_core.errors import CandorError

SECTIONS: dict[str, list[tuple[str, str, str, str]]] = {
    "": [("overview", "Overview", "home", "Where you stand, and what to do next.")],
    "Data": [("transactions", "Transactions", "receipt_long", "Bring a file in and check it.")],
    "Labels": [
        ("segments", "Segments", "bubble_chart", "Who the customers are."),
        ("label_lab", "Label Lab", "science", "What counts as bad, and whether it can be learnt."),
    ],
    "Models": [
        ("train", "Train", "model_training", "Train models as a job, with checks."),
        ("compare", "Compare", "leaderboard", "Models side by side; promote one."),
    ],
    "Decisions": [
        ("applicant", "Applicant", "person_search", "One score, its reasons, a decision."),
        ("batch", "Batch", "table_rows", "Score a whole file and download it."),
        ("policy", "Policy", "tune", "Cut-offs, their effect, and their versions."),
    ],
    "Oversight": [
        ("monitoring", "Monitoring", "monitoring", "Drift, overrides, and what came of scores."),
        ("governance", "Governance", "gavel", "Models, decisions and the record behind them."),
    ],
}


ICON = str(Path(__file__).with_name("icon.svg"))


def main() -> None:
    """Draw the frame and run the chosen page."""
    st.set_page_config(page_title="Candor", page_icon=ICON, layout="wide")
    st.html(Path(__file__).with_name("style.css"))
    warm.start()
    pages = {
        section: [
            st.Page(
                f"../pages/{name}.py",
                title=title,
                icon=f":material/{icon}:",
                help=hint,
                default=name == "overview",
                url_path="home" if name == "overview" else name,
            )
            for name, title, icon, hint in rows
        ]
        for section, rows in SECTIONS.items()
    }
    # The first page is served at "/" alone; an address written like the others leads there.
    (home,) = pages[""]
    pages[""].append(
        st.Page(
            lambda: st.switch_page(home),
            title="Overview",
            url_path="overview",
            visibility="hidden",
        )
    )
    if not sign_in.passed():
        st.navigation(pages, position="hidden")
        return
    page = st.navigation(pages, position="hidden")
    state.enter(page.url_path)
    state.hold()
    with st.sidebar:
        menu(pages)
        widgets.context()
        widgets.who()
    try:
        tour.bar(page.url_path)
        page.run()
    except CandorError as error:
        widgets.problem(error)
    state.forget_stale()


def menu(pages: dict[str, list[Page]]) -> None:
    """Draw the pages by section; the menu that comes with navigation is no valid list."""
    for section, entries in pages.items():
        if section:
            st.caption(section)
        for entry in entries:
            if entry.visibility == "visible":
                st.page_link(entry, width="stretch")


main()
