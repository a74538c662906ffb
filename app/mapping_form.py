"""The proposed column mapping as a form that a person can correct."""

from __future__ import annotations

import streamlit as st

from app import text
from credit_core.data.contract import COLUMNS, REQUIRED, Column
from credit_core.data.mapping import DATE_FORMATS, Mapping
from credit_core.workflows.data import FileLook


def mapping_form(look: FileLook, token: str) -> Mapping | None:
    """Draw the fields inside a form; return the mapping, None while something is missing.

    ``token`` is unique to the upload, so that another file starts from its own proposal.
    """
    found = {evidence.column: evidence for evidence in look.evidence}
    columns: dict[str, str] = {}
    required = [column for column in COLUMNS if column.required]
    optional = [column for column in COLUMNS if not column.required]
    for group, width in ((required, 3), (optional, 5)):
        slots = st.columns(width)
        for i, column in enumerate(group):
            with slots[i % width]:
                proposed = found.get(column.name)
                header = _header_of(column, look, proposed.header if proposed else None, token)
                if proposed:
                    st.caption(f"{proposed.confidence} confidence: {proposed.why}")
                elif column.required:
                    st.caption(f"Not recognised: {column.meaning}")
            if header is not None:
                columns[column.name] = header
    return _readings(look, columns, token)


def _header_of(column: Column, look: FileLook, proposed: str | None, token: str) -> str | None:
    # A required column has to be chosen; any other may be absent.
    options: list[str | None] = [*look.header] if column.required else [None, *look.header]
    chosen: str | None = st.selectbox(
        column.name + (" (required)" if column.required else ""),
        options,
        index=options.index(proposed) if proposed in options else None,
        format_func=lambda header: "not in this file" if header is None else header,
        placeholder="Choose",
        help=column.meaning[:1].upper() + column.meaning[1:] + ".",
        key=f"map_{token}_{column.name}",
    )
    return chosen


def _readings(look: FileLook, columns: dict[str, str], token: str) -> Mapping | None:
    """Draw how dates, amounts and directions are read, and put the mapping together."""
    proposed = look.mapping
    dates, decimals, signs, ways, words = st.columns(5)
    formats = list(DATE_FORMATS)
    date_format = dates.selectbox(
        "Date format",
        formats,
        index=formats.index(proposed.date_format) if proposed else None,
        format_func=DATE_FORMATS.__getitem__,
        placeholder="Choose",
        help="Day and month first are told apart by the file's own dates, never guessed.",
        key=f"map_{token}_dates",
    )
    decimal = decimals.selectbox(
        "Decimal separator",
        [".", ","],
        index=1 if proposed and proposed.decimal == "," else 0,
        format_func={".": "Point: 1234.50", ",": "Comma: 1.234,50"}.__getitem__,
        key=f"map_{token}_decimal",
    )
    sign = signs.selectbox(
        "Sign of amounts",
        list(text.AMOUNT_SIGN),
        format_func=text.AMOUNT_SIGN.__getitem__,
        help="Inside Candor, above 0 is money out. Ignored where a direction column is named.",
        key=f"map_{token}_sign",
    )
    options = [None, *look.header]
    direction = ways.selectbox(
        "Direction column",
        options,
        index=options.index(proposed.direction if proposed else None),
        format_func=lambda header: "none" if header is None else header,
        help="A column that says which way an unsigned amount went.",
        key=f"map_{token}_direction",
    )
    listed = words.text_input(
        "Its words for money in",
        ", ".join(proposed.direction_in) if proposed else "",
        placeholder="credit, in",
        key=f"map_{token}_words",
    )
    if date_format is None or any(name not in columns for name in REQUIRED):
        return None
    inward = tuple(word.strip() for word in listed.split(",") if word.strip())
    return Mapping(
        columns=columns,
        date_format=date_format,
        decimal=decimal,
        amount_sign=sign,
        direction=direction,
        direction_in=inward if direction is not None else (),
    )
