"""What amounts mean: their currency, decimal mark, direction and sign, by the file's own values."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from credit_core.data.contract import listed
from credit_core.data.evidence import Found, UndecidedError, filled_cells

# fmt: off
_IN_WORDS = frozenset((
    "c", "cr", "credit", "in", "income", "incoming", "inflow", "inbound", "prijem",
    "deposit", "received", "receipt", "+", "haben", "h", "gutschrift", "eingang", "abono",
    "entrata", "avere", "credito", "crédit", "bij", "refund", "cash_in", "transfer_in", "top_up",
    "topup",
))
_OUT_WORDS = frozenset((
    "d", "dr", "debit", "out", "outgoing", "outflow", "outbound", "vydaj", "vyber",
    "withdrawal", "payment", "purchase", "spent", "-", "soll", "s", "lastschrift", "ausgang",
    "cargo", "uscita", "dare", "debito", "débit", "af", "cash_out", "transfer_out",
))
# fmt: on
_ENOUGH_AMOUNTS, _MOSTLY = 20, 2 / 3


def read_amount(found: Found, name: str) -> None:
    """Decide the decimal mark, the direction and the sign of amounts by their values."""
    headers = [
        header
        for column in ("amount", "debit", "unit_price", "balance")
        if (header := found.columns.get(column) or found.fields.get(column))
    ]
    for header in headers:
        _refuse_currencies(found, header, name)
        decimal = _decimal(found, header, name)
        if decimal is not None:
            found.fields["decimal"] = decimal
            break
    if "amount" not in found.columns:
        return
    amounts = found.values[found.columns["amount"]]
    if any(re.search(r"[-−(]", value) for value in amounts):  # noqa: RUF001
        _read_sign(found, amounts)
        return
    _read_direction(found)
    if "direction" not in found.fields:
        found.say(
            "amount_sign",
            found.columns["amount"],
            "low",
            "no amount is below 0 and no column says the direction: all are read as money out",
        )


def _refuse_currencies(found: Found, header: str, name: str) -> None:
    """Refuse amounts that carry the signs or codes of several currencies."""
    filled = filled_cells(found.values[header])
    signs = {char for value in filled for char in value if unicodedata.category(char) == "Sc"}
    codes = {code for value in filled for code in re.findall(r"\b[A-Z]{3}\b", value)}
    several = sorted(signs if len(signs) > 1 else codes)
    if len(several) > 1:
        raise UndecidedError(
            f"{name}: the amounts in {listed([header])} are in several currencies "
            f"({listed(several)}), and sums over several mean nothing. Convert them first, or "
            "give one file a currency.",
            found.evidence,
        )


def _decimal(found: Found, header: str, name: str) -> Literal[".", ","] | None:
    """Return the decimal mark that a column's values show, None where they show none."""
    commas = points = groups = either = 0
    for value in filled_cells(found.values[header]):
        body = re.sub(r"[^\d.,]", "", value)
        if re.fullmatch(
            r"\d{1,3}(\.\d{3})*,\d{1,2}|\d+,\d{1,2}|\d{1,3}(\.\d{3}){2,}|\d+,\d{4,}|0,\d+", body
        ):
            commas += 1
        elif re.fullmatch(
            r"\d{1,3}(,\d{3})*\.\d{1,2}|\d+\.\d{1,2}|\d{1,3}(,\d{3}){2,}|\d+\.\d{4,}|0\.\d+", body
        ):
            points += 1
        elif re.fullmatch(r"\d{1,3},\d{3}", body):
            groups += 1
        elif re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", body):
            either, example = either + 1, value
    if commas > points:
        found.say("decimal", header, "high", f"{commas:,} of the first values have a decimal comma")
        return ","
    if either > 1 and points == 0:
        raise UndecidedError(
            f"{name}: the point in {listed([header])} always stands before three digits (such as "
            f"{listed([example])}), so it may part thousands or decimals. Say which in a mapping: "
            "`decimal: ','` or `decimal: '.'`.",
            found.evidence,
        )
    if points == 0 and groups:
        found.say("decimal", header, "medium", "commas always stand before three digits: thousands")
    return "." if points or groups or either else None


