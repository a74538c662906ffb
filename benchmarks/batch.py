"""A CSV to a scored file with reasons, as `candor score` does it, beside its own features step.

Each part runs in a process of its own and reports its seconds (from the shell, imports included)
and its peak memory. The model is a disengagement model trained on the sample data before.

    python benchmarks/batch.py [--rows 10000000] [--family lightgbm]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from features import make_file

LIMIT_MB = 600
"""Memory of the frugal run."""


def train(root: Path, family: str) -> dict[str, str]:
    """Train on the sample data; return the environment that finds the model."""
    from credit_core import workflows
    from credit_core.config import ModelConfig
    from credit_core.settings import SAMPLE_FILES, Settings

    settings = Settings(home=root / "home", models=root / "models")
    dataset = workflows.ingest(SAMPLE_FILES[0], settings)
    # Half a year is what the simulated file spans.
    config = ModelConfig().replacing(windows={"observation_days": 180})
    request = workflows.TrainingRequest("disengaged", (family,), promote=True)
    workflows.train(dataset, settings, config, request)
    return {"CANDOR_HOME": str(settings.home), "CANDOR_MODELS": str(settings.models)}


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds and the peak megabytes of a process of its own."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=-3, stderr=-3)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return time.perf_counter() - begun, used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--family", default="lightgbm")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        # By a process of its own: what this one has held, its children would be said to have held.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as aside:
            environment = aside.submit(train, root, given.family).result()
            path = aside.submit(make_file, given.rows, root).result()
        print(f"{path.stat().st_size / 1e6:,.0f} MB of CSV, {given.family}")
        features = [sys.executable, str(Path(__file__).with_name("features.py"))]
        plain = [*features, "--child", "ingest + features (Candor)", "--file", str(path)]
        step, peak = measured(plain, environment)
        print(f"features step: {step:.1f} s, peak {peak:,.0f} MB")
        cli = [sys.executable, "-c", "from app.cli import main; main()", "score", str(path)]
        for what, options, limit in (
            ("reasons for declined and referred", [], {}),
            ("reasons for everyone", ["--reasons", "all"], {}),
            (
                f"held to {LIMIT_MB} MB",
                [],
                {"CANDOR_MEMORY_LIMIT_MB": str(LIMIT_MB)},
            ),
        ):
            # A home of its own each time, or the file would be stored already.
            own = {**environment, **limit, "CANDOR_HOME": str(root / what.replace(" ", "_"))}
            out = root / "scores.parquet"
            took, peak = measured(
                [*cli, "--model", "disengagement", "--out", str(out), *options], own
            )
            manifest = json.loads(Path(f"{out}.manifest.json").read_text())
            print(
                f"{what}: {manifest['counts']['in']:,} customers, {took:.1f} s, "
                f"{took / step:.2f} times the features step, peak {peak:,.0f} MB"
            )


if __name__ == "__main__":
    main()
