"""Contributions against the libraries' own; a row alone is the row in a batch; calibration."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import fields
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from credit_core.config import LightGBMConfig, LogisticConfig, ScorecardConfig, XGBoostConfig
from credit_core.errors import IntegrityError
from credit_core.modelling import trees
from credit_core.modelling.boosting import (
    LightGBM,
    XGBoost,
    fit_lightgbm,
    fit_xgboost,
    greatest_below,
    lightgbm_trees,
)
from credit_core.modelling.calibration import calibration_slope, fit_platt, probability
from credit_core.modelling.design import MISSING_LEVEL, Design, DesignColumn, fit_design
from credit_core.modelling.estimator import Estimator, margin, total
from credit_core.modelling.logistic import Logistic, choose_penalty, fit_logistic
from credit_core.modelling.scorecard import fit_scorecard
from credit_core.modelling.training import grouped_folds
from credit_core.modelling.trees import Tree, TreeTables, tabulate


def data(
    n: int = 900, p: int = 7, missing: float = 0.15, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Columns of many kinds: skewed, counts with ties, constant, sometimes or never missing."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    X[:, 1] = rng.lognormal(3, 2, n)
    X[:, 2] = rng.poisson(2, n)
    X[:, 3] = rng.integers(0, 2, n)
    X[:, 5] = -np.abs(X[:, 5]) * 1000
    risk = X[:, 0] + 0.4 * X[:, 2] - (X[:, 1] > 30) + X[:, 3] * X[:, 4]
    label = (rng.random(n) < 1 / (1 + np.exp(-risk))).astype(np.int64)
    holes = rng.random((n, p)) < missing
    holes[:, [2, 6]] = False  # columns without a missing value in training
    X[holes] = np.nan
    return X, label


X, LABEL = data()
DESIGN = Design(tuple(DesignColumn(f"x{j}") for j in range(7)))
NEW = np.vstack([data(seed=5)[0], np.full((1, 7), np.nan), np.zeros((1, 7)), np.full((1, 7), 1e9)])


@pytest.fixture(scope="module", params=["shallow", "deep", "stump", "full_of_holes"])
def boosted(request: pytest.FixtureRequest) -> tuple[XGBoost, LightGBM]:
    shape = request.param
    depth = {"shallow": 3, "deep": 6, "stump": 1, "full_of_holes": 4}[shape]
    columns, label = data(missing=0.6) if shape == "full_of_holes" else (X, LABEL)
    xgboost = fit_xgboost(
        columns, label, XGBoostConfig(max_depth=depth), seed=1, threads=2, rounds=30
    )
    leaves = min(2**depth, 40)
    config = LightGBMConfig(max_depth=depth, num_leaves=leaves, min_child_samples=5)
    lightgbm = fit_lightgbm(columns, label, config, seed=1, threads=2, rounds=30)
    return xgboost.estimator, lightgbm.estimator


def test_xgboost_contributions_are_the_librarys(boosted: tuple[XGBoost, LightGBM]) -> None:
    import xgboost as xgb

    estimator, _ = boosted
    booster = xgb.Booster()
    booster.load_model(bytearray(estimator.model))
    native = booster.predict(xgb.DMatrix(NEW), pred_contribs=True, strict_shape=True)[:, 0, :]
    base, parts = estimator.contributions(NEW)
    np.testing.assert_allclose(parts.T, native[:, :-1], rtol=0, atol=1e-5)
    np.testing.assert_allclose(base, native[:, -1], rtol=0, atol=1e-5)
    raw = booster.predict(xgb.DMatrix(NEW), output_margin=True)
    np.testing.assert_allclose(margin(estimator, NEW), raw, rtol=0, atol=1e-5)


def test_lightgbm_contributions_are_the_librarys(boosted: tuple[XGBoost, LightGBM]) -> None:
    import lightgbm as lgb

    _, estimator = boosted
    booster = lgb.Booster(model_str=estimator.model.decode())
    native = booster.predict(NEW, pred_contrib=True)
    base, parts = estimator.contributions(NEW)
    np.testing.assert_allclose(parts.T, native[:, :-1], rtol=0, atol=1e-5)
    np.testing.assert_allclose(base, native[:, -1], rtol=0, atol=1e-5)
    raw = booster.predict(NEW, raw_score=True)
    np.testing.assert_allclose(margin(estimator, NEW), raw, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("ignore")  # shap's own imports and advice
def test_contributions_are_those_of_the_shap_library() -> None:
    import lightgbm as lgb
    import shap
    import xgboost as xgb

    small = NEW[:60]
    estimator = fit_xgboost(X, LABEL, XGBoostConfig(), seed=1, threads=2, rounds=20).estimator
    booster = xgb.Booster()
    booster.load_model(bytearray(estimator.model))
    explained = shap.TreeExplainer(booster).shap_values(small)
    np.testing.assert_allclose(estimator.contributions(small)[1].T, explained, rtol=0, atol=1e-5)
    light = fit_lightgbm(X, LABEL, LightGBMConfig(), seed=1, threads=2, rounds=20).estimator
    explained = shap.TreeExplainer(lgb.Booster(model_str=light.model.decode())).shap_values(small)
    explained = explained[1] if isinstance(explained, list) else explained
    np.testing.assert_allclose(light.contributions(small)[1].T, explained, rtol=0, atol=1e-5)


def test_values_at_a_threshold_go_the_librarys_way() -> None:
    import lightgbm as lgb
    import xgboost as xgb

    coarse = np.round(np.nan_to_num(X), 1)
    estimator = fit_xgboost(coarse, LABEL, XGBoostConfig(), seed=0, threads=1, rounds=20).estimator
    booster = xgb.Booster()
    booster.load_model(bytearray(estimator.model))
    edges = sorted({t for g in estimator.tables.groups for t in g.threshold})
    rows = np.tile(np.array(edges)[:, None], (1, 7))
    for probe in (rows, np.nextafter(rows.astype(np.float32), np.inf).astype(float), rows + 1e-9):
        raw = booster.predict(xgb.DMatrix(probe), output_margin=True)
        np.testing.assert_allclose(margin(estimator, probe), raw, rtol=0, atol=1e-5)
    light = fit_lightgbm(coarse, LABEL, LightGBMConfig(), seed=0, threads=1, rounds=20).estimator
    native = lgb.Booster(model_str=light.model.decode())
    # LightGBM's own zero is a range of 1e-35 on both sides; no amount of money lies in it.
    edges = sorted({t for g in light.tables.groups for t in g.threshold if abs(t) > 1e-30})
    rows = np.tile(np.array(edges)[:, None], (1, 7))
    for probe in (rows, np.nextafter(rows, np.inf)):
        np.testing.assert_allclose(
            margin(light, probe), native.predict(probe, raw_score=True), rtol=0, atol=1e-9
        )


def every_estimator() -> list[Estimator]:
    return [
        fit_logistic(X, LABEL, 0.3),
        fit_xgboost(X, LABEL, XGBoostConfig(), seed=1, threads=2, rounds=25).estimator,
        fit_lightgbm(X, LABEL, LightGBMConfig(), seed=1, threads=2, rounds=25).estimator,
        fit_scorecard(X, LABEL, DESIGN, ScorecardConfig()),
    ]


@pytest.fixture(
    scope="module", params=range(4), ids=["logistic", "xgboost", "lightgbm", "scorecard"]
)
def estimator(request: pytest.FixtureRequest) -> Estimator:
    return every_estimator()[request.param]


def test_a_row_alone_is_the_row_in_a_batch_to_the_bit(estimator: Estimator) -> None:
    many = np.vstack([NEW] * 12)  # longer than one block of rows
    base, parts = estimator.contributions(many)
    sums = margin(estimator, many)
    for row in (0, 1, 500, len(NEW) - 3, len(NEW) - 1, len(many) - 2):
        alone_base, alone = estimator.contributions(many[row : row + 1])
        assert alone_base == base
        assert alone[:, 0].tobytes() == parts[:, row].tobytes()
        assert margin(estimator, many[row : row + 1])[0] == sums[row]
    fortran = np.asfortranarray(many)
    assert estimator.contributions(fortran)[1].tobytes() == parts.tobytes()


def test_an_estimator_reads_back_to_the_bit(estimator: Estimator) -> None:
    again = type(estimator).from_files(estimator.files())
    before, after = estimator.contributions(NEW), again.contributions(NEW)
    assert before[0] == after[0]
    assert before[1].tobytes() == after[1].tobytes()


def test_fitting_twice_gives_the_same_bytes(estimator: Estimator) -> None:
    again = {type(e): e for e in every_estimator()}[type(estimator)]
    assert again.files() == estimator.files()


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_a_model(threads: int) -> None:
    for fit, config in ((fit_xgboost, XGBoostConfig()), (fit_lightgbm, LightGBMConfig())):
        two = fit(X, LABEL, config, seed=1, threads=2, rounds=25).estimator
        assert fit(X, LABEL, config, seed=1, threads=threads, rounds=25).estimator == two


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 40))
@effort(max_examples=30)
def test_a_total_does_not_depend_on_the_batch(seed: int, k: int, rows: int) -> None:
    parts = np.random.default_rng(seed).normal(size=(k, rows)) * 10.0 ** np.arange(k)[:, None]
    whole = total(1.5, parts)
    assert [total(1.5, parts[:, [i]])[0] for i in range(rows)] == whole.tolist()
    np.testing.assert_allclose(whole, 1.5 + parts.sum(axis=0), rtol=1e-9)


def test_logistic_contributions_sum_to_scikit_learns_decision() -> None:
    fitted = fit_logistic(X, LABEL, 0.3)
    bent = np.clip(NEW, fitted.low, fitted.high)
    skewed = fitted.bend > 0
    assert skewed.any()
    bent[:, skewed] = np.sign(bent[:, skewed]) * np.log1p(
        np.abs(bent[:, skewed]) / fitted.bend[skewed]
    )
    Z = np.where(np.isnan(NEW), 0.0, (bent - fitted.mean) / fitted.scale)
    model = LogisticRegression()
    model.classes_ = np.array([0, 1])
    model.coef_ = np.concatenate([fitted.weight, fitted.weight_missing])[None, :]
    model.intercept_ = np.array([fitted.intercept])
    decision = model.decision_function(np.hstack([Z, np.isnan(NEW).astype(float)]))
    np.testing.assert_allclose(margin(fitted, NEW), decision, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("balanced", [False, True])
def test_logistic_without_odd_columns_is_scikit_learns(balanced: bool) -> None:
    rng = np.random.default_rng(3)
    plain = rng.uniform(-1, 1, (500, 4))
    label = (rng.random(500) < 1 / (1 + np.exp(2 - 2 * plain[:, 0]))).astype(np.int64)
    fitted = fit_logistic(plain, label, 0.5, balanced)
    clipped = np.clip(plain, *np.quantile(plain, [0.01, 0.99], axis=0))
    Z = (clipped - clipped.mean(axis=0)) / clipped.std(axis=0)
    oracle = LogisticRegression(
        C=0.5, tol=1e-8, max_iter=5000, class_weight="balanced" if balanced else None
    ).fit(Z, label)
    np.testing.assert_allclose(fitted.weight, oracle.coef_[0], atol=1e-3)
    np.testing.assert_allclose(margin(fitted, plain), oracle.decision_function(Z), atol=5e-3)


def test_balanced_classes_weigh_the_same_in_every_family() -> None:
    """A fit's mean risk is the mean label, each row with its weight (the score equation)."""
    weights = np.where(LABEL == 1, 0.5 / LABEL.sum(), 0.5 / (1 - LABEL).sum())
    boosting = {"seed": 1, "threads": 2, "rounds": 100}
    fitted: list[Estimator] = [
        fit_logistic(X, LABEL, 1.0, True),
        fit_xgboost(X, LABEL, XGBoostConfig(), **boosting, balanced=True).estimator,
        fit_lightgbm(X, LABEL, LightGBMConfig(), **boosting, balanced=True).estimator,
        fit_scorecard(X, LABEL, DESIGN, ScorecardConfig(penalty=1e6), balanced=True),
    ]
    for estimator in fitted:
        risk = 1 / (1 + np.exp(-margin(estimator, X)))
        assert weights @ risk == pytest.approx(0.5, abs=0.02), estimator.family
        assert weights @ (risk > 0.5) == pytest.approx(0.5, abs=0.1), estimator.family


