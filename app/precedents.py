"""Past customers whose scores were made like this one, and how they turned out."""

from __future__ import annotations

import streamlit as st

from app import state, tables, text
from credit_core.data.store import Dataset
from credit_core.workflows import Explanation
from credit_core.workflows.precedents import NEIGHBOURS, Past, past_customers, similar

MOST_SHOWN = 10


@st.cache_resource(max_entries=4, show_spinner="Scoring the past customers")
def _past(fingerprint: str, sha256: str, _dataset: Dataset, _found: Explanation) -> Past | None:
    return past_customers(_dataset, state.settings(), _found.bundle)


def show(found: Explanation, dataset: Dataset) -> None:
    """Show the nearest past customers; from the development data where they are stored."""
    developed = found.bundle.facts["dataset"]["fingerprint"]
    stored = {one.fingerprint: one for one in state.datasets()}
    source = stored.get(developed, dataset)
    past = _past(source.fingerprint, found.version.sha256, source, found)
    nearest = similar(past, found) if past is not None else None
    if nearest is None:
        st.caption(text.NO_PRECEDENTS)
        return
    bad = "bad" if found.version.name == "default" else found.version.label
    st.markdown(
        f"Of the {NEIGHBOURS} past customers whose scores were made most alike, "
        f"**{nearest.bads} {'was' if nearest.bads == 1 else 'were'} {bad}: {nearest.rate:.0%}** "
        f"({nearest.low:.0%} to {nearest.high:.0%}, 95%, Jeffreys). For them the model "
        f"says {nearest.expected:.1%} on average; for this customer {found.risk:.1%}."
    )
    shown = nearest.table.head(MOST_SHOWN)
    st.dataframe(
        shown.assign(label=shown["label"].map({0: f"not {bad}", 1: bad})),
        hide_index=True,
        column_order=list(tables.PRECEDENTS),
        column_config=tables.PRECEDENTS,
        alt="The nearest past customers and how they turned out",
    )
    st.caption(
        f"The nearest {len(shown)}, from {source.name}, all dated before this score; most were in "
        "the model's own development sample, and of some the outcome was known only later. Alike: "
        f"the smallest distance between contributions; the {NEIGHBOURS} lie "
        f"{nearest.table['distance'].iloc[0]:.0f} to {nearest.table['distance'].iloc[-1]:.0f} "
        "points away. Their history illustrates the score; it does not decide."
    )
