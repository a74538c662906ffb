"""A finished training's facts as tables and sentences; pure functions."""

from __future__ import annotations

from typing import Any

from app import text

Row = dict[str, Any]


def model_rows(models: list[dict[str, Any]]) -> list[Row]:
    """Return one row a model and sample: AUC with its interval, Gini, KS, Brier, n, bads."""
    rows = []
    for model in models:
        number = f" ({model['version']})" if "version" in model else ""  # not registered yet
        for sample, label in text.SAMPLE.items():
            metrics = model.get(sample)
            if metrics:
                names = ("auc", "auc_low", "auc_high", "gini", "ks", "brier", "n", "bads")
                rows.append(
                    {
                        "model": f"{text.FAMILY[model['family']]}{number}",
                        "sample": label,
                        **{name: metrics[name] for name in names},
                    }
                )
    return rows


def reference_rows(result: dict[str, Any]) -> list[Row]:
    """Return the best model beside recency, frequency, money and the proxy label."""
    references = result["references"]
    if not references:
        return []
    best = result["models"][0]
    family = text.FAMILY[best["family"]]
    named = {
        f"Best model ({family}, cross-validation)": best["cross_validation"],
        "Recency, frequency and money together": references["rfm_model"],
        "Recency alone": references["recency_days"],
        "Frequency alone": references["frequency"],
        "Money alone": references["monetary"],
        "The proxy label (disengaged afterwards)": references["proxy_label"],
    }
    names = ("auc", "auc_low", "auc_high", "n", "bads")
    return [
        {"predictor": label, **{name: facts[name] for name in names}}
        for label, facts in named.items()
        if facts
    ]


def canary_verdict(checks: dict[str, Any]) -> tuple[str, str]:
    """Return ('passed', 'failed' or 'none', one plain sentence)."""
    canary = checks["canary"]
    if canary["passed"] is None:
        return "none", f"The canary does not apply: {canary['why']}."
    level = f"{canary.get('level', 0.999):.1%} interval"
    found = f"AUC {canary['auc']:.3f} ({level} {canary['low']:.3f} to {canary['high']:.3f})"
    verdict = "passed" if canary["passed"] else "failed"
    return verdict, f"Canary {verdict}: {canary['why']}. {found}; 0.5 is chance."


def naive_verdict(naive: dict[str, Any]) -> str:
    """Return how a model stands beside the base rate and its best single feature."""
    people = f"{text.SAMPLE[naive['sample']].lower()}, n {naive['n']:,}"
    if naive["refusal"]:
        return str(naive["refusal"])
    base = (
        f"Beats the base rate: log loss {naive['log_loss']:.4f} against "
        f"{naive['base_log_loss']:.4f} ({people})."
    )
    if naive["source"] is None:
        return f"{base} No single feature says anything by itself."
    clear = "" if naive["low"] > 0 else " The gain is within chance."
    return (
        f"{base} Its AUC is {naive['difference']:+.3f} ({naive['low']:+.3f} to "
        f"{naive['high']:+.3f}) above that of its best single feature, {naive['source']} "
        f"({naive['auc']:.3f}).{clear}"
    )


def gauge_rows(gauge: dict[str, Any]) -> list[Row]:
    """Return one row a bar: what is asked, its AUC with interval, n, bads; None if not measured."""
    names = ("auc", "auc_low", "auc_high", "n", "bads")
    return [
        {
            "what": text.GAUGE[name],
            "circular": name == "same_window",
            **{key: (facts or {}).get(key) for key in names},
        }
        for name, facts in gauge["bars"].items()
    ]


def gauge_finding(gauge: dict[str, Any]) -> str:
    """Return the title of the gauge: what the same window only seems to know."""
    bars = gauge["bars"]
    same, forward = bars.get("same_window"), bars.get("forward")
    if same and forward:
        return f"Same window {same['auc']:.3f}, the days after {forward['auc']:.3f}"
    inside, rfm = bars.get("cross_validation"), bars.get("rfm_model")
    if inside and rfm:
        return f"The model {inside['auc']:.3f}, recency, frequency and money {rfm['auc']:.3f}"
    return "What could be measured"


def matching_rows(report: dict[str, Any]) -> list[Row]:
    """Return how many applications met the ledger in which way."""
    return [
        {"what": words.format(**report), "n": report[name]}
        for name, words in text.MATCHING.items()
        if name in report
    ]


def against_outcomes(models: list[dict[str, Any]]) -> str | None:
    """Return what a proxy model says about real outcomes, None where none were measured."""
    best = models[0]
    metrics = best.get("observed_outcome")
    if not metrics:
        return None
    low, high = metrics["auc_low"], metrics["auc_high"]
    if low <= 0.5 <= high:
        verdict = "no better than chance"
    elif high < 0.5:
        verdict = "it ranks them the wrong way round"
    elif metrics["auc"] < 0.6:
        verdict = "little better than chance"
    else:
        verdict = "it carries something about them, yet it stays a proxy"
    return (
        f"Against the {metrics['n']:,.0f} outcomes on file ({metrics['bads']:,.0f} bad) the best "
        f"of these models reaches AUC {metrics['auc']:.3f} ({low:.3f} to {high:.3f}): {verdict}."
    )


def duration(seconds: float) -> str:
    """Return a duration in words.

    >>> duration(7.2), duration(84), duration(4020)
    ('7 s', '1 min 24 s', '1 h 7 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