def test_a_column_that_is_always_missing_counts_nothing() -> None:
    columns = np.column_stack([X[:, 0], np.full(len(X), np.nan)])
    fitted = fit_logistic(columns, LABEL, 0.3)
    assert np.isfinite(margin(fitted, columns)).all()


def test_the_penalty_chosen_has_the_smallest_loss() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(80, 40))
    label = rng.integers(0, 2, 80)
    frame = pd.DataFrame({"customer_id": np.arange(80).astype("str"), "label": label})
    folds = grouped_folds(frame, 4, 0)
    config = LogisticConfig(penalties=(100.0, 0.0001, 10.0))
    assert choose_penalty(noise, label, folds, config) == 0.0001


@pytest.mark.parametrize("family", ["xgboost", "lightgbm"])
def test_monotone_constraints_hold(family: str) -> None:
    fit, config = {
        "xgboost": (fit_xgboost, XGBoostConfig(monotone=True)),
        "lightgbm": (fit_lightgbm, LightGBMConfig(monotone=True)),
    }[family]
    directions = (1, 0, -1, 0, 0, 0, 0)
    fitted = fit(X, LABEL, config, seed=1, threads=2, rounds=40, directions=directions).estimator
    grid = np.linspace(-4, 9, 60)
    for start in NEW[:10]:
        rows = np.tile(start, (60, 1))
        rows[:, 0] = grid
        assert (np.diff(margin(fitted, rows)) >= -1e-9).all()
        rows = np.tile(start, (60, 1))
        rows[:, 2] = grid
        assert (np.diff(margin(fitted, rows)) <= 1e-9).all()


