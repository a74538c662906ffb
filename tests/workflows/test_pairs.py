"""Two models side by side, and the history of champions."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from credit_core import workflows
from credit_core.errors import InputError
from credit_core.modelling.metrics import auc_difference
from credit_core.oversight import events
from credit_core.oversight.registry import find_version
from credit_core.settings import Settings
from credit_core.workflows import champions, comparison, pairs


def evaluation(seed: int, strength: float, n: int = 3000) -> pd.DataFrame:
    """Rows of a model that sees the truth through noise of its own."""
    truth = np.random.default_rng(0).normal(size=n)
    label = (np.random.default_rng(1).random(n) < 1 / (1 + np.exp(1.5 - truth))).astype(np.int64)
    seen = strength * truth + np.random.default_rng(seed).normal(size=n)
    return pd.DataFrame(
        {"sample": "out_of_time", "label": label, "risk": 1 / (1 + np.exp(1.5 - seen))}
    )


GOOD, WEAK = evaluation(2, 2.0), evaluation(3, 0.4)


def test_a_real_difference_is_found_for_every_figure() -> None:
    found = pairs.differences(GOOD, WEAK, "out_of_time").set_index("figure")
    assert set(found.index) == {"auc", "ks", "pr_auc", "brier", "log_loss"}
    direct = auc_difference(
        GOOD["label"].to_numpy(), GOOD["risk"].to_numpy(), WEAK["risk"].to_numpy()
    )
    assert found.loc["auc", "difference"] == direct.difference
    assert found.loc["auc", "better"] == "first"
    assert found.loc["ks", "better"] == "first"
    turned = pairs.differences(WEAK, GOOD, "out_of_time").set_index("figure")
    assert turned.loc["auc", "better"] == "second"
    np.testing.assert_allclose(turned["difference"], -found["difference"])


def test_a_lower_loss_is_better() -> None:
    wrong = GOOD.assign(risk=1 - GOOD["risk"])
    found = pairs.differences(GOOD, wrong, "out_of_time").set_index("figure")
    assert found.loc["brier", "difference"] < 0
    assert found.loc["brier", "better"] == "first"
    assert found.loc["log_loss", "better"] == "first"


def test_models_of_other_people_are_not_compared() -> None:
    assert pairs.differences(GOOD, WEAK[:-1], "out_of_time") is None


def test_the_swap_set_holds_everyone_and_the_better_model_swaps_well() -> None:
    found = pairs.swap_set(GOOD, WEAK, "out_of_time", 0.7).set_index("group")
    assert found["n"].sum() == len(GOOD)
    assert found["bads"].sum() == GOOD["label"].sum()
    approved = found.loc[["both", "first only"], "n"].sum()
    assert approved == round(0.7 * len(GOOD))
    assert found.loc["first only", "n"] == found.loc["second only", "n"]
    assert found.loc["first only", "bad_rate"] < found.loc["second only", "bad_rate"]
    same = pairs.swap_set(GOOD, GOOD, "out_of_time", 0.7).set_index("group")
    assert same.loc[["first only", "second only"], "n"].tolist() == [0, 0]
    assert np.isnan(same.loc["first only", "bad_rate"])


def test_curves_end_where_their_figures_say(store) -> None:
    version = store.version("logistic")
    rows = pd.read_parquet(version.path / "evaluation.parquet")
    metrics = version.metrics["holdout"]
    assert comparison.ks_curve(rows, "holdout")["distance"].max() == pytest.approx(metrics["ks"])
    curve = comparison.precision_curve(rows, "holdout", most=10**6)
    area = np.sum(np.diff(curve["recall"], prepend=0.0) * curve["precision"])
    assert area == pytest.approx(metrics["pr_auc"])
    bands = comparison.bands(rows, "cross_validation", store.bundle("logistic"))
    assert bands["n"].sum() == version.metrics["cross_validation"]["n"]
    assert bands["band"].tolist() == ["A", "B", "C", "D", "E"]
    policy = {band["name"]: band for band in store.bundle("logistic").facts["policy"]["bands"]}
    for row in bands.itertuples():
        assert (row.n, row.bads) == (policy[row.band]["n"], policy[row.band]["bads"])


def test_settings_side_by_side_mark_what_differs(store) -> None:
    bundles = {family: store.bundle(family) for family in ("logistic", "xgboost")}
    table = pairs.settings_side_by_side(bundles).set_index(["section", "key"])
    assert not table.loc[("data", "fingerprint"), "differs"]
    assert not table.loc[("versions", "numpy"), "differs"]
    assert table.loc[("parameters", "family"), "differs"]
    assert table.loc[("parameters", "max_depth"), ["logistic", "xgboost"]].tolist() == ["-", "3"]


def test_segments_of_two_models_are_of_the_same_people(store) -> None:
    kept = [
        json.loads((store.version(family).path / "analysis.json").read_bytes())
        for family in ("logistic", "scorecard")
    ]
    table = pairs.segments(kept[0], kept[1], "cross_validation")
    one = pd.DataFrame(kept[0]["segments"])
    assert len(table) == (one["sample"] == "cross_validation").sum()
    assert {"first", "first_low", "first_high", "second", "second_predicted"} <= set(table.columns)
    assert pairs.segments({"segments": []}, kept[1], "holdout").empty


def test_the_record_says_what_was_live_and_the_way_back(store, tmp_path: Path) -> None:
    shutil.copytree(store.settings.home, tmp_path / "home")
    shutil.copytree(store.settings.models, tmp_path / "models")
    settings = Settings(home=tmp_path / "home", models=tmp_path / "models", threads=2)
    first = find_version(settings, "disengagement").reference
    with pytest.raises(InputError, match="nothing to go back to"):
        champions.roll_back(settings, "disengagement")
    best = find_version(settings, "default").reference
    other = next(v.reference for v in store.observed.versions if v.reference != best)
    workflows.promote(other, "tried out", settings)
    table = champions.promotions(settings, "default")  # the shared record may hold older ones
    assert table["model"].tolist()[:2] == [other, best]
    assert table["until"].isna().tolist()[:2] == [True, False]
    assert table["until"].iloc[1] == table["at"].iloc[0]
    assert champions.previous(settings, "default") == best
    back = champions.roll_back(settings, "default")
    assert (back.reference, back.champion) == (best, True)
    assert f"Rolled back from {other}" in events.list_events(settings)[0].details["reason"]
    assert events.verify(settings) is None
    assert first in champions.promotions(settings, "disengagement")["model"].tolist()


def test_what_a_promotion_changes_besides_the_model_is_said(store) -> None:
    champion = store.bundle("logistic")
    assert comparison.changes(store.bundle("xgboost"), champion) == []
    facts = champion.facts
    other = {**facts["dataset"], "fingerprint": "0" * 64, "name": "other bank", "customers": 1234}
    gone = champion.design.sources[0]
    fewer = [column for column in facts["design"] if column["source"] != gone]
    more = [*fewer, {"source": "shoe_size", "level": None}]
    candidate = replace(champion, facts={**facts, "dataset": other, "design": more})
    named = f"the champion on {facts['dataset']['name']!r}"
    data, added, dropped = comparison.changes(candidate, champion)
    assert data.startswith("It was trained on other data: 'other bank' (1,234 customers)")
    assert named in data
    assert added == "It reads what the champion does not: shoe_size."
    assert dropped == f"It no longer reads {gone}."


def test_a_day_begins_and_ends_with_a_champion() -> None:
    table = pd.DataFrame(
        {"at": pd.to_datetime(["2026-03-02 15:00", "2026-03-01 09:00"]), "model": ["B", "A"]}
    )
    assert champions.live_on(table, date(2026, 2, 28)) == (None, None)
    assert champions.live_on(table, date(2026, 3, 1)) == (None, "A")
    assert champions.live_on(table, date(2026, 3, 2)) == ("A", "B")
    assert champions.live_on(table, date(2026, 3, 9)) == ("B", "B")
