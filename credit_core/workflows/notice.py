"""The letter about one applicant's decision, from the explanation of the score."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from credit_core.decisions.notice import Notice, Told, write_notice
from credit_core.decisions.policy import Policy
from credit_core.features.words import readable
from credit_core.modelling.metrics import share_interval
from credit_core.settings import Settings
from credit_core.workflows.scoring import Explanation


def notice(found: Explanation, decision: str, settings: Settings, reason_code: str = "") -> Notice:
    """Return the letter that tells the applicant a decision on an explained score.

    ``reason_code`` is that of a decision other than the recommended one.
    """
    policy = Policy.from_facts(found.bundle.facts["policy"])
    band = next(band for band in policy.bands if band.name == found.band)
    seen = None
    if band.n:
        low, high = share_interval(np.array([band.bads]), np.array([band.n]))
        seen = (band.span, band.n, band.bads, float(low[0]), float(high[0]))
    told = Told(
        decision=decision,
        recommended=found.decision,
        reason_code=reason_code,
        customer_id=found.customer_id,
        as_of=found.as_of.date() if found.as_of else None,
        score=found.score,
        approve_from=policy.approve_from,
        risk=found.risk,
        is_pd=not found.bundle.is_proxy,
        band=seen,
        reasons=[reason.sentence for reason in found.reasons],
        too_few=found.too_few,
        data=_data(found),
        model=found.version.reference,
    )
    return write_notice(told, settings.lender, settings.contact, datetime.now(UTC).date())


def _data(found: Explanation) -> list[str]:
    said = []
    if found.bundle.reads_transactions:
        counted = "no" if not found.transactions else f"{found.transactions:,}"
        before = f" before {found.as_of:%d %B %Y}" if found.as_of else ""
        said.append(
            f"Your account's movements: {counted} transactions of the "
            f"{found.bundle.observation_days} days{before}."
        )
    if found.bundle.attributes:
        names = ", ".join(readable(one.name).lower() for one in found.bundle.attributes)
        said.append(f"What you told us in the application: {names}.")
    protected = found.bundle.facts["protected"]
    if protected:
        named = ", ".join(readable(name.removeprefix("protected_")).lower() for name in protected)
        said.append(f"Not used for the score: {named}.")
    return said