def test_early_stopping_never_sees_more_rounds_than_it_keeps() -> None:
    config = XGBoostConfig(max_rounds=200, early_stopping=5)
    fitted = fit_xgboost(
        X[:600], LABEL[:600], config, seed=1, threads=2, watch=(X[600:], LABEL[600:])
    )
    assert 1 <= fitted.rounds < 200
    import xgboost as xgb

    booster = xgb.Booster()
    booster.load_model(bytearray(fitted.estimator.model))
    assert booster.num_boosted_rounds() == fitted.rounds


def test_platt_recovers_the_line_it_was_given() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(-2, 1.5, 60_000)
    label = (rng.random(60_000) < probability(truth)).astype(np.int64)
    found = fit_platt((truth - 0.7) / 3, label)
    assert found.slope == pytest.approx(3, rel=0.03)
    assert found.intercept == pytest.approx(0.7, abs=0.08)
    calibrated = probability(found.log_odds((truth - 0.7) / 3))
    assert calibrated.mean() == pytest.approx(label.mean(), abs=1e-4), "right on average"


def test_platt_is_scikit_learns_unpenalised_regression() -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(size=800) * 40 + 1000
    label = (rng.random(800) < probability((scores - 1010) / 30)).astype(np.int64)
    found = fit_platt(scores, label)
    z = (scores - scores.mean()) / scores.std()
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(z[:, None], label)
    np.testing.assert_allclose(
        found.log_odds(scores), oracle.decision_function(z[:, None]), rtol=1e-6, atol=1e-6
    )


