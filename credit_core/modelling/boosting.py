"""XGBoost and LightGBM: fitted by their libraries, read back into `trees.Tree`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from credit_core.config import LightGBMConfig, XGBoostConfig
from credit_core.errors import IntegrityError
from credit_core.modelling.trees import Tree, TreeTables, tabulate
from credit_core.modelling.weights import row_weights

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class XGBoost:
    """A fitted XGBoost ensemble, kept as its JSON text.

    Neither this nor LightGBM's text needs its library to be read, which takes a second to import.
    """

    family: ClassVar[str] = "xgboost"
    model: bytes

    @cached_property
    def tables(self) -> TreeTables:
        learner = json.loads(self.model)["learner"]
        columns = int(learner["learner_model_param"]["num_feature"])
        start = learner["learner_model_param"]["base_score"]
        probability = float(json.loads(start)[0] if start.startswith("[") else start)
        trees = [_xgboost_tree(tree) for tree in learner["gradient_booster"]["model"]["trees"]]
        return tabulate(trees, float(np.log(probability / (1 - probability))), columns)

    def contributions(self, X: FloatArray) -> tuple[float, FloatArray]:
        return self.tables.contributions(X)

    def change(
        self, X: FloatArray, rows: IntArray, columns: IntArray, values: FloatArray
    ) -> FloatArray:
        return self.tables.change(X, rows, columns, values)

    def files(self) -> dict[str, bytes]:
        return {"model.json": self.model}

    @staticmethod
    def from_files(files: dict[str, bytes]) -> XGBoost:
        if "model.ubj" in files:  # as models were kept before
            import xgboost as xgb

            return XGBoost(
                bytes(xgb.Booster(model_file=bytearray(files["model.ubj"])).save_raw("json"))
            )
        return XGBoost(files["model.json"])


def _xgboost_tree(tree: dict[str, Any]) -> Tree:
    left = np.array(tree["left_children"], dtype=np.int64)
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    return Tree(
        feature=np.array(tree["split_indices"], dtype=np.int64),
        threshold=greatest_below(conditions),
        missing_left=np.array(tree["default_left"], dtype=bool),
        left=left,
        right=np.array(tree["right_children"], dtype=np.int64),
        value=np.where(left < 0, conditions.astype(np.float64), 0.0),
        cover=np.array(tree["sum_hessian"], dtype=np.float64),
    )


def greatest_below(conditions: NDArray[np.float32]) -> FloatArray:
    """Return the greatest numbers that, in single precision, are below these.

    XGBoost rounds values to single precision and asks whether x < t. What lies half way between t
    and the number before it is rounded to the one whose last bit is 0.
    """
    before = np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64)
    middle = (before + conditions.astype(np.float64)) / 2  # exact: twice as many bits
    becomes_t = conditions.view(np.uint32) % 2 == 0
    return np.where(becomes_t, np.nextafter(middle, -np.inf), middle)


@dataclass(frozen=True)
class LightGBM:
    """A fitted LightGBM ensemble, kept as its text."""

    family: ClassVar[str] = "lightgbm"
    model: bytes

    @cached_property
    def tables(self) -> TreeTables:
        text = self.model.decode()
        columns = int(_fields(text.partition("\nTree=")[0])["max_feature_idx"]) + 1
        return tabulate(list(lightgbm_trees(text)), 0.0, columns)

    def contributions(self, X: FloatArray) -> tuple[float, FloatArray]:
        return self.tables.contributions(X)

    def change(
        self, X: FloatArray, rows: IntArray, columns: IntArray, values: FloatArray
    ) -> FloatArray:
        return self.tables.change(X, rows, columns, values)

    def files(self) -> dict[str, bytes]:
        return {"model.txt": self.model}

    @staticmethod
    def from_files(files: dict[str, bytes]) -> LightGBM:
        return LightGBM(files["model.txt"])


def _fields(text: str) -> dict[str, str]:
    """Return a part of LightGBM's text, which has lines such as ``name=values``."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def lightgbm_trees(text: str) -> Iterator[Tree]:
    """Yield the trees of LightGBM's text, the nodes of each from the root down, left first."""
    for part in text.partition("\nend of trees")[0].split("\nTree=")[1:]:
        yield _lightgbm_tree(_fields(part))


_CATEGORICAL, _DEFAULT_LEFT, _MISSING, _MISSING_IS_NAN = 1, 2, 12, 8
"""The bits of LightGBM's ``decision_type``."""


