"""From a user's headers to the canonical columns: what a mapping says, checked and saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from credit_core.data.contract import BY_NAME, REQUIRED, listed
from credit_core.errors import InputError

DateFormat = Literal["iso", "yyyymmdd", "yymmdd", "dmy", "mdy", "named", "epoch_s", "epoch_ms"]
AmountSign = Literal["out_positive", "in_positive"]

DATE_FORMATS: dict[DateFormat, str] = {
    "iso": "2024-03-31, with or without a time",
    "yyyymmdd": "20240331, with or without a time",
    "yymmdd": "240331",
    "dmy": "31/03/2024, day first",
    "mdy": "03/31/2024, month first",
    "named": "31 Mar 2024 or March 31, 2024",
    "epoch_s": "seconds since 1970",
    "epoch_ms": "milliseconds since 1970",
}
PAIRS = (("debit", "credit"), ("quantity", "unit_price"))
"""Two columns that stand for the amount together."""
PARTS: dict[str, str] = {
    "debit": "money out, in a column of its own",
    "credit": "money in, in a column of its own",
    "quantity": "pieces bought; times the unit price it is the amount",
    "unit_price": "price of one piece",
    "direction": "which way an unsigned amount went",
}


class Mapping(BaseModel):
    """Which header is which canonical column, and how its values are to be read.

    The amount is one signed column (``amount_sign`` says which sign is money out); or unsigned,
    with ``direction`` naming the column that says which way it went and ``direction_in`` and
    ``direction_out`` its words; or two columns, ``debit`` and ``credit``; or ``quantity`` times
    ``unit_price``. ``timezone`` is that of times without one. ``currency`` keeps the rows of one
    currency and sets the others aside.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, str]
    date_format: DateFormat = "iso"
    timezone: str = "UTC"
    decimal: Literal[".", ","] = "."
    amount_sign: AmountSign = "out_positive"
    debit: str | None = None
    credit: str | None = None
    quantity: str | None = None
    unit_price: str | None = None
    direction: str | None = None
    direction_in: tuple[str, ...] = ()
    direction_out: tuple[str, ...] = Field(
        (), description="words for money out; empty = every word that is not one for money in"
    )
    currency: str | None = None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is no time zone; write one such as Europe/Rome") from error
        return value

    @field_validator("direction_in", "direction_out", "currency")
    @classmethod
    def _no_empty_word(cls, value: tuple[str, ...] | str | None) -> tuple[str, ...] | str | None:
        if any(not word.strip() for word in ((value,) if isinstance(value, str) else value or ())):
            raise ValueError("an empty word stands for nothing; leave it out")
        return value

    @property
    def pair(self) -> tuple[str, str] | None:
        """Return the two parts that stand for the amount, None where it is one column."""
        for first, second in PAIRS:
            if getattr(self, first) is not None or getattr(self, second) is not None:
                return first, second
        return None

    @property
    def parts(self) -> dict[str, str]:
        """Return {part: header} of the columns the amount is made of, beside or without it."""
        return {part: getattr(self, part) for part in PARTS if getattr(self, part) is not None}

    def headers(self) -> Iterator[tuple[str, str]]:
        """Yield (canonical column or part, header) of everything that is read."""
        yield from self.columns.items()
        yield from self.parts.items()


def check_mapping(mapping: Mapping, header: Sequence[str], name: str) -> None:
    """Refuse a mapping that does not fit the file's header, or contradicts itself."""
    unknown = [column for column in mapping.columns if column not in BY_NAME]
    if unknown:
        raise InputError(
            f"The mapping names {unknown[0]!r}, which is no canonical column; known: "
            f"{', '.join(BY_NAME)}."
        )
    pair = mapping.pair
    if pair is not None:
        absent = [part for part in pair if getattr(mapping, part) is None]
        if absent:
            raise InputError(
                f"The mapping names {', '.join(p for p in pair if p not in absent)} but not "
                f"{absent[0]}; the amount needs both."
            )
        if "amount" in mapping.columns or mapping.direction is not None:
            raise InputError(
                f"The mapping reads the amount from {pair[0]} and {pair[1]} and from a column of "
                "its own; say one of the two."
            )
    missing = [
        column
        for column in REQUIRED
        if column not in mapping.columns and not (column == "amount" and pair)
    ]
    if missing:
        raise InputError(f"The mapping does not say which column is {', '.join(missing)}.")
    if mapping.direction is not None and not mapping.direction_in:
        raise InputError(
            f"The mapping takes directions from {mapping.direction!r} but does not say which of "
            "its words mean money in (direction_in)."
        )
    if mapping.currency is not None and "currency" not in mapping.columns:
        raise InputError(
            f"The mapping keeps the currency {mapping.currency!r} but does not say which column of "
            f"{name} is currency."
        )
    for column, source in mapping.headers():
        if source not in header:
            raise InputError(
                f"The mapping takes {column} from {listed([source])}, but {name} has no such "
                f"column; it has {listed(header)}."
            )


def load_mapping(path: Path) -> Mapping:
    """Read a mapping saved as YAML."""
    try:
        return Mapping.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"The mapping {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(
            f"The mapping {path} cannot be used: it is no YAML text ({_first_line(error)})."
        ) from error
    except ValidationError as error:
        raise InputError(f"The mapping {path} cannot be used: {_problem(error)}") from error


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _problem(error: ValidationError) -> str:
    """Return what is wrong with a mapping's first wrong key, and how to mend it."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return (
            f"the key {key} is not there. Beside the other keys write `columns: {{customer_id: "
            "HEADER, timestamp: HEADER, amount: HEADER}`, with the file's own headers."
        )
    if first["type"] == "extra_forbidden":
        return f"the key {key} is not known; known here: {', '.join(Mapping.model_fields)}."
    if not key:
        return "it holds no keys. Write `columns:` with customer_id, timestamp and amount."
    message = first["msg"].removeprefix("Value error, ")
    return f"the key {key}: {message}."


def mapping_yaml(mapping: Mapping) -> str:
    """Return the mapping as YAML text that `load_mapping` reads."""
    facts = mapping.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(
        {"columns": {}, "date_format": mapping.date_format} | facts,
        sort_keys=False,
        allow_unicode=True,
    )
