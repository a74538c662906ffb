"""Scoring beside what a user would write: contributions, and a million customers with reasons.

    python benchmarks/scoring.py [--rows 100000] [--customers 1000000]

It trains XGBoost and LightGBM on the sample data into a folder of its own, and makes more
customers by drawing the sample's features with replacement and jittering them a little.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import shap

from credit_core import workflows
from credit_core.config import FAMILIES, ModelConfig
from credit_core.data.store import Dataset
from credit_core.decisions.contributions import score_matrix
from credit_core.decisions.reasons import reasons_of_one
from credit_core.decisions.scoring import ScoredSnapshots, in_parts
from credit_core.labels.observed import load_applications
from credit_core.modelling.bundle import Bundle
from credit_core.oversight.policies import load_in_force
from credit_core.oversight.registry import ModelVersion
from credit_core.settings import SAMPLE_FILES, Settings
from credit_core.workflows import TrainingRequest, whatif
from credit_core.workflows.scoring import explained

PART = 32_768  # as in a batch
REPEATS = 5


def many(table: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """Draw rows of a table with replacement, numbers moved by up to 2%."""
    random = np.random.default_rng(seed)
    drawn = table.iloc[random.integers(0, len(table), rows)].reset_index(drop=True)
    return drawn.assign(
        **{
            name: drawn[name] * random.uniform(0.98, 1.02, rows)
            for name in drawn.columns
            if pd.api.types.is_float_dtype(drawn[name])
        }
    )


def timed(work, repeats: int = 1):
    """Return the result of work and the median of its seconds; where it is repeated, when warm."""
    seconds = []
    if repeats > 1:
        work()
    for _ in range(repeats):
        begun = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - begun)
    return result, statistics.median(seconds)


def contributions(bundle: Bundle, table: pd.DataFrame, rows: int) -> None:
    X = bundle.design.matrix(many(table, rows, 1))
    bundle.estimator.contributions(X[:10])  # the tables are made once a model
    (_, ours), seconds = timed(lambda: bundle.estimator.contributions(X), REPEATS)
    files = bundle.estimator.files()
    if bundle.family == "xgboost":
        import xgboost

        booster = xgboost.Booster()
        booster.load_model(bytearray(next(iter(files.values()))))
    else:
        import lightgbm

        booster = lightgbm.Booster(model_str=next(iter(files.values())).decode())
    explainer = shap.TreeExplainer(booster)
    theirs, plain = timed(lambda: explainer.shap_values(X), REPEATS)
    apart = float(np.abs(np.asarray(theirs).T - ours).max())
    print(
        f"{bundle.family}: contributions of {rows:,} customers {seconds:.2f} s, "
        f"shap.TreeExplainer {plain:.2f} s: {plain / seconds:.1f} times as fast, "
        f"at most {apart:.1e} log-odds apart"
    )


def everyone(bundle: Bundle, table: pd.DataFrame, customers: int, all_reasons: bool) -> None:
    """Print how long scores, decisions and reasons take, part after part as in a batch.

    A tenth of the customers is made at a time, outside the clock.
    """
    scored, seconds = 0, 0.0
    for start in range(0, customers, customers // 10):
        rows = min(customers // 10, customers - start)
        drawn = many(table, rows, start)
        names = np.char.add("C", np.arange(start, start + rows).astype(str))
        snapshots = pd.DataFrame({"customer_id": names, "as_of": pd.Timestamp("2024-06-01")})
        begun = time.perf_counter()
        for part in in_parts(rows, PART):
            mine = drawn.iloc[part]
            X = bundle.design.matrix(mine)
            found = ScoredSnapshots(
                bundle, snapshots.iloc[part], mine, score_matrix(bundle, X), None, X
            )
            scored += len(found.frame("model", "1", all_reasons=all_reasons))
        seconds += time.perf_counter() - begun
    whom = "everyone" if all_reasons else "declined and referred customers"
    print(
        f"{bundle.family}: {scored:,} customers scored and decided, reasons for {whom}: "
        f"{seconds:.1f} s, {scored / seconds:,.0f} a second"
    )


def one(bundle: Bundle, dataset: Dataset, settings: Settings, version: ModelVersion) -> None:
    """Print the median for one customer whose features are known, and of a what-if."""
    found = workflows.score(dataset, settings, bundle)
    filed = load_applications(dataset)
    spent: dict[str, list[float]] = {"score": [], "with reasons": [], "with every factor": []}
    imagined = []
    for i in range(300):
        row = i * 13 % len(found.table)
        values = dict(found.table.iloc[row])
        begun = time.perf_counter()
        X = bundle.design.row(values)
        scored = score_matrix(bundle, X)
        spent["score"].append(time.perf_counter() - begun)
        reasons = reasons_of_one(bundle, scored, X, values)
        spent["with reasons"].append(time.perf_counter() - begun)
        said = {"customer_id": "one", "as_of": None, "warnings": (), "reasons": reasons}
        explained(bundle, version, values=values, scored=scored, row=0, **said)
        spent["with every factor"].append(time.perf_counter() - begun)
    for row in range(0, 70, 10):
        explanation = workflows.explanation(found, row, version)
        moved = whatif.transactions_of(dataset, settings, explanation.customer_id)
        attributes = whatif.attributes_of(explanation, filed)
        begun = time.perf_counter()
        whatif.rescore(explanation, settings, moved, attributes=attributes)
        imagined.append(time.perf_counter() - begun)
    medians = ", ".join(f"{what} {1e3 * statistics.median(t):.2f} ms" for what, t in spent.items())
    print(
        f"{version.family}: one customer in process, features known: {medians}; "
        f"a what-if, features computed anew: {1e3 * statistics.median(imagined):.0f} ms (medians)"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "home", models=Path(folder) / "models")
        dataset = workflows.ingest(SAMPLE_FILES[0], settings, applications=SAMPLE_FILES[1])
        request = TrainingRequest(None, tuple(FAMILIES), promote=False)
        trained = workflows.train(dataset, settings, ModelConfig(), request)
        for version in trained.versions:
            bundle = load_in_force(settings, version)
            one(bundle, dataset, settings, version)
            if version.family not in ("xgboost", "lightgbm"):
                continue
            table = workflows.score(dataset, settings, bundle).table
            contributions(bundle, table, given.rows)
            everyone(bundle, table, given.customers, all_reasons=False)
            everyone(bundle, table, given.customers, all_reasons=True)


if __name__ == "__main__":
    main()