singles = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**120))


@given(singles, st.integers(-3, 3), st.floats(-2, 2))
def test_values_are_compared_as_xgboost_rounds_them(t: float, steps: int, share: float) -> None:
    threshold = np.array([t], dtype=np.float32)
    (limit,) = greatest_below(threshold)
    gap = float(np.nextafter(threshold[0], np.float32(-np.inf))) - t
    for x in (limit, np.nextafter(limit, np.inf), t + gap / 2, t + share * gap, t + steps * gap):
        assert (x <= limit) == bool(np.float32(x) < threshold[0])


def test_models_are_read_without_their_libraries(boosted: tuple[XGBoost, LightGBM]) -> None:
    code = (
        "import sys, pickle, numpy as np\n"
        "for estimator in pickle.load(sys.stdin.buffer):\n"
        "    print(estimator.contributions(np.zeros((1, 7)))[1].sum().hex())\n"
        "print({'xgboost', 'lightgbm', 'sklearn'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(boosted), capture_output=True, check=True
    )
    sums = [estimator.contributions(np.zeros((1, 7)))[1].sum().hex() for estimator in boosted]
    assert done.stdout.decode().split() == [*sums, "set()"]


def test_lightgbm_trees_are_those_the_library_tells_of(boosted: tuple[XGBoost, LightGBM]) -> None:
    import lightgbm as lgb

    def told(node: dict) -> list[tuple]:
        """Every split and leaf below a node, left before right."""
        if "leaf_value" in node:
            return [(node["leaf_value"], node["leaf_count"])]
        missing = node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0
        here = (node["split_feature"], node["threshold"], missing, node["internal_count"])
        return [here, *told(node["left_child"]), *told(node["right_child"])]

    def read(tree: Tree, node: int = 0) -> list[tuple]:
        if tree.left[node] < 0:
            return [(tree.value[node], tree.cover[node])]
        threshold = min(tree.threshold[node], 1e300)  # infinite where only missing values part
        here = (tree.feature[node], threshold, tree.missing_left[node], tree.cover[node])
        return [here, *read(tree, tree.left[node]), *read(tree, tree.right[node])]

    text = boosted[1].model.decode()
    content = lgb.Booster(model_str=text).dump_model()
    trees = list(lightgbm_trees(text))
    assert len(trees) == len(content["tree_info"]) > 20
    for tree, oracle in zip(trees, content["tree_info"], strict=True):
        assert read(tree) == told(oracle["tree_structure"])


