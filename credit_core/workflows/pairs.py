"""Two models side by side: is the difference real, who would be swapped, what else differs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from credit_core.modelling.bundle import Bundle
from credit_core.modelling.metrics import auc_difference, evaluate, share_interval
from credit_core.modelling.resampling import FIGURES, paired_difference
from credit_core.workflows.comparison import rows_of, same_sample

LOWER_IS_BETTER = frozenset({"brier", "log_loss"})
CLEAR = 0.05


def differences(first: pd.DataFrame, second: pd.DataFrame, sample: str) -> pd.DataFrame | None:
    """Return the first model's figures minus the second's on the same rows.

    Returns
    -------
    DataFrame or None
        Columns figure, first, second, difference, low, high (95%), p (two-sided, that there is
        none) and better ('first', 'second' or '' where p is not below 0.05); n and bads. The AUC
        by DeLong's paired test (a cross-validation's rows are pooled), the others by the paired
        bootstrap. None where the two were not judged on the same rows.
    """
    if not same_sample([first, second]):
        return None
    label, one = rows_of(first, sample)
    _, two = rows_of(second, sample)
    if len(np.unique(label)) < 2:
        return None
    figures = [evaluate(label, risk).facts() for risk in (one, two)]
    auc = auc_difference(label, one, two)
    found = {"auc": (auc.difference, auc.low, auc.high, auc.p)}
    for name in FIGURES:
        gap = paired_difference(name, label, one, two)
        found[name] = (gap.value, gap.low, gap.high, gap.p)
    rows = []
    for name, (difference, low, high, p) in found.items():
        ahead = (difference > 0) != (name in LOWER_IS_BETTER)
        rows.append(
            {
                "figure": name,
                "first": figures[0][name],
                "second": figures[1][name],
                "difference": difference,
                "low": low,
                "high": high,
                "p": p,
                "better": ("first" if ahead else "second") if p < CLEAR else "",
                "n": len(label),
                "bads": int(label.sum()),
            }
        )
    return pd.DataFrame(rows)


def swap_set(first: pd.DataFrame, second: pd.DataFrame, sample: str, share: float) -> pd.DataFrame:
    """Return who both models, one, or neither would approve, and how they turned out.

    Each approves the ``share`` it finds safest (and whoever has the same risk as the last of
    them), so that the two are compared at one approval rate.

    Returns
    -------
    DataFrame
        One row a group: group ('both', 'first only', 'second only', 'neither'), n, bads,
        bad_rate with low and high (Jeffreys; missing where nobody is in it).
    """
    label, one = rows_of(first, sample)
    _, two = rows_of(second, sample)
    yes, also = (risk <= np.quantile(risk, share, method="inverted_cdf") for risk in (one, two))
    groups = {
        "both": yes & also,
        "first only": yes & ~also,
        "second only": ~yes & also,
        "neither": ~yes & ~also,
    }
    n = np.array([int(here.sum()) for here in groups.values()])
    bads = np.array([int(label[here].sum()) for here in groups.values()])
    low, high = share_interval(bads, n)
    table = pd.DataFrame({"group": list(groups), "n": n, "bads": bads})
    anyone = n > 0
    return table.assign(
        bad_rate=np.where(anyone, bads / np.maximum(n, 1), np.nan),
        low=np.where(anyone, low, np.nan),
        high=np.where(anyone, high, np.nan),
    )


def segments(first: dict[str, Any], second: dict[str, Any], sample: str) -> pd.DataFrame:
    """Return AUC by segment of two models' analyses, where both have the segment.

    Columns by, segment, n, bads, observed, then first and second (AUC, missing where too few) with
    first_low, first_high, second_low, second_high, and first_predicted, second_predicted.
    """
    keys = ["by", "segment", "n", "bads", "observed"]
    columns = [*keys, "auc", "auc_low", "auc_high", "predicted"]
    tables = []
    for name, found in (("first", first), ("second", second)):
        table = pd.DataFrame(found["segments"])
        table = table.loc[table["sample"] == sample, columns] if len(table) else table
        if table.empty:
            return pd.DataFrame(columns=[*keys, "first", "second"])
        names = {"auc": name} | {c: f"{name}_{c.removeprefix('auc_')}" for c in columns[6:]}
        tables.append(table.rename(columns=names))
    return tables[0].merge(tables[1], on=keys)


def settings_side_by_side(bundles: dict[str, Bundle]) -> pd.DataFrame:
    """Return what models were made from and with, one row a key, and whether they differ.

    Columns: section ('data', 'parameters' or 'versions'), key, one column of text a model, in the
    order given, and differs.
    """
    described = {name: _described(bundle.facts) for name, bundle in bundles.items()}
    keys = list(dict.fromkeys(key for found in described.values() for key in found))
    rows = []
    for section, key in keys:
        values = {name: found.get((section, key), "-") for name, found in described.items()}
        differs = len(set(values.values())) > 1
        rows.append({"section": section, "key": key, **values, "differs": differs})
    return pd.DataFrame(rows)


def _described(facts: dict[str, Any]) -> dict[tuple[str, str], str]:
    label, config = facts["label"], facts["config"]
    data = {
        "data set": facts["dataset"]["name"],
        "fingerprint": facts["dataset"]["fingerprint"],
        "label": label["kind"],
        "label's definition": label["definition"],
        "snapshots": f"{label['snapshots']:,}",
        "bad rate": f"{label['bad_rate']:.2%}",
        "observation days": label["observation_days"],
        "outcome days": label["outcome_days"],
        "features": len(facts["features"]),
        "attributes": len(facts["attributes"]),
        "catalogue": facts["catalogue_fingerprint"],
        "folds": config["training"]["folds"],
        "hold-out share": config["training"]["holdout_share"],
        "seed": facts["seed"],
    }
    parameters = {"family": facts["family"], **facts["parameters"]}
    sections = {"data": data, "parameters": parameters, "versions": facts["versions"]}
    return {
        (section, key): str(value)
        for section, held in sections.items()
        for key, value in held.items()
    }
