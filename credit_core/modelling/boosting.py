"""XGBoost and LightGBM: fitted by their libraries, read back into `trees.Tree`."""

from __future__ import annotations

import json
import re
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
    """A fitted XGBoost ensemble, kept as its UBJ bytes."""

    family: ClassVar[str] = "xgboost"
    model: bytes

    @cached_property
    def tables(self) -> TreeTables:
        import xgboost as xgb

        booster = xgb.Booster()
        booster.load_model(bytearray(self.model))
        learner = json.loads(booster.save_raw("json"))["learner"]
        columns = int(learner["learner_model_param"]["num_feature"])
        start = learner["learner_model_param"]["base_score"]
        probability = float(json.loads(start)[0] if start.startswith("[") else start)
        trees = [_xgboost_tree(tree) for tree in learner["gradient_booster"]["model"]["trees"]]
        return tabulate(trees, float(np.log(probability / (1 - probability))), columns)

    def contributions(self, X: FloatArray) -> tuple[float, FloatArray]:
        # XGBoost compares in single precision; so must the tables.
        return self.tables.contributions(_single(X))

    def change(self, X: FloatArray, columns: IntArray, values: FloatArray) -> FloatArray:
        return self.tables.change(_single(X), columns, _single(values))

    def files(self) -> dict[str, bytes]:
        return {"model.ubj": self.model}

    @staticmethod
    def from_files(files: dict[str, bytes]) -> XGBoost:
        return XGBoost(files["model.ubj"])


def _single(X: FloatArray) -> FloatArray:
    return X.astype(np.float32).astype(np.float64)


def _xgboost_tree(tree: dict[str, Any]) -> Tree:
    left = np.array(tree["left_children"], dtype=np.int64)
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    # x < t in single precision is x <= the number before t.
    before = np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64)
    return Tree(
        feature=np.array(tree["split_indices"], dtype=np.int64),
        threshold=before,
        missing_left=np.array(tree["default_left"], dtype=bool),
        left=left,
        right=np.array(tree["right_children"], dtype=np.int64),
        value=np.where(left < 0, conditions.astype(np.float64), 0.0),
        cover=np.array(tree["sum_hessian"], dtype=np.float64),
    )


@dataclass(frozen=True)
class LightGBM:
    """A fitted LightGBM ensemble, kept as its text."""

    family: ClassVar[str] = "lightgbm"
    model: bytes

    @cached_property
    def tables(self) -> TreeTables:
        import lightgbm as lgb

        content = lgb.Booster(model_str=self.model.decode()).dump_model()
        trees = [_lightgbm_tree(tree["tree_structure"]) for tree in content["tree_info"]]
        return tabulate(trees, 0.0, int(content["max_feature_idx"]) + 1)

    def contributions(self, X: FloatArray) -> tuple[float, FloatArray]:
        return self.tables.contributions(X)

    def change(self, X: FloatArray, columns: IntArray, values: FloatArray) -> FloatArray:
        return self.tables.change(X, columns, values)

    def files(self) -> dict[str, bytes]:
        return {"model.txt": self.model}

    @staticmethod
    def from_files(files: dict[str, bytes]) -> LightGBM:
        return LightGBM(files["model.txt"])


def _lightgbm_tree(root: dict[str, Any]) -> Tree:
    nodes: list[dict[str, Any]] = []
    children: list[tuple[int, int]] = []

    def walk(node: dict[str, Any]) -> int:
        index = len(nodes)
        nodes.append(node)
        children.append((-1, -1))
        if "split_index" in node:
            if node["decision_type"] != "<=":
                raise IntegrityError("The LightGBM model holds categorical splits, unknown here.")
            children[index] = (walk(node["left_child"]), walk(node["right_child"]))
        return index

    walk(root)
    threshold = np.array([node.get("threshold", 0.0) for node in nodes], dtype=np.float64)
    return Tree(
        feature=np.array([node.get("split_feature", 0) for node in nodes], dtype=np.int64),
        threshold=threshold,
        # A feature without missing values in training reads a missing one as zero.
        missing_left=np.array(
            [
                bool(node.get("default_left"))
                if node.get("missing_type") == "NaN"
                else node.get("threshold", 0.0) >= 0.0
                for node in nodes
            ]
        ),
        left=np.array([left for left, _ in children], dtype=np.int64),
        right=np.array([right for _, right in children], dtype=np.int64),
        value=np.array([node.get("leaf_value", 0.0) for node in nodes], dtype=np.float64),
        cover=np.array(
            [node.get("internal_count", node.get("leaf_count", 1)) for node in nodes],
            dtype=np.float64,
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
    return Fitted(XGBoost(bytes(booster.save_raw("ubj"))), best)


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