def test_a_lightgbm_that_found_nothing_gives_everyone_the_same() -> None:
    fitted = fit_lightgbm(np.zeros((90, 2)), LABEL[:90], LightGBMConfig(), seed=0, threads=1)
    base, parts = fitted.estimator.contributions(np.ones((3, 2)))
    assert not parts.any()
    assert probability(np.array(base)) == pytest.approx(LABEL[:90].mean())


def test_categorical_splits_of_lightgbm_are_refused() -> None:
    import lightgbm as lgb

    codes = np.arange(400.0)[:, None] % 8
    data = lgb.Dataset(codes, np.arange(400) % 8 % 3 == 0, categorical_feature=[0])
    booster = lgb.train({"objective": "binary", "verbosity": -1}, data, 2)
    with pytest.raises(IntegrityError, match="categorical"):
        _ = LightGBM(booster.model_to_string().encode()).tables


def test_a_column_that_no_tree_asks_for_changes_nothing(compiled: bool) -> None:
    rows = np.arange(300)
    tree = Tree(
        *[np.array(part) for part in ([0, 0, 0], [0.5, 0, 0], [True, False, False])],
        *[np.array(part) for part in ([1, -1, -1], [2, -1, -1], [0.0, -1.0, 1.0], [4.0, 1, 3])],
    )
    tables = tabulate([tree], 0.0, 2)
    X = np.zeros((300, 2))
    assert not tables.change(X, rows, np.array([1]), np.ones(1)).any()
    assert (tables.change(X, rows, np.array([0]), np.ones(1)) == 2).all()