def _lightgbm_tree(fields: dict[str, str]) -> Tree:
    def numbers(name: str, kind: type) -> NDArray[Any]:
        # One more, for what a leaf does not have.
        return np.array([*fields.get(name, "").split(), 0], dtype=kind)

    left, right = numbers("left_child", np.int64), numbers("right_child", np.int64)
    decision, threshold = numbers("decision_type", np.int64), numbers("threshold", np.float64)
    if (decision & _CATEGORICAL).any():
        raise IntegrityError("The LightGBM model holds categorical splits, unknown here.")
    # A feature without missing values in training reads a missing one as zero.
    by_default = decision & _MISSING == _MISSING_IS_NAN
    missing_left = np.where(by_default, decision & _DEFAULT_LEFT != 0, threshold >= 0.0)
    found: list[int] = []
    children: list[tuple[int, int]] = []

    def walk(node: int) -> int:
        """Take in a node, and all below it; leaves have numbers below 0."""
        index = len(found)
        found.append(node)
        children.append((-1, -1))
        if node >= 0:
            children[index] = (walk(int(left[node])), walk(int(right[node])))
        return index

    walk(0 if int(fields["num_leaves"]) > 1 else -1)
    nodes = np.array(found)
    split = nodes >= 0
    inner, leaf = np.where(split, nodes, -1), np.where(split, -1, ~nodes)
    places = np.array(children, dtype=np.int64)
    return Tree(
        feature=numbers("split_feature", np.int64)[inner],
        threshold=threshold[inner],
        missing_left=missing_left[inner],
        left=places[:, 0],
        right=places[:, 1],
        value=numbers("leaf_value", np.float64)[leaf],
        cover=np.where(
            split,
            numbers("internal_count", np.float64)[inner],
            numbers("leaf_count", np.float64)[leaf],
        ),
    )


@dataclass(frozen=True)
class Fitted:
    """A boosted model and the number of rounds early stopping chose."""

    estimator: XGBoost | LightGBM
    rounds: int


def fit_xgboost(
    X: FloatArray,
    label: IntArray,
    config: XGBoostConfig,
    *,
    seed: int,
    threads: int,
    watch: tuple[FloatArray, IntArray] | None = None,
    rounds: int | None = None,
    directions: tuple[int, ...] = (),
    balanced: bool = False,
) -> Fitted:
    """Fit XGBoost, stopping early on ``watch`` or after exactly ``rounds``."""
    import xgboost as xgb

    weights = row_weights(label, balanced)
    parameters: dict[str, Any] = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "learning_rate": config.learning_rate,
        "max_depth": config.max_depth,
        "min_child_weight": config.min_child_weight,
        "subsample": config.subsample,
        "colsample_bytree": config.colsample,
        "reg_lambda": config.reg_lambda,
        "base_score": float(np.average(label, weights=weights)),
        "seed": seed,
        "nthread": threads,
        "verbosity": 0,
    }
    if config.monotone and directions:
        parameters["monotone_constraints"] = directions
    data = xgb.DMatrix(X, label, weight=weights)
    if watch is None:
        booster = xgb.train(parameters, data, rounds or config.max_rounds)
        best = booster.num_boosted_rounds()
    else:
        booster = xgb.train(
            parameters,
            data,
            config.max_rounds,
            evals=[(xgb.DMatrix(*watch, weight=row_weights(watch[1], balanced)), "watch")],
            early_stopping_rounds=config.early_stopping,
            verbose_eval=False,
        )
        best = booster.best_iteration + 1
        booster = booster[:best]
    return Fitted(XGBoost(bytes(booster.save_raw("json"))), best)


def fit_lightgbm(
    X: FloatArray,
    label: IntArray,
    config: LightGBMConfig,
    *,
    seed: int,
    threads: int,
    watch: tuple[FloatArray, IntArray] | None = None,
    rounds: int | None = None,
    directions: tuple[int, ...] = (),
    balanced: bool = False,
) -> Fitted:
    """Fit LightGBM, stopping early on ``watch`` or after exactly ``rounds``."""
    import lightgbm as lgb

    parameters: dict[str, Any] = {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": config.learning_rate,
        "max_depth": config.max_depth,
        "num_leaves": config.num_leaves,
        "min_data_in_leaf": config.min_child_samples,
        "bagging_fraction": config.subsample,
        "bagging_freq": 1,
        "feature_fraction": config.colsample,
        "lambda_l2": config.reg_lambda,
        "seed": seed,
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    if config.monotone and directions:
        parameters["monotone_constraints"] = list(directions)
    data = lgb.Dataset(
        X,
        label,
        weight=row_weights(label, balanced),
        params={"verbosity": -1},
        free_raw_data=False,
    )
    if watch is None:
        booster = lgb.train(parameters, data, rounds or config.max_rounds)
        best = booster.current_iteration()
    else:
        booster = lgb.train(
            parameters,
            data,
            config.max_rounds,
            valid_sets=[
                lgb.Dataset(*watch, reference=data, weight=row_weights(watch[1], balanced))
            ],
            callbacks=[lgb.early_stopping(config.early_stopping, verbose=False)],
        )
        best = booster.best_iteration
    # The number of threads changes nothing but this line, and so the model's hash.
    text = re.sub(
        r"\[num_threads: \d+\]", "[num_threads: 0]", booster.model_to_string(num_iteration=best)
    )
    return Fitted(LightGBM(text.encode()), best)
