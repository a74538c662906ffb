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
from credit_core.config import ModelConfig
from credit_core.decisions.contributions import score_table
from credit_core.decisions.scoring import ScoredSnapshots
from credit_core.modelling.bundle import Bundle
from credit_core.oversight.policies import load_in_force
from credit_core.settings import SAMPLE_FILES, Settings
from credit_core.workflows import TrainingRequest

PART = 100_000
REPEATS = 3


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
    """Return the result of work and the median of its seconds."""
    seconds = []
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
    scored, seconds = 0, 0.0
    for start in range(0, customers, PART):
        rows = min(PART, customers - start)
        part = many(table, rows, start)
        names = np.char.add("C", np.arange(start, start + rows).astype(str))
        snapshots = pd.DataFrame({"customer_id": names, "as_of": pd.Timestamp("2024-06-01")})

        def work(part=part, snapshots=snapshots) -> pd.DataFrame:
            found = ScoredSnapshots(bundle, snapshots, part, score_table(bundle, part), None)
            return found.frame("model", "1", all_reasons=all_reasons)

        frame, took = timed(work)
        scored, seconds = scored + len(frame), seconds + took
    whom = "everyone" if all_reasons else "declined and referred customers"
    print(
        f"{bundle.family}: {scored:,} customers scored and decided, reasons for {whom}: "
        f"{seconds:.1f} s, {scored / seconds:,.0f} a second"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "home", models=Path(folder) / "models")
        dataset = workflows.ingest(SAMPLE_FILES[0], settings, applications=SAMPLE_FILES[1])
        request = TrainingRequest(None, ("xgboost", "lightgbm"), promote=False)
        trained = workflows.train(dataset, settings, ModelConfig(), request)
        for version in trained.versions:
            bundle = load_in_force(settings, version)
            table = workflows.score(dataset, settings, bundle).table
            contributions(bundle, table, given.rows)
            everyone(bundle, table, given.customers, all_reasons=False)
            everyone(bundle, table, given.customers, all_reasons=True)


if __name__ == "__main__":
    main()
