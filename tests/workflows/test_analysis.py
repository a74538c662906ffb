"""What is kept about a trained model: importance, dependence, segments, stability, learning."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from credit_core import workflows
from credit_core.decisions.contributions import scale_of
from credit_core.decisions.effect import effect
from credit_core.labels.samples import DEVELOPMENT, OUT_OF_TIME
from credit_core.modelling.stability import Frozen
from credit_core.workflows import analysis, comparison


@pytest.fixture(scope="module", params=["scorecard", "xgboost"])
def kept(request: pytest.FixtureRequest, store):
    """A model's bundle, its analysis and its evaluation rows."""
    version = store.version(request.param)
    found = json.loads((version.path / "analysis.json").read_text(encoding="utf-8"))
    return store.bundle(request.param), found, pd.read_parquet(version.path / "evaluation.parquet")


def test_every_source_has_an_importance_with_its_interval(kept) -> None:
    bundle, found, _ = kept
    points = [one["points"] for one in found["importance"]]
    assert {one["source"] for one in found["importance"]} == set(bundle.design.sources)
    assert points == sorted(points, reverse=True)
    assert points[0] > 1, "the strongest moves scores"
    assert all(one["low"] <= one["points"] <= one["high"] for one in found["importance"])


def test_dependence_of_a_scorecard_moves_by_its_own_points(store) -> None:
    bundle = store.bundle("scorecard")
    version = store.version("scorecard")
    found = json.loads((version.path / "analysis.json").read_text(encoding="utf-8"))
    from credit_core.decisions.points import points_table

    table = points_table(bundle)
    source = found["importance"][0]["source"]
    bins = table[table["characteristic"] == source]
    curve = found["dependence"][source]
    for one in curve:
        inside = ~(one["value"] < bins["from"]) & ~(one["value"] >= bins["below"])
        one["bin"] = bins[inside & (bins["position"] < len(bins) - 1)]["points"].iloc[0]
    rises = np.diff([one["points"] for one in curve])
    np.testing.assert_allclose(rises, np.diff([one["bin"] for one in curve]), atol=1e-8)
    assert np.abs(rises).max() > 1


def test_segments_hold_everyone_and_add_up(kept) -> None:
    _, found, evaluation = kept
    segments = pd.DataFrame(found["segments"])
    assert {"transactions", "cohort"} <= set(segments["by"])
    for sample, name in comparison.SAMPLES.items():
        rows = evaluation[evaluation["sample"] == name]
        thirds = segments[(segments["sample"] == sample) & (segments["by"] == "transactions")]
        assert thirds["n"].sum() == len(rows)
        assert thirds["bads"].sum() == rows["label"].sum()
        mean = float(np.average(thirds["predicted"], weights=thirds["n"]))
        assert mean == pytest.approx(float(rows["risk"].mean()))
    known = segments[segments["auc"].notna()]
    assert ((known["auc_low"] <= known["auc"]) & (known["auc"] <= known["auc_high"])).all()
    assert (known[["bads"]].to_numpy() >= 5).all()


def test_stability_covers_the_score_and_every_feature(kept) -> None:
    bundle, found, evaluation = kept
    assert set(found["stability"]["features"]) == set(bundle.design.sources)
    counted = evaluation["sample"].value_counts()
    score = found["stability"]["score"]
    usual = counted[bundle.facts["reference"]["score_sample"]]
    assert (score["n_then"], score["n_now"]) == (usual, counted[OUT_OF_TIME])
    # The same yardstick as monitoring's: bins and counts are those frozen at training.
    later = evaluation.loc[evaluation["sample"] == OUT_OF_TIME, "risk"].to_numpy()
    points = scale_of(bundle).points(np.log(later) - np.log1p(-later))
    frozen = Frozen(**bundle.facts["reference"]["score_bins"])
    assert score["psi"] == pytest.approx(frozen.psi(frozen.count(points)).psi)
    for facts in found["stability"]["features"].values():
        assert (facts["n_then"], facts["n_now"]) == (counted[DEVELOPMENT], counted[OUT_OF_TIME])
    assert score["verdict"] in {"stable", "moderate", "large"}


def test_the_learning_curve_ends_at_the_final_model(kept) -> None:
    bundle, found, _ = kept
    curve = pd.DataFrame(found["learning"])
    assert curve["share"].is_monotonic_increasing
    assert curve["customers"].is_monotonic_increasing
    assert curve["share"].iloc[-1] == 1
    assert curve["auc"].iloc[-1] == pytest.approx(bundle.facts["metrics"]["holdout"]["auc"])


def test_thirds_are_named_by_their_edges_and_missing_stays_apart() -> None:
    x = np.array([1.0, 2, 3, 4, 5, 6, np.nan])
    found = analysis._thirds(x, np.arange(6))
    assert found.tolist() == ["up to 3"] * 2 + ["3 to 4"] * 2 + ["above 4"] * 2 + ["missing"]


def test_the_swarm_shows_real_points_and_places(kept) -> None:
    bundle, found, _ = kept
    strongest = found["importance"][0]["source"]
    assert found["swarm"][0]["source"] == strongest
    for dots in found["swarm"]:
        assert len(dots["points"]) == len(dots["stands"]) > 50
        assert abs(float(np.mean(dots["points"]))) < 0.02, "about the mean"
        if dots["source"] in bundle.design.categories:
            assert set(dots["stands"]) == {None}
        else:
            assert all(one is None or 0 <= one <= 1 for one in dots["stands"])
    spread = np.mean(np.abs(found["swarm"][0]["points"]))
    assert spread == pytest.approx(found["importance"][0]["points"], rel=0.35)


def test_a_policy_s_effect_by_segment_adds_up(store) -> None:
    version = store.version("xgboost")
    judged = workflows.judged_scores(version, store.bundle("xgboost"))
    whole = effect(judged.points, judged.label, 560.0, 500.0)
    assert {"cohort", "transactions"} <= set(judged.segments.columns)
    for by in judged.segments.columns:
        table = judged.by_segment(by, 560.0, 500.0)
        assert table["n"].sum() == whole.n
        assert (table["approved"] * table["n"]).sum() == pytest.approx(whole.approved)
        assert table["bads_approved"].sum() == whole.bads_approved
