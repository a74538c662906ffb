"""The proposed column mapping as a form that a person can correct."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

import streamlit as st

from app import text
from credit_core.data.contract import COLUMNS, Column
from credit_core.data.mapping import DATE_FORMATS, PARTS, Mapping
from credit_core.workflows.data import FileLook

MODES = ("signed", "direction", "debit_credit", "price")
_PARTS_OF = {"debit_credit": ("debit", "credit"), "price": ("quantity", "unit_price")}


def amount_mode(look: FileLook, token: str) -> str:
    """Ask how the file writes amounts; stands outside the form, since its fields depend on it."""
    proposed = look.mapping
    usual = "signed"
    if proposed and proposed.pair:
        usual = "debit_credit" if proposed.pair[0] == "debit" else "price"
    elif proposed and proposed.direction:
        usual = "direction"
    chosen = st.segmented_control(
        "How the amount is written",
        MODES,
        default=usual,
        format_func=text.AMOUNT_MODE.__getitem__,
        key=f"map_{token}_mode",
        required=True,
    )
    return chosen or usual


def mapping_form(look: FileLook, token: str, mode: str) -> Mapping | None:
    """Draw the fields inside a form; return the mapping, None while something is missing.

    ``token`` is unique to the upload, so that another file starts from its own proposal; ``mode``
    is what `amount_mode` returned.
    """
    why = {evidence.column: evidence for evidence in look.evidence}
    chosen: dict[str, str] = {}
    parts = _PARTS_OF.get(mode, ())
    required = [
        column for column in COLUMNS if column.required and not (column.name == "amount" and parts)
    ]
    slots = st.columns(len(required) + len(parts) + (mode == "direction"))
    for slot, column in zip(slots, required, strict=False):
        with slot:
            _take(chosen, column.name, _column_field(column, look, token, why))
    for slot, part in zip(slots[len(required) :], parts, strict=False):
        with slot:
            _take(chosen, part, _part_field(part, look, token, why))
    if mode == "direction":
        with slots[-1]:
            _take(chosen, "direction", _part_field("direction", look, token, why))
    fields = _readings(look, token, mode, why)
    optional = [column for column in COLUMNS if not column.required]
    with st.expander("Further columns"):
        places = st.columns(5)
        for i, column in enumerate(optional):
            with places[i % 5]:
                _take(chosen, column.name, _column_field(column, look, token, why))
    needed = {column.name for column in required} | set(parts)
    needed |= {"direction"} if mode == "direction" else set()
    if fields is None or needed.difference(chosen):
        return None
    named = {name: chosen.pop(name) for name in PARTS if name in chosen}
    return Mapping(columns=chosen, **named, **fields)


def _take(chosen: dict[str, str], name: str, header: str | None) -> None:
    if header is not None:
        chosen[name] = header


def _column_field(column: Column, look: FileLook, token: str, why: dict[str, Any]) -> str | None:
    proposed = look.mapping.columns.get(column.name) if look.mapping else None
    found = why.get(column.name)
    if look.mapping is None and found is not None:
        proposed = found.header
    return _field(
        column.name + (" (required)" if column.required else ""),
        look,
        proposed,
        column.required,
        column.meaning,
        f"map_{token}_{column.name}",
        found,
    )


def _part_field(part: str, look: FileLook, token: str, why: dict[str, Any]) -> str | None:
    proposed = getattr(look.mapping, part) if look.mapping else None
    label = text.AMOUNT_PART[part] + " (required)"
    key = f"map_{token}_{part}"
    return _field(label, look, proposed, True, PARTS[part], key, why.get(part))


def _field(
    label: str,
    look: FileLook,
    proposed: str | None,
    required: bool,
    meaning: str,
    key: str,
    found: Any,
) -> str | None:
    # A required column has to be chosen; any other may be absent.
    options: list[str | None] = [*look.header] if required else [None, *look.header]
    chosen: str | None = st.selectbox(
        label,
        options,
        index=options.index(proposed) if proposed in options else None,
        format_func=lambda header: "not in this file" if header is None else header,
        placeholder="Choose",
        help=meaning[:1].upper() + meaning[1:] + ".",
        key=key,
    )
    if found is not None:
        st.caption(f"{found.confidence} confidence: {found.why}")
    elif required:
        st.caption(f"Not recognised: {meaning}")
    return chosen


def _readings(look: FileLook, token: str, mode: str, why: dict[str, Any]) -> dict[str, Any] | None:
    """Draw how dates and amounts are read; return the mapping's other fields, None if unsaid."""
    proposed = look.mapping
    dates, zones, decimals, last, more = st.columns([5, 4, 4, 5, 4])
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
    known = ["UTC", *sorted(available_timezones() - {"UTC"})]
    fields: dict[str, Any] = {
        "timezone": zones.selectbox(
            "Time zone",
            known,
            help="Of times written without one. Inside Candor all times are UTC.",
            key=f"map_{token}_zone",
        ),
        "decimal": decimals.selectbox(
            "Decimal separator",
            [".", ","],
            index=1 if proposed and proposed.decimal == "," else 0,
            format_func={".": "Point: 1,234.50", ",": "Comma: 1.234,50"}.__getitem__,
            key=f"map_{token}_decimal",
        ),
    }
    if mode == "signed":
        signs = list(text.AMOUNT_SIGN)
        fields["amount_sign"] = last.selectbox(
            "Sign of amounts",
            signs,
            index=signs.index(proposed.amount_sign) if proposed else 0,
            format_func=text.AMOUNT_SIGN.__getitem__,
            help="Inside Candor, above 0 is money out.",
            key=f"map_{token}_sign",
        )
    if mode == "direction":
        for slot, field, label in (
            (last, "direction_in", "Words for money in"),
            (more, "direction_out", "Words for money out"),
        ):
            usual = ", ".join(getattr(proposed, field)) if proposed else ""
            fields[field] = _words(slot.text_input(label, usual, key=f"map_{token}_{field}"))
    else:
        currency = more.text_input(
            "Currency to keep",
            placeholder="all",
            max_chars=12,
            help="Where the file has several: rows in another one are set aside.",
            key=f"map_{token}_keep_currency",
        )
        fields["currency"] = currency.strip() or None
    for slot, setting in ((dates, "date_format"), (decimals, "decimal"), (last, "amount_sign")):
        if setting in why and not (setting == "amount_sign" and mode != "signed"):
            slot.caption(f"{why[setting].confidence} confidence: {why[setting].why}")
    if date_format is None or (mode == "direction" and not fields["direction_in"]):
        return None
    return fields | {"date_format": date_format}


def _words(listed: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in listed.split(",") if word.strip())
