"""What a score may be called: the one place where a risk gets its name.

A model trained on a proxy gives a disengagement risk, whatever its AUC; only a model trained on
observed outcomes gives a PD. Every screen, file and command takes the name from here.
"""

from __future__ import annotations

import re

RISK_NAME = {"default": "PD (observed)", "disengagement": "Disengagement risk"}
"""By the question a model answers (`credit_core.labels.samples.QUESTIONS`)."""
CIRCULAR = (
    "This model is circular: its label comes from the very window that its features see. Its "
    "scores say nothing of what comes after; decide nothing by them."
)
"""What is said wherever such a model scores."""

_CLAIM = re.compile(r"\bPDs?\b|\bdefault(?:s|ed|ing)?\b|\bprobability of default\b")
_DENIAL = re.compile(r"\b(?:no|not|never|nobody|cannot|may be called)\b", re.IGNORECASE)


def claims(words: str) -> list[str]:
    """Return the sentences that call something a PD or a default without denying it.

    Examples
    --------
    >>> claims("It is not a default. The PD is 3%.")
    ['The PD is 3%.']
    """
    sentences = re.split(r"(?<=[.!?:;])\s+|\n", words)
    return [s for s in sentences if _CLAIM.search(s) and not _DENIAL.search(s)]
