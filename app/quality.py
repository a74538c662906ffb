"""What a stored dataset holds: kept, set aside, read as what."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app import state, tables, text, widgets
from app.charts import ledger as charts
from credit_core.data.mapping import DATE_FORMATS, Mapping, mapping_yaml
from credit_core.data.remarks import of_applications, of_ledger
from credit_core.data.store import Dataset
from credit_core.workflows.data import activity, first_rejects


def show_figures(data: Dataset) -> None:
    """Show in figures what was kept."""
    kept, aside, customers, span = st.columns([2, 2, 2, 3])
    kept.metric("Transactions kept", f"{data.rows:,}")
    share = f"{data.rejected / data.seen:.1%} of {data.seen:,} rows" if data.seen else None
    aside.metric("Rows set aside", f"{data.rejected:,}", help=share)
    customers.metric("Customers", f"{data.customers:,}")
    span.metric("Span (UTC)", f"{data.first:%Y-%m-%d} to {data.last:%Y-%m-%d}")
    for note in data.notes:
        st.caption(widgets.escaped(f"The file was {note}."))
    widgets.warnings(of_ledger(data))


def show_activity(data: Dataset) -> None:
    """Draw transactions and money by month, and the table behind them."""
    months = activity(data, state.settings())
    left, right = st.columns(2)
    with left:
        widgets.figure(charts.transactions_by_month(months), "Transactions by month")
    with right:
        widgets.figure(charts.money_by_month(months), "Money out and in by month")
    with st.expander("Figures by month"):
        st.dataframe(
            months, hide_index=True, column_config=tables.ACTIVITY, alt="Activity by month"
        )


def show_rejects(data: Dataset) -> None:
    """Show how many rows were set aside for which reason, the first of them, and all to take."""
    if not data.rejected:
        st.text(f"Every one of the {data.seen:,} rows could be used.")
        return
    _set_aside(data.rejects_path, data.rejects_by_reason, f"rejects-{data.fingerprint}.csv")


def _set_aside(path: Path, by_reason: dict[str, int], file: str) -> None:
    reasons = sorted(by_reason.items(), key=lambda item: -item[1])
    left, right = st.columns([2, 3])
    with left:
        rows = [{"Rows": count, "Reason": reason} for reason, count in reasons]
        st.dataframe(rows, hide_index=True, alt="Rows set aside by reason")
        st.download_button(
            "Download the rows set aside",
            path.read_bytes,
            file,
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            key=f"download {file}",
        )
    with right:
        st.dataframe(
            first_rejects(path),
            hide_index=True,
            column_config=tables.REJECTS,
            alt="First rows set aside",
        )
        st.caption("Line counts from the file's header (line 1). At most 200 are shown.")


def show_columns(data: Dataset) -> None:
    """Show which header was read as what, what was left out, and the mapping to take along."""
    mapping = Mapping.model_validate(data.mapping)
    left, right = st.columns([3, 2])
    if data.evidence:
        rows = [
            {
                "Read as": found["column"],
                "In the file": found["header"],
                "Confidence": found["confidence"],
                "Why": found["why"],
            }
            for found in data.evidence
        ]
    else:
        rows = [{"Read as": name, "In the file": header} for name, header in mapping.headers()]
    left.dataframe(rows, hide_index=True, alt="Columns found, and why")
    with right:
        st.text(f"Dates: {DATE_FORMATS[mapping.date_format]}")
        st.text(f"Amounts: {_amounts(mapping)}")
        if mapping.timezone != "UTC":
            st.text(f"Times without a zone are those of {mapping.timezone}")
        if mapping.currency:
            st.text(f"Only amounts in {mapping.currency}")
        st.text(f"Not used: {', '.join(data.unused) or 'nothing, every column was read'}")
        st.download_button(
            "Download the mapping",
            mapping_yaml(mapping),
            f"mapping-{data.fingerprint}.yaml",
            "application/yaml",
            icon=":material/download:",
            help="For `candor ingest --mapping`.",
            on_click="ignore",
        )


def _amounts(mapping: Mapping) -> str:
    """Return how amounts are written, in words."""
    if mapping.pair == ("debit", "credit"):
        return f"{mapping.debit} is money out, {mapping.credit} money in"
    if mapping.pair:
        return f"{mapping.quantity} times {mapping.unit_price}"
    if mapping.direction:
        return f"{mapping.direction} says the way; in = {', '.join(mapping.direction_in)}"
    return text.AMOUNT_SIGN[mapping.amount_sign].lower()


def show_quality(data: Dataset) -> None:
    """Show what a reader of this ledger should beware of, as one table of findings."""
    found = data.quality
    one = found["single_transaction_customers"]
    gap = found["longest_gap"]
    currencies = ", ".join(f"{code} ({count:,} rows)" for code, count in found["currencies"])
    future = sum(n for reason, n in data.rejects_by_reason.items() if "after tomorrow" in reason)
    twice = {
        kind: sum(n for reason, n in data.rejects_by_reason.items() if words in reason)
        for kind, words in (("same", "first one is kept"), ("other", "other content"))
    }
    rows = [
        ("Rows kept, of those in the file", f"{data.rows:,} of {data.seen:,}"),
        ("Repeated transaction ids, same content", f"{twice['same']:,} rows set aside"),
        ("Repeated transaction ids, other content", f"{twice['other']:,} rows set aside"),
        (
            "Exact copies without an id",
            f"{found['exact_copies']:,} kept: two equal payments are possible",
        ),
        ("Dates after tomorrow", f"{future:,} rows set aside"),
        ("Customers with one transaction", f"{one:,} ({one / max(data.customers, 1):.1%})"),
        (
            "Days without any transaction",
            f"{found['silent_days']:,}"
            + (f"; longest {gap['days']:,}, {gap['start']} to {gap['end']}" if gap else ""),
        ),
        ("Columns with one value throughout", ", ".join(found["constant_columns"]) or "none"),
        ("Currency", currencies or "not stated; taken as one"),
        (
            "Unusually large amounts",
            f"{found['outliers']:,} above {found['outlier_limit']:,.2f}; largest "
            f"{found['largest']:,.2f}"
            if found["outlier_limit"]
            else f"none can be told; largest {found['largest']:,.2f}",
        ),
    ]
    st.dataframe(
        [{"Checked": name, "Found": value} for name, value in rows],
        hide_index=True,
        alt="Quality of the ledger",
    )
    st.caption(
        "Unusually large: more than 1.5 interquartile ranges above the upper quartile of log "
        "amounts (Tukey's fence). They are kept."
    )


def show_applications(data: Dataset) -> None:
    """Show in figures what the applications file held, and what was set aside."""
    found = data.applications
    assert found is not None  # noqa: S101 - the tab is there where applications are
    widgets.warnings(of_applications(found))
    rows, aside, bad, dated = st.columns(4)
    rows.metric("Applications kept", f"{found.rows:,}")
    aside.metric("Rows set aside", f"{found.rejected:,}")
    rate = "no outcome" if found.bad_rate is None else f"{found.bad_rate:.1%}"
    bad.metric("Bad rate (observed)", rate, help="Share of recorded outcomes that are 1 = bad.")
    dated.metric("Decision dates", "in the file" if found.has_as_of else "end of data")
    kinds = [
        {"Attribute": a.name, "Read as": a.kind, "Used for": "features"} for a in found.attributes
    ]
    kinds += [{"Attribute": n, "Read as": "", "Used for": "fairness only"} for n in found.protected]
    st.dataframe(kinds, hide_index=True, alt="Attributes of the applications")
    if found.rejects_by_reason:
        st.markdown("**Rows set aside**")
        file = f"applications-rejects-{data.fingerprint}.csv"
        _set_aside(data.applications_rejects_path, found.rejects_by_reason, file)
