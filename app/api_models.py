"""What the API takes and answers: named, bounded and described fields."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NotRequired

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    WithJsonSchema,
    model_validator,
    with_config,
)
from pydantic_core import core_schema
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from credit_core.data.contract import BY_NAME, MAX_MONEY
from credit_core.labels.wording import RISK_NAME
from credit_core.workflows.single import Applicant, FieldError, of_customer

MOST_TRANSACTIONS = 10_000
MOST_CUSTOMERS = 1_000
_FIRST = datetime(1970, 1, 1)
_OUTSIDE = "it lies outside 1970 to tomorrow"


def _iso(kind: type[datetime], handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
    """Take a time as text only: a bare number could be seconds, milliseconds or a mistake.

    It is asked for each transaction, so without a call back into Python.
    """
    dated = core_schema.str_schema(strict=True, pattern="^[0-9]{4}-")
    wanted = 'write it as ISO 8601 text, such as "2024-03-31T09:30:00Z"'
    text = core_schema.custom_error_schema(dated, "iso_8601", custom_error_message=wanted)
    return core_schema.chain_schema([text, handler(kind)])


def _utc(value: datetime) -> datetime:
    moment = _usable(value, _end())
    if moment is None:
        raise ValueError(_OUTSIDE)
    return moment


def _usable(value: datetime, end: datetime) -> datetime | None:
    """Return a time in UTC, None where it lies outside 1970 to ``end``."""
    try:
        moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except OverflowError:
        return None
    return moment if _FIRST <= moment < end else None


def _end() -> datetime:
    """Return the end of tomorrow."""
    return _FIRST + timedelta(days=int(time.time()) // 86_400 + 2)


def _times(given: Sequence[datetime]) -> list[datetime]:
    """Return the times of transactions in UTC; a FieldError names one that cannot be."""
    found: list[datetime] = []
    end = _end()
    for value in given:
        moment = _usable(value, end)
        if moment is None:
            raise FieldError(f"transactions.{len(found)}.timestamp", f"{_OUTSIDE}.")
        found.append(moment)
    return found


def _filled(texts: Sequence[str | None]) -> list[str | None]:
    """Return texts without the space around them; of an empty one nothing is known."""
    return [(text and text.strip()) or None for text in texts]


Iso = Annotated[
    datetime, GetPydanticSchema(_iso), WithJsonSchema({"type": "string", "format": "date-time"})
]
Moment = Annotated[Iso, AfterValidator(_utc)]
Money = Annotated[float, Field(ge=-MAX_MONEY, le=MAX_MONEY, strict=True)]
Text = Annotated[str, Field(max_length=200)]
IDENTITY = r"^\S(.*\S)?$"
Identity = Annotated[str, Field(min_length=1, max_length=200, pattern=IDENTITY)]


_RISKS = " or ".join(f'"{name}"' for name in RISK_NAME.values())
_CONFIG = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Model(BaseModel):
    model_config = ConfigDict(**_CONFIG, frozen=True)


@with_config(_CONFIG)
class TransactionIn(TypedDict):
    """One dated movement of money of the customer."""

    # Not a model: there are thousands of them in a request, and a dictionary is made in half the
    # time of an object.
    timestamp: Annotated[
        Iso,
        Field(
            description="When it happened, ISO 8601; UTC unless it carries an offset.",
            examples=["2024-03-04T10:15:00Z"],
        ),
    ]
    amount: Annotated[
        Money,
        Field(
            description="Money moved, in the currency of the training data, to 4 decimals: above 0 "
            "is money out (spending), below 0 money in.",
            examples=[42.5],
        ),
    ]
    balance: NotRequired[
        Annotated[
            Money | None,
            Field(description="Account balance after the transaction.", examples=[310.0]),
        ]
    ]
    category: NotRequired[
        Annotated[Text | None, Field(description="What the money was for.", examples=["groceries"])]
    ]
    channel: NotRequired[
        Annotated[Text | None, Field(description="How it was made.", examples=["card"])]
    ]
    is_fraud: NotRequired[
        Annotated[
            bool | None,
            Field(description="Known to be fraudulent.", strict=True, examples=[False]),
        ]
    ]
    transaction_id: NotRequired[
        Annotated[
            Text | None,
            Field(description="The movement's own number; given once.", examples=["t-1"]),
        ]
    ]


class ScoreRequest(_Model):
    """One customer: the transactions themselves, and the attributes that the model reads."""

    customer_id: Annotated[
        Identity,
        Field(description="Whom the answer is about; it is in no log.", examples=["C-1042"]),
    ]
    transactions: Annotated[
        list[TransactionIn],
        Field(max_length=MOST_TRANSACTIONS, description="In any order."),
    ] = Field(default_factory=list)
    attributes: Annotated[
        dict[
            Annotated[str, Field(max_length=200)],
            Annotated[float, Field(strict=True, ge=-1e15, le=1e15)]
            | Annotated[str, Field(strict=True, max_length=200)]
            | None,
        ],
        Field(
            max_length=200,
            description="What the model reads of an application; /v1/models/champion lists it.",
        ),
    ] = Field(default_factory=dict)
    as_of: Annotated[
        Moment | None,
        Field(
            description="The moment to score at; only what lies before it counts. Left out: the "
            "midnight after the last transaction.",
            examples=["2024-04-01T00:00:00Z"],
        ),
    ] = None
    history_from: Annotated[
        Moment | None,
        Field(
            description="The first day that the transactions cover. Left out: the day of the first "
            "one. A history shorter than the model looks back brings a warning.",
            examples=["2023-10-01T00:00:00Z"],
        ),
    ] = None

    @model_validator(mode="after")
    def _once(self) -> ScoreRequest:
        ids = list(filter(None, _filled([row.get("transaction_id") for row in self.transactions])))
        if len(set(ids)) < len(ids):
            raise ValueError("a transaction_id occurs more than once in transactions")
        return self

    def applicant(self, columns: Sequence[str]) -> Applicant:
        """Return what the core scores; ``columns`` are those that the model reads."""
        rows = self.transactions
        moved: dict[str, Sequence[Any]] = {
            "timestamp": _times([row["timestamp"] for row in rows]),
            "amount": [row["amount"] for row in rows],
        }
        for name in columns:
            values: list[Any] = [row.get(name) for row in rows]
            moved[name] = _filled(values) if BY_NAME[name].kind == "text" else values
        return Applicant(self.customer_id, moved, self.attributes, self.as_of, self.history_from)


class BatchRequest(_Model):
    """Several customers, each named once; together they are scored in one go."""

    customers: Annotated[list[ScoreRequest], Field(min_length=1, max_length=MOST_CUSTOMERS)]

    @model_validator(mode="after")
    def _named_once(self) -> BatchRequest:
        names = {customer.customer_id for customer in self.customers}
        if len(names) < len(self.customers):
            raise ValueError("a customer_id occurs more than once in customers")
        if sum(len(c.transactions) for c in self.customers) > 10 * MOST_TRANSACTIONS:
            raise ValueError(f"give at most {10 * MOST_TRANSACTIONS:,} transactions in one request")
        return self

    def applicants(self, columns: Sequence[str]) -> list[Applicant]:
        """Return what the core scores; ``columns`` are those that the model reads."""
        found = []
        for i, customer in enumerate(self.customers):
            with of_customer(i):
                found.append(customer.applicant(columns))
        return found


class ContributionOut(_Model):
    """One factor's share of the score."""

    source: Annotated[str, Field(description="The feature or attribute.")]
    value: Annotated[str, Field(description="Its value with its unit, in words.")]
    points: Annotated[float, Field(description="Points of the score; below 0 lowers it.")]
    description: str
    family: Annotated[str, Field(description="The group of factors it belongs to.")]
    below: Annotated[
        float | None,
        Field(ge=0, le=1, description="Share of development customers with a lower value."),
    ]


