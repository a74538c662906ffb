"""How long a training takes, and how much memory: the sample, and half a million customers.

Each part runs in a process of its own and reports seconds (imports left out) and peak memory.

    python benchmarks/training.py [--customers 500000] [--features 40] [--part sample|many|both]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def sample() -> str:
    """Train all families with every check on the sample data, from files to the registry."""
    from credit_core import workflows
    from credit_core.config import FAMILIES, ModelConfig
    from credit_core.settings import PROJECT_ROOT, Settings

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = Settings(home=home, models=home / "models")
        data = PROJECT_ROOT / "sample_data"
        start = time.perf_counter()
        dataset = workflows.ingest(
            data / "transactions.csv.gz", settings, applications=data / "applications.csv"
        )
        request = workflows.TrainingRequest(None, tuple(FAMILIES))
        result = workflows.train(dataset, settings, ModelConfig(), request)
        seconds = time.perf_counter() - start
    snapshots = result.label["snapshots"]
    return f"sample: {len(result.versions)} families, {snapshots:,} snapshots, {seconds:.1f} s"


def many(customers: int, features: int) -> str:
    """Train all families on a simulated table of applications, default configuration."""
    import numpy as np
    import pandas as pd

    from credit_core import workflows
    from credit_core.config import FAMILIES, ModelConfig
    from credit_core.settings import Settings

    rng = np.random.default_rng(0)
    X = rng.normal(size=(customers, features))
    X[:, 1::3] = np.exp(X[:, 1::3])  # a third of the features is skewed
    weight = rng.normal(size=features) * (np.arange(features) < 15) * 0.4
    risk = np.clip(X, -4, 4) @ weight - 2.5
    label = (rng.random(customers) < 1 / (1 + np.exp(-risk))).astype(int)
    table = pd.DataFrame(X.round(4), columns=[f"x{j}" for j in range(features)])
    table.insert(0, "customer_id", [f"C{i:07d}" for i in range(customers)])
    table["outcome"] = label
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        path = home / "applications.csv"
        table.to_csv(path, index=False)
        del X, table, risk, label
        settings = Settings(home=home, models=home / "models")
        start = time.perf_counter()
        dataset = workflows.ingest(None, settings, applications=path)
        read = time.perf_counter() - start
        steps: list[tuple[float, str]] = []
        workflows.train(
            dataset,
            settings,
            ModelConfig(),
            workflows.TrainingRequest(None, tuple(FAMILIES)),
            lambda share, text: steps.append((time.perf_counter() - start, text)),
        )
        seconds = time.perf_counter() - start
    begun = {
        family: next(at for at, text in steps if text.startswith(family)) for family in FAMILIES
    }
    parts = ", ".join(f"{family} from {at:.0f} s" for family, at in begun.items())
    return (
        f"many: {customers:,} customers x {features} features, {seconds:.1f} s, of which "
        f"{read:.1f} reading the file; {parts}"
    )


def main() -> None:
    """Run the parts one after the other, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=500_000)
    parser.add_argument("--features", type=int, default=40)
    parser.add_argument("--part", choices=["sample", "many", "both"], default="both")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        line = sample() if given.part == "sample" else many(given.customers, given.features)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{line}; peak {peak:,.0f} MB", flush=True)
        return
    for part in ("sample", "many") if given.part == "both" else (given.part,):
        size = ["--customers", str(given.customers), "--features", str(given.features)]
        command = [sys.executable, __file__, "--here", "--part", part, *size]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