def _read_sign(found: Found, amounts: list[str]) -> None:
    """Decide which sign is money out by the balance, where there is one."""
    header = found.columns["amount"]
    verdict = _sign_by_balance(found, amounts)
    below = _share_negative(amounts)
    if verdict is None and below > 1 / 2:
        found.fields["amount_sign"] = "in_positive"
        found.say(
            "amount_sign",
            header,
            "medium" if below >= _MOSTLY else "low",
            f"{below:.0%} of the first amounts are below 0, and payments usually outnumber "
            "receipts: below 0 is money out",
        )
        return
    if verdict is None:
        found.say(
            "amount_sign", header, "low", "assumed: above 0 is money out; correct it if it is not"
        )
        return
    found.fields["amount_sign"] = verdict
    falls = verdict == "out_positive"
    found.say(
        "amount_sign",
        header,
        "high",
        f"the balance {'falls' if falls else 'rises'} when the amount is above 0",
    )


def _share_negative(amounts: list[str]) -> float:
    """Return the share of amounts below zero; 0 where there are too few to judge by."""
    filled = filled_cells(amounts)
    below = sum(value[0] in "-−(" or value[-1] in "-)" for value in filled)  # noqa: RUF001
    return below / len(filled) if len(filled) >= _ENOUGH_AMOUNTS else 0.0


def _sign_by_balance(
    found: Found, amounts: list[str]
) -> Literal["out_positive", "in_positive"] | None:
    """Compare each customer's balances one row after another with the amount between them."""
    if "balance" not in found.columns:
        return None
    comma = found.fields.get("decimal") == ","
    rows = [
        (customer, amount, balance)
        for customer, amount_text, balance_text in zip(
            found.values[found.columns["customer_id"]],
            amounts,
            found.values[found.columns["balance"]],
            strict=True,
        )
        if (amount := _value(amount_text, comma)) is not None
        and (balance := _value(balance_text, comma)) is not None
    ]
    # Some banks list the newest movement first.
    for ordered in (rows, rows[::-1]):
        last: dict[str, float] = {}
        falls = rises = 0
        for customer, amount, balance in ordered:
            if customer in last:
                change = balance - last[customer]
                falls += abs(change + amount) < 0.006
                rises += abs(change - amount) < 0.006
            last[customer] = balance
        if falls + rises >= max(5, len(rows) / 4) and not 0.2 < falls / (falls + rises) < 0.8:
            return "out_positive" if falls > rises else "in_positive"
    return None


def _value(text: str, comma: bool) -> float | None:
    body = text.replace(".", "").replace(",", ".") if comma else text.replace(",", "")
    try:
        return float(body)
    except ValueError:
        return None


def _read_direction(found: Found) -> None:
    """Find a column whose few words all mean money in or money out."""
    for header, cells in found.values.items():
        filled = filled_cells(cells)
        known = {word for word in filled if _fold(word) in _IN_WORDS | _OUT_WORDS}
        inward = tuple(sorted(word for word in known if _fold(word) in _IN_WORDS))
        outward = tuple(sorted(known.difference(inward)))
        share = sum(word in known for word in filled) / max(len(filled), 1)
        # A word that means neither is no reason to lose all signs; its rows are set aside.
        if header in found.taken or not (inward and outward) or share < 0.9:
            continue
        found.fields |= {"direction": header, "direction_in": inward, "direction_out": outward}
        said = f"in: {', '.join(inward)}; out: {', '.join(outward)}"
        found.say("direction", header, "high", f"amounts have no sign, this column has: {said}")
        return


def _fold(word: str) -> str:
    return word.strip().lower()
