"""Bins are monotone and large enough; WoE and IV by definition; points add up to the score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from credit_core.config import ScorecardConfig
from credit_core.decisions.contributions import score_table
from credit_core.decisions.points import BASE, points_table
from credit_core.modelling.binning import (
    bin_category,
    bin_number,
    information_value,
    weight_of_evidence,
)
from credit_core.modelling.design import fit_design
from credit_core.modelling.estimator import margin
from credit_core.modelling.scorecard import Scorecard, fit_scorecard

CONFIG = ScorecardConfig()


def people(n: int = 3000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Two telling numbers, the first with holes and a copy; noise; a category with rare levels."""
    rng = np.random.default_rng(seed)
    strong, weak = rng.normal(size=n), rng.normal(size=n)
    job = rng.choice(["a", "b", "c", "rare"], n, p=[0.5, 0.3, 0.19, 0.01])
    risk = 1.2 * strong + 0.5 * weak + np.where(job == "c", 1.0, 0.0) - 1.5
    label = (rng.random(n) < 1 / (1 + np.exp(-risk))).astype(np.int64)
    holes = np.where(rng.random(n) < 0.1, np.nan, strong)
    table = pd.DataFrame(
        {
            "strong": holes,
            "copy": 3 * strong + 0.01 * weak,
            "weak": -weak,
            "noise": rng.normal(size=n),
            "job": pd.Series(job, dtype="str"),
        }
    )
    return table, label


TABLE, LABEL = people()
DESIGN = fit_design(TABLE, frozenset({"job"}), 12)
X = DESIGN.matrix(TABLE)


@given(
    st.integers(0, 10**6),
    st.integers(60, 600),
    st.sampled_from([2, 5, 1000]),
    st.floats(0, 0.6),
    st.sampled_from([0.05, 0.2]),
)
@effort(max_examples=60)
def test_bins_are_monotone_large_enough_and_hold_everyone(
    seed: int, n: int, values: int, holes: float, least: float
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, values, n).astype(np.float64)
    label = (rng.random(n) < 0.2 + 0.4 * (x > values / 2)).astype(np.int64)
    label[:2] = [0, 1]
    x[rng.random(n) < holes] = np.nan
    config = ScorecardConfig(min_bin_share=least)
    bins = bin_number(x, label, config)
    codes = bins.codes(x)
    assert bins.goods.sum() + bins.bads.sum() == n
    for i in range(len(bins.goods)):
        assert bins.goods[i] == ((codes == i) & (label == 0)).sum()
        assert bins.bads[i] == ((codes == i) & (label == 1)).sum()
    assert (codes[np.isnan(x)] == len(bins.goods) - 1).all()
    assert len(bins.edges) + 2 == len(bins.goods) <= config.max_bins + 1
    if len(bins.edges):
        goods, bads = bins.goods[:-1], bins.bads[:-1]
        assert (goods + bads >= least * n).all()
        steps = np.diff(bads / (goods + bads))
        assert (steps > 0).all() or (steps < 0).all()


def test_woe_and_iv_are_by_definition() -> None:
    goods, bads = np.array([300, 500, 200]), np.array([60, 30, 10])
    expected = np.log(np.array([0.3, 0.5, 0.2]) / np.array([0.6, 0.3, 0.1]))
    np.testing.assert_allclose(weight_of_evidence(goods, bads), expected)
    iv = float(np.sum((goods / 1000 - bads / 100) * expected))
    assert information_value(goods, bads) == pytest.approx(iv)
    assert weight_of_evidence(np.array([100, 4]), np.array([50, 50]))[1] == 0, "too few to tell"


@pytest.mark.filterwarnings("ignore")
def test_woe_and_iv_are_optbinnings() -> None:
    optbinning = pytest.importorskip("optbinning", reason="a test oracle only")
    x = TABLE["weak"].to_numpy()
    ours = bin_number(x, LABEL, CONFIG)
    oracle = optbinning.OptimalBinning(
        dtype="numerical", user_splits=ours.edges, user_splits_fixed=[True] * len(ours.edges)
    ).fit(x, LABEL)
    table = oracle.binning_table.build()
    theirs = table.iloc[: len(ours.edges) + 1]
    np.testing.assert_array_equal(ours.bads[:-1], theirs["Event"].to_numpy(dtype=int))
    np.testing.assert_allclose(ours.woe[:-1], theirs["WoE"].to_numpy(dtype=float), atol=1e-9)
    assert ours.iv == pytest.approx(float(table.loc["Totals", "IV"]), abs=1e-9)