class ReasonOut(_Model):
    """One adverse factor, in the applicant's language."""

    source: str
    value: str
    points: Annotated[float, Field(description="Points against the average approved customer.")]
    sentence: str
    reference: Annotated[str, Field(description="The value of a typical approved customer.")]
    gain: Annotated[
        float, Field(gt=0, description="Points the score would rise by with that value.")
    ]
    stability: Annotated[
        Literal["high", "medium", "low", ""],
        Field(description="How often models on resampled customers give it too; empty = unknown."),
    ]


class ScoreResponse(_Model):
    """One score and why: base + the contributions' points = score."""

    customer_id: str
    as_of: Annotated[str | None, Field(description="The moment scored at, ISO 8601, UTC.")]
    score: Annotated[float, Field(description="Points; higher = safer.")]
    risk: Annotated[float, Field(ge=0, le=1, description="Calibrated probability of the label.")]
    risk_is: Annotated[str, Field(description=f"What `risk` is: {_RISKS}.")]
    question: Literal["default", "disengagement"]
    label: Annotated[str, Field(description="The label that the model was trained on.")]
    band: Annotated[str, Field(description="Range of scores, from E (riskiest) to A (safest).")]
    decision: Literal["approve", "refer", "decline"]
    thin_file: Annotated[bool, Field(description="Too few transactions: referred whatever.")]
    base: Annotated[float, Field(description="Points of the average development customer.")]
    contributions: list[ContributionOut]
    reasons: Annotated[list[ReasonOut], Field(max_length=4)]
    warnings: Annotated[list[str], Field(description="What speaks against relying on it.")]
    transactions_given: int
    transactions_counted: Annotated[
        int, Field(description="Those in the observation window before `as_of`.")
    ]
    model: str
    model_version: str
    event: Annotated[
        int | None,
        Field(description="Its number in the record; null without an Idempotency-Key."),
    ] = None


class BatchResponse(_Model):
    """The scores, in the order asked for."""

    scores: list[ScoreResponse]


class FieldProblem(_Model):
    """One field that cannot be used as it is."""

    field: Annotated[str, Field(examples=["transactions.3.amount"])]
    problem: Annotated[str, Field(examples=["Input should be a valid number"])]


class Problem(_Model):
    """What went wrong, in a sentence."""

    error: str
    fields: list[FieldProblem] = Field(default_factory=list)
    request_id: str


class FeatureOut(_Model):
    name: str
    unit: str
    description: str


class AttributeOut(_Model):
    name: str
    kind: Annotated[str, Field(description="number or category")]


class ModelResponse(_Model):
    """The model that scores now."""

    name: str
    version: str
    family: str
    question: str
    label: str
    risk_is: str
    created: str
    sha256: str
    observation_days: int
    transaction_columns: Annotated[
        list[str], Field(description="Optional transaction columns that the model reads.")
    ]
    features: list[FeatureOut]
    attributes: list[AttributeOut]
    metrics: Annotated[
        dict[str, dict[str, float]],
        Field(description="By sample, with n and the limits of 95% intervals."),
    ]


class Health(_Model):
    status: str
    detail: str | None = None
