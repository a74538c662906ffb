"""Is what comes in still what the model was developed on, and does it still rank and predict?

Every measure has a level: ok, watch, investigate or stop promoting, by limits from the
configuration. A limit alone raises nothing where chance would reach it at this number of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.config import MonitoringConfig, Thresholds
from credit_core.decisions.policy import BANDS, Policy
from credit_core.errors import RefusedError
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.grades import band_table
from credit_core.modelling.metrics import auc_interval, share_interval
from credit_core.modelling.stability import ALPHA, Frozen
from credit_core.oversight import events
from credit_core.oversight.registry import ModelVersion
from credit_core.settings import Settings

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
OK, WATCH, INVESTIGATE, STOP = "ok", "watch", "investigate", "stop promoting"
LEVELS = (OK, WATCH, INVESTIGATE, STOP)
KIND = "monitored"
_FEWEST, _FEWEST_DECISIONS = 5, 20
"""Goods, and bads, that a realised AUC needs; decisions that an override rate needs."""


def level_of(value: float, limits: Thresholds) -> str:
    """Return the level that a value reaches.

    >>> level_of(0.3, Thresholds(watch=0.1, investigate=0.25, stop_promoting=0.5))
    'investigate'
    """
    steps = (limits.watch, limits.investigate, limits.stop_promoting)
    return LEVELS[sum(value >= step for step in steps)]


def worst(levels: Sequence[str]) -> str:
    """Return the gravest of some levels; ok where there are none."""
    return max(levels, key=LEVELS.index, default=OK)


@dataclass(frozen=True)
class Seen:
    """What was counted of the rows looked at, in development's bins.

    ``features`` and ``score`` are counts by bin, ``decisions`` by decision; ``reasons`` counts by
    source over the ``unapproved``. ``approved`` are those that the policy set at training would
    approve, whatever policy is in force.
    """

    n: int
    score: IntArray
    features: Mapping[str, IntArray]
    decisions: Mapping[str, int]
    approved: int
    reasons: Mapping[str, int]
    unapproved: int


def drift(bundle: Bundle, seen: Seen, limits: MonitoringConfig) -> dict[str, Any]:
    """Return the drift of the score and of every feature, the approval rate and the reason mix.

    The critical value of each feature's PSI is taken so that all features together pass it by
    chance once in twenty times.
    """
    reference = bundle.facts["reference"]
    score = Frozen(**reference["score_bins"]).psi(seen.score)
    alpha = ALPHA / max(len(seen.features), 1)
    features = []
    for source, counts in seen.features.items():
        psi = Frozen(**reference["bins"][source]).psi(counts, alpha)
        level = level_of(psi.psi, limits.feature_psi) if psi.psi > psi.critical else OK
        features.append({"source": source, **psi.facts(), "level": level})
    features.sort(key=lambda one: -float(one["psi"]))
    return {
        "score": {
            **score.facts(),
            "level": level_of(score.psi, limits.score_psi) if score.psi > score.critical else OK,
        },
        "features": features,
        "approval": _approval(reference, seen, limits),
        "reasons": [
            {
                "source": source,
                "then": then,
                "now": seen.reasons.get(source, 0) / max(seen.unapproved, 1),
            }
            for source, then in sorted(reference["reason_mix"].items(), key=lambda one: -one[1])
        ],
        "unapproved": seen.unapproved,
    }


def _approval(reference: Mapping[str, Any], seen: Seen, limits: MonitoringConfig) -> dict[str, Any]:
    """Compare the share approved with that at training, which is an estimate as well.

    Both are by the policy set at training: a new policy is no drift. ``in_force`` is the share by
    the one in force.

    Chance is ruled out where 0 lies outside the difference's interval, put together from those of
    the two shares (Newcombe 1998, method 10, here with Jeffreys' intervals).
    """
    n = np.array([sum(reference["score_bins"]["counts"]), seen.n])
    shares = np.array([reference["approved_share"], seen.approved / seen.n])
    lows, highs = share_interval(np.rint(shares * n).astype(np.int64), n)
    then, rate = (float(share) for share in shares)
    low, high = float(lows[1]), float(highs[1])
    down = np.hypot(rate - low, highs[0] - then)
    up = np.hypot(high - rate, then - lows[0])
    chance = bool(-up <= rate - then <= down)
    return {
        "rate": rate,
        "low": low,
        "high": high,
        "n": seen.n,
        "then": then,
        "n_then": int(n[0]),
        "in_force": seen.decisions.get("approve", 0) / seen.n,
        "level": OK if chance else level_of(abs(rate - then), limits.approval_change),
    }


def overrides(decided: int, overridden: int, limits: MonitoringConfig) -> dict[str, Any]:
    """Return how often people departed from the recommendation; an alarm needs its interval."""
    if not decided:
        return {"n": 0, "rate": None, "low": None, "high": None, "level": OK}
    ends = share_interval(np.array([overridden]), np.array([decided]))
    low, high = (float(end[0]) for end in ends)
    # The whole interval has to lie beyond a limit.
    return {
        "n": decided,
        "rate": overridden / decided,
        "low": low,
        "high": high,
        "level": level_of(low, limits.override_rate) if decided >= _FEWEST_DECISIONS else OK,
    }


def quality(rows: int, set_aside: int, limits: MonitoringConfig) -> dict[str, Any]:
    """Return the share of rows that intake set aside."""
    share = set_aside / rows if rows else 0.0
    return {
        "rows": rows,
        "set_aside": set_aside,
        "share": share,
        "level": level_of(share, limits.set_aside_share),
    }


def realised(
    bundle: Bundle, frame: pd.DataFrame, limits: MonitoringConfig
) -> dict[str, Any] | None:
    """Return how a model's scores compare with outcomes that arrived later.

    Parameters
    ----------
    frame : DataFrame
        One row a snapshot: ``as_of``, ``points``, ``risk`` and ``outcome`` (1 = bad).

    Returns
    -------
    dict or None
        ``n``, ``bads``, ``auc`` with ``low`` and ``high`` (DeLong) beside ``development``;
        ``bands`` (`band_table`; of a proxy model without its tests, for its risk is no PD);
        ``vintages`` by quarter of ``as_of``. None where an outcome has fewer than five rows.
    """
    label = frame["outcome"].to_numpy(dtype=np.int64)
    bads = int(label.sum())
    if min(bads, len(label) - bads) < _FEWEST:
        return None
    risk = frame["risk"].to_numpy()
    found = auc_interval(label, risk)
    names = bundle.facts["metrics"]
    before = names.get("observed_outcome")
    if not bundle.is_proxy:
        before = names.get("out_of_time") or names["cross_validation"]
    drop = 0.0 if before is None else before["auc"] - found.auc
    # Only what lies beyond chance counts as a drop.
    beyond = before is not None and before["auc"] > found.high
    bands = _bands(bundle, frame, label)
    red = 0 if bundle.is_proxy else sum(one["light"] == "red" for one in bands)
    level = worst(
        [
            level_of(drop, limits.auc_drop) if beyond else OK,
            level_of(red, limits.bands_underestimated),
        ]
    )
    return {
        "n": len(label),
        "bads": bads,
        "auc": found.auc,
        "low": found.low,
        "high": found.high,
        "development": before
        and {name: before[name] for name in ("auc", "auc_low", "auc_high", "n")},
        "drop": drop,
        "bands": bands,
        "red": red,
        "vintages": _vintages(frame, label),
        "level": level,
    }


def _bands(bundle: Bundle, frame: pd.DataFrame, label: IntArray) -> list[dict[str, Any]]:
    policy = Policy.from_facts(bundle.facts["policy"])
    band = policy.band_of(frame["points"].to_numpy())
    table = band_table(label, frame["risk"].to_numpy(), band, BANDS[::-1])
    if bundle.is_proxy:
        table = table.drop(columns=["predicted", "jeffreys", "binomial", "light"])
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _vintages(frame: pd.DataFrame, label: IntArray) -> list[dict[str, Any]]:
    when = pd.to_datetime(frame["as_of"])
    if when.isna().all():
        return []
    found = []
    quarter = when.dt.to_period("Q").astype("str")
    for name in sorted(quarter.unique()):
        here = (quarter == name).to_numpy()
        n, bads = int(here.sum()), int(label[here].sum())
        low, high = (float(end[0]) for end in share_interval(np.array([bads]), np.array([n])))
        auc = None
        if min(bads, n - bads) >= _FEWEST:
            one = auc_interval(label[here], frame["risk"].to_numpy()[here])
            auc = [one.auc, one.low, one.high]
        found.append(
            {
                "vintage": name,
                "n": n,
                "bads": bads,
                "rate": bads / n,
                "low": low,
                "high": high,
                "score": float(frame["points"].to_numpy()[here].mean()),
                "auc": auc,
            }
        )
    return found


def alerts(facts: Mapping[str, Any], limits: MonitoringConfig) -> list[dict[str, str]]:
    """Return one alert for each measure that is not ok, the gravest first.

    Each has ``level``, ``what`` (a sentence with the figures) and ``do`` (the configured action).
    """
    found: list[tuple[str, str]] = []

    def say(level: str, what: str) -> None:
        if level != OK:
            found.append((level, what))

    score = facts["drift"]["score"]
    say(
        score["level"],
        f"The scores' distribution moved: PSI {score['psi']:.2f} (chance alone reaches "
        f"{score['critical']:.2f} at n {score['n_now']:,}).",
    )
    for one in facts["drift"]["features"]:
        say(
            one["level"],
            f"{one['source']} moved: PSI {one['psi']:.2f} (chance {one['critical']:.2f}, n "
            f"{one['n_now']:,}).",
        )
    approval = facts["drift"]["approval"]
    say(
        approval["level"],
        f"{approval['rate']:.0%} would be approved by the policy set at training "
        f"({approval['low']:.0%} to {approval['high']:.0%}, n {approval['n']:,}); at training "
        f"{approval['then']:.0%} of {approval['n_then']:,} customers that the model had not seen.",
    )
    override = facts["overrides"]
    if override["rate"] is not None:
        say(
            override["level"],
            f"People departed from {override['rate']:.0%} of {override['n']:,} recommendations "
            f"({override['low']:.0%} to {override['high']:.0%}).",
        )
    kept = facts["quality"]
    say(
        kept["level"],
        f"{kept['set_aside']:,} of {kept['rows']:,} rows of the file were set aside "
        f"({kept['share']:.1%}).",
    )
    outcome = facts["outcomes"]
    if outcome is not None:
        before = outcome["development"]
        fell = f"; before {before['auc']:.3f}" if before else ""
        say(
            outcome["level"],
            f"Against {outcome['n']:,} outcomes: AUC {outcome['auc']:.3f} ({outcome['low']:.3f} to "
            f"{outcome['high']:.3f}){fell}; {outcome['red']} bands turned out riskier than said.",
        )
    actions = limits.actions
    do = {WATCH: actions.watch, INVESTIGATE: actions.investigate, STOP: actions.stop_promoting}
    found.sort(key=lambda one: -LEVELS.index(one[0]))
    return [{"level": level, "what": what, "do": do[level]} for level, what in found]


def last_report(settings: Settings, version: ModelVersion) -> events.Event | None:
    """Return the latest recorded report on a model, None where there is none."""
    for event in events.list_events(settings, limit=None, kind=KIND):
        if event.details["sha256"] == version.sha256:
            return event
    return None


def refuse_while_stopped(settings: Settings, version: ModelVersion) -> None:
    """Raise a RefusedError where the latest report on a model says to stop promoting."""
    event = last_report(settings, version)
    if event is not None and event.details["level"] == STOP:
        raise RefusedError(
            f"{version.reference} is not promoted: its latest monitoring report (event "
            f"{event.sequence}) says to stop promoting. {event.details['alerts'][0]['what']} "
            "Mend the cause and record a new report.",
            {"version": version.reference, "event": event.sequence},
        )
