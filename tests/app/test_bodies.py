"""Bodies of requests: read and checked in one go they are what they are in two steps."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import from_json

from app.api_models import ScoreRequest

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["2024-03-04T10:15:00Z", "2024-02-30", "1969-12-31", "2024-01-01T24:00", " "]),
    st.just([]),
)
times = st.datetimes().map(lambda moment: moment.isoformat()) | st.sampled_from(
    ["2024-03-04", "2024-03-04T10:15:00+02:00", "2024-03-04 10:15:00.1234567"]
)
rows = st.fixed_dictionaries(
    {"timestamp": times | odd, "amount": st.floats(-1e12, 1e12) | odd},
    optional={
        "balance": st.floats(-1e12, 1e12) | odd,
        "category": odd,
        "channel": odd,
        "is_fraud": odd,
        "transaction_id": odd,
        "unknown": st.none(),
    },
)
bodies = st.fixed_dictionaries(
    {"customer_id": st.sampled_from(["a", "C-1", ""]), "transactions": st.lists(rows, max_size=3)},
    optional={
        "attributes": st.dictionaries(st.text(max_size=3), odd, max_size=3),
        "as_of": times | odd,
        "history_from": odd,
    },
)
USUAL: dict[str, Any] = {
    "customer_id": "a",
    "transactions": [
        {"timestamp": "2024-03-04T10:15:00Z", "amount": 1, "channel": None, "is_fraud": False},
        {"timestamp": "2024-03-04", "amount": 0.1 + 0.2, "balance": 5, "category": "rent"},
    ],
    "attributes": {"age": 41, "job": "clerk", "other": None, "rate": 1.5},
}


@given(bodies)
@example(USUAL)
def test_one_go_and_two_steps_take_the_same_and_refuse_the_same(body: dict[str, Any]) -> None:
    text = json.dumps(body).encode()
    at_once, in_steps = _read_at_once(text), _read_in_steps(text)
    assert repr(at_once) == repr(in_steps)  # and so the kinds of numbers, and NaN
    if body is USUAL:
        assert at_once is not None


def _read_at_once(text: bytes) -> ScoreRequest | None:
    try:
        return ScoreRequest.model_validate_json(text)
    except ValidationError:
        return None


def _read_in_steps(text: bytes) -> ScoreRequest | None:
    try:
        return ScoreRequest.model_validate(from_json(text))
    except ValidationError:
        return None