def test_rare_and_unknown_levels_share_the_last_bin() -> None:
    levels = [column.level for column in DESIGN.columns if column.source == "job"]
    x = np.array([levels.index(job) for job in TABLE["job"]], dtype=np.float64)
    bins = bin_category(x, len(levels), LABEL, CONFIG)
    last = len(bins.goods) - 1
    assert bins.levels.tolist() == [0, 1, 2, last]
    assert bins.codes(np.array([np.nan, levels.index("rare")])).tolist() == [last, last]
    assert bins.goods.sum() + bins.bads.sum() == len(LABEL)


def test_the_telling_enter_and_copies_and_noise_do_not() -> None:
    card = fit_scorecard(X, LABEL, DESIGN, CONFIG)
    assert [one.source for one in card.characteristics] == ["copy", "weak", "job"]
    first = fit_scorecard(X, LABEL, DESIGN, CONFIG, most=1)
    assert [one.source for one in first.characteristics] == ["copy"]
    for one in card.characteristics:  # more evidence of safety never raises the risk
        order = np.argsort(one.bins.woe)
        assert (np.diff(one.log_odds[order]) <= 1e-12).all()


def test_a_scorecard_is_a_logistic_regression_on_woe() -> None:
    card = fit_scorecard(X, LABEL, DESIGN, ScorecardConfig(penalty=1e6))
    woe = np.column_stack([one.bins.woe[one.codes(X)] for one in card.characteristics])
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=5000).fit(woe, LABEL)
    np.testing.assert_allclose(margin(card, X), oracle.decision_function(woe), atol=1e-3)


def test_where_nothing_tells_everyone_has_the_base_rate() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"noise": rng.normal(size=500)})
    design = fit_design(table, frozenset(), 2)
    label = np.repeat([0, 1], [400, 100])
    card = fit_scorecard(design.matrix(table), label, design, ScorecardConfig(min_iv=0.5))
    assert card.characteristics == ()
    np.testing.assert_allclose(margin(card, design.matrix(table)), np.log(0.25))


def test_the_files_give_the_card_back() -> None:
    card = fit_scorecard(X, LABEL, DESIGN, CONFIG)
    again = Scorecard.from_files(card.files())
    assert again.files() == card.files()
    assert margin(again, X).tobytes() == margin(card, X).tobytes()


def test_the_points_table_alone_gives_the_score(store) -> None:
    """Look every row up in the printed table, by hand, and add."""
    bundle = store.bundle("scorecard")
    printed = points_table(bundle)
    rng = np.random.default_rng(0)
    sources = bundle.design.sources
    table = pd.DataFrame(index=range(200))
    for source in sources:
        if source in bundle.design.categories:
            levels = [c.level for c in bundle.design.columns if c.source == source]
            table[source] = pd.Series(rng.choice([*levels, "never seen"], 200), dtype="str")
        else:
            quantiles = bundle.facts["reference"]["quantiles"][source]
            table[source] = np.where(rng.random(200) < 0.2, np.nan, rng.choice(quantiles, 200))
    scored = score_table(bundle, table)
    base = printed.loc[printed["characteristic"] == BASE, "points"].item()
    assert scored.base == base
    by_source = dict(list(printed[1:].groupby("characteristic", sort=False)))
    assert by_source, "something was selected"
    for i in range(200):
        expected = base
        for source, bins in by_source.items():
            value = table[source].iloc[i]
            if source in bundle.design.categories:
                found = bins[bins["bin"] == value]
            else:
                inside = ~(value < bins["from"]) & ~(value >= bins["below"])
                found = bins[inside & (bins["position"] < len(bins) - 1) & pd.notna(value)]
            row = found.iloc[0] if len(found) else bins.iloc[-1]
            assert scored.contributions[sources.index(source), i] == row["points"]
            expected += row["points"]
        assert scored.points[i] == pytest.approx(expected, abs=1e-9)
    assert printed.groupby("characteristic")["share"].sum().iloc[1:].to_numpy() == pytest.approx(1)


def test_other_families_have_no_points_table(store) -> None:
    with pytest.raises(TypeError, match="no points table"):
        points_table(store.bundle("xgboost"))