def test_nothing_beyond_the_rows_is_ever_read(boosted: tuple[XGBoost, LightGBM]) -> None:
    for estimator in boosted:
        narrow = NEW[:, :6]
        with pytest.raises(ValueError, match="shape"):
            estimator.contributions(narrow)
        with pytest.raises(ValueError, match="shape"):
            estimator.change(narrow, np.arange(len(narrow)), np.array([0]), np.zeros(1))
        for beyond in (np.array([0, len(NEW)]), np.array([-1, 0])):
            with pytest.raises(ValueError, match="no row"):
                estimator.change(NEW, beyond, np.array([0]), np.zeros(1))
    text = boosted[1].model.replace(b"max_feature_idx=6", b"max_feature_idx=2")
    with pytest.raises(IntegrityError, match="of 3"):
        _ = LightGBM(text).tables


def test_xgboost_models_as_they_were_kept_before_are_read(
    boosted: tuple[XGBoost, LightGBM],
) -> None:
    import xgboost as xgb

    booster = xgb.Booster(model_file=bytearray(boosted[0].model))
    again = XGBoost.from_files({"model.ubj": bytes(booster.save_raw("ubj"))})
    for now, before in zip(again.contributions(NEW), boosted[0].contributions(NEW), strict=True):
        assert np.array_equal(now, before)


def test_the_calibration_slope_is_found_with_its_interval() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(-2, 1.2, 20_000)
    label = (rng.random(20_000) < probability(truth)).astype(np.int64)
    slope, low, high = calibration_slope(label, truth * 2 + 1)
    assert low < 0.5 < high
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit((truth * 2 + 1)[:, None], label)
    assert slope == pytest.approx(oracle.coef_[0, 0], rel=1e-5)
    assert calibration_slope(label, np.zeros(20_000)) == (0, 0, 0)
    assert np.isfinite(calibration_slope(np.repeat([0, 1], 20), np.arange(40.0))).all()


@pytest.mark.parametrize("scores", [np.zeros(50), -np.arange(50.0)])
def test_a_margin_that_says_nothing_becomes_the_base_rate(scores: np.ndarray) -> None:
    label = np.repeat([0, 1], [35, 15])
    found = fit_platt(scores, label)
    assert found.slope == 0
    np.testing.assert_allclose(probability(found.log_odds(scores)), 0.3)


customers = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 1)), min_size=60, max_size=200)


@given(customers, st.integers(2, 5), st.integers(0, 1000))
@effort(max_examples=40)
def test_folds_keep_customers_whole_and_cover_every_row_once(
    drawn: list[tuple[int, int]], folds: int, seed: int
) -> None:
    drawn = drawn + [(100 + i, i % 2) for i in range(12)]
    frame = pd.DataFrame(drawn, columns=["customer_id", "label"])
    frame["customer_id"] = "C" + frame["customer_id"].astype("str")
    found = grouped_folds(frame, folds, seed)
    assert len(found) == folds
    tested = np.concatenate([test for _, test in found])
    assert sorted(tested) == list(range(len(frame)))
    for train, test in found:
        assert set(train).isdisjoint(test)
        assert len(train) + len(test) == len(frame)
        here = set(frame["customer_id"].iloc[test])
        assert here.isdisjoint(frame["customer_id"].iloc[train])
    by_customer = {frame["customer_id"][i]: k for k, (_, test) in enumerate(found) for i in test}
    order = np.random.default_rng(0).permutation(len(frame))
    shuffled = frame.iloc[order].reset_index(drop=True)
    again = grouped_folds(shuffled, folds, seed)
    assert by_customer == {
        shuffled["customer_id"][i]: k for k, (_, test) in enumerate(again) for i in test
    }


def test_the_design_reads_numbers_categories_and_what_is_missing() -> None:
    table = pd.DataFrame(
        {
            "number": [1.0, 2.0, np.nan, np.inf],
            "constant": [3.0] * 4,
            "word": ["a", "a", None, "b"],
        }
    )
    table = pd.concat([table] * 10, ignore_index=True)
    design = fit_design(table, frozenset({"word"}), 12)
    assert design.sources == ("number", "word")
    assert [column.level for column in design.columns] == [None, "a", MISSING_LEVEL, "b"]
    X_new = design.matrix(
        pd.DataFrame({"number": ["7", "many"], "word": ["never seen", None], "constant": 3.0})
    )
    assert X_new[:, 1:].tolist() == [[0, 0, 0], [0, 1, 0]]
    assert X_new[0, 0] == 7
    assert np.isnan(X_new[1, 0])
    assert np.isnan(design.matrix(table)[3, 0]), "infinite is missing"
    assert [group.tolist() for group in design.groups] == [[0], [1, 2, 3]]


def test_the_design_keeps_the_most_frequent_levels_in_any_row_order() -> None:
    words = np.repeat([f"w{i}" for i in range(30)], np.arange(30, 0, -1))
    table = pd.DataFrame({"word": words})
    shuffled = table.sample(frac=1, random_state=0)
    design = fit_design(table, frozenset({"word"}), 5)
    assert [column.level for column in design.columns] == [f"w{i}" for i in range(5)]
    assert fit_design(shuffled, frozenset({"word"}), 5) == design


def test_linear_files_hold_plain_numbers() -> None:
    files = fit_logistic(X, LABEL, 0.3).files()
    content = json.loads(files["model.json"])
    assert set(content) == {field.name for field in fields(Logistic)}
    assert np.ravel([np.ravel(values).sum() for values in content.values()]).dtype == np.float64


@pytest.fixture(params=[True, False], ids=["with Numba", "without"])
def compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether compiled loops are used for many rows, as where Numba is loaded."""
    if request.param:
        import_module("numba")
    else:
        monkeypatch.delitem(sys.modules, "numba", raising=False)
    return request.param


@pytest.mark.parametrize("which", [0, 1], ids=["xgboost", "lightgbm"])
def test_blocks_worked_side_by_side_give_the_same_bits(
    boosted: tuple[XGBoost, LightGBM],
    which: int,
    compiled: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    estimator = boosted[which]
    rows = np.tile(NEW, (5, 1))
    assert np.isnan(rows).any()
    base, whole = estimator.contributions(rows)
    alone = [estimator.contributions(NEW[[i]])[1] for i in range(len(NEW))]
    assert np.array_equal(whole, np.hstack(alone * 5))
    monkeypatch.setattr("credit_core.modelling.trees._CHUNK", 337)
    monkeypatch.setattr(
        *((trees, "_Asked") if compiled else (TreeTables, "_flat")), None
    )  # not used
    for some in (rows, np.asfortranarray(rows)):
        again = estimator.contributions(some)
        assert again[0] == base
        assert np.array_equal(again[1], whole)


@pytest.mark.parametrize("which", [0, 1], ids=["xgboost", "lightgbm"])
@pytest.mark.parametrize("columns", [[0], [4, 6], [1, 2, 3]])
def test_changes_of_many_rows_are_those_of_each(
    boosted: tuple[XGBoost, LightGBM], which: int, columns: list[int], compiled: bool
) -> None:
    estimator, chosen = boosted[which], np.array(columns)
    assert estimator.tables._compiled(len(NEW)) == compiled
    for values in (NEW[3, chosen], np.full(len(chosen), np.nan)):
        together = estimator.change(NEW, np.arange(len(NEW)), chosen, values)
        alone = [estimator.change(NEW, np.array([i]), chosen, values)[0] for i in range(len(NEW))]
        assert np.array_equal(together, alone)
        changed = NEW.copy()
        changed[:, chosen] = values
        np.testing.assert_allclose(
            together, margin(estimator, changed) - margin(estimator, NEW), atol=1e-9
        )
