"""Transactions from CSV to a checked ledger and to features: Candor's way beside plain pandas.

Each way runs in a process of its own, one after the other and round after round on the same file,
and reports its seconds (imports left out) and peak memory (imports included); medians are printed.
Ratios are what to read; seconds depend on the machine. The file spans half a year, the observation
window, so that every transaction counts for every way.

    python benchmarks/features.py [--rows 1000000] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

OBSERVATION_DAYS = 180


def candor_ingest(path: Path, home: Path) -> int:
    """Check, type and store every row."""
    from credit_core.data.intake import ingest
    from credit_core.settings import Settings

    return len(ingest(path, Settings(home=home, models=home / "models")).columns)


def pandas_read(path: Path) -> int:
    """Merely read the file, unchecked."""
    import pandas as pd

    return pd.read_csv(path, parse_dates=["timestamp"], dtype={"customer_id": "str"}).shape[1]


def candor_way(path: Path, home: Path) -> int:
    """Ingest with every check, then build the catalogue's features for every customer."""
    from credit_core.data.intake import ingest
    from credit_core.data.ledger import open_ledger
    from credit_core.features.build import build_features, frequent_categories
    from credit_core.features.catalogue import build_catalogue
    from credit_core.labels.rfm import customers_seen
    from credit_core.settings import Settings

    settings = Settings(home=home, models=home / "models")
    dataset = ingest(path, settings)
    with open_ledger(dataset, settings) as ledger:
        snapshots = customers_seen(ledger, ledger.end)
        categories = frequent_categories(ledger, ledger.end, 10)
        catalogue = build_catalogue(OBSERVATION_DAYS, ledger.abilities, categories)
        table = build_features(ledger, snapshots, catalogue)
    return table.shape[1]


def pandas_way(path: Path) -> int:
    """Compute the same features as a careful user would: read_csv, then groupby."""
    import numpy as np
    import pandas as pd

    frame = pd.read_csv(path, parse_dates=["timestamp"], dtype={"customer_id": "str"})
    end = frame["timestamp"].max().normalize() + pd.Timedelta(days=1)
    frame = frame[frame["timestamp"] >= end - pd.Timedelta(days=OBSERVATION_DAYS)].copy()
    frame["age"] = (end - frame["timestamp"]).dt.total_seconds() / 86400
    frame["block"] = np.minimum((frame["age"] // 30).astype("int64"), OBSERVATION_DAYS // 30 - 1)
    frame["week"] = (frame["age"] // 7).astype("int64")
    frame["paid"] = frame["amount"].clip(lower=0)
    frame["received"] = (-frame["amount"]).clip(lower=0)
    frame["is_out"], frame["is_in"] = frame["amount"] > 0, frame["amount"] < 0
    frame["weekend"] = frame["timestamp"].dt.dayofweek >= 5
    frame["night"] = frame["timestamp"].dt.hour < 6
    frame["below"] = frame["balance"] < 0
    frame["refund"] = frame["category"] == "refund"
    groups = frame.groupby("customer_id")
    table = groups.agg(
        recency_days=("age", "min"),
        tenure_days=("age", "max"),
        transactions=("age", "size"),
        active_months=("block", "nunique"),
        active_weeks=("week", "nunique"),
        money_out=("paid", "sum"),
        money_out_max=("paid", "max"),
        money_in=("received", "sum"),
        income_count=("is_in", "sum"),
        payments=("is_out", "sum"),
        income_largest=("received", "max"),
        balance_min=("balance", "min"),
        balance_mean=("balance", "mean"),
        share_below_zero=("below", "mean"),
        weekend_share=("weekend", "mean"),
        night_share=("night", "mean"),
        refund_share=("refund", "mean"),
        fraud_count=("is_fraud", "sum"),
        channels=("channel", "nunique"),
        categories=("category", "nunique"),
        products=("product", "nunique"),
        providers=("provider", "nunique"),
    )
    out, into = frame[frame["is_out"]], frame[frame["is_in"]]
    table["days_since_spend"] = out.groupby("customer_id")["age"].min()
    table["days_since_income"] = into.groupby("customer_id")["age"].min()
    table["income_months"] = into.groupby("customer_id")["block"].nunique()
    table["months_below_zero"] = frame[frame["below"]].groupby("customer_id")["block"].nunique()
    table["net_flow"] = table["money_in"] - table["money_out"]
    table["out_to_in"] = table["money_out"] / table["money_in"]
    table["money_out_mean"] = table["money_out"] / table["payments"]
    span = table["tenure_days"] - table["recency_days"]
    table["gap_days_mean"] = span / (table["transactions"] - 1)
    table["overdue_ratio"] = table["recency_days"] / table["gap_days_mean"]
    table["money_out_monthly"] = table["money_out"] / (OBSERVATION_DAYS // 30)
    last = (
        frame[frame["age"] <= 30]
        .groupby("customer_id")
        .agg(
            transactions_last_30d=("age", "size"),
            money_out_last_30d=("paid", "sum"),
            money_in_last_30d=("received", "sum"),
            balance_min_last_30d=("balance", "min"),
            balance_mean_last_30d=("balance", "mean"),
        )
    )
    table = table.join(last)
    table["net_flow_last_30d"] = table["money_in_last_30d"] - table["money_out_last_30d"]
    rest = OBSERVATION_DAYS // 30 - 1
    for name in ("transactions", "money_out", "money_in"):
        recent = table[f"{name}_last_30d"].fillna(0)
        table[f"{name}_trend"] = recent - (table[name] - recent) / rest
    for name, column in (("money_out_volatility", "paid"), ("income_volatility", "received")):
        monthly = frame.pivot_table(
            index="customer_id", columns="block", values=column, aggfunc="sum", fill_value=0
        ).reindex(columns=range(OBSERVATION_DAYS // 30), fill_value=0)
        table[name] = monthly.std(axis=1, ddof=0) / monthly.mean(axis=1)
        if column == "received":
            paid = frame.pivot_table(
                index="customer_id", columns="block", values="paid", aggfunc="sum", fill_value=0
            ).reindex(columns=monthly.columns, fill_value=0)
            table["negative_months"] = (monthly - paid < 0).sum(axis=1)
    frequent = frame["category"].value_counts().index[:10]
    chosen = frame[frame["category"].isin(frequent)]
    moved = chosen.assign(moved=chosen["amount"].abs())
    for agg, prefix in (("size", "share"), ("sum", "amount")):
        wide = moved.pivot_table(
            index="customer_id", columns="category", values="moved", aggfunc=agg, fill_value=0
        ).add_prefix(f"{prefix}_")
        table = table.join(wide.div(table["transactions"], axis=0) if prefix == "share" else wide)
    return table.shape[1] - 1  # `payments` is only a step on the way


def bare_parse(path: Path) -> int:
    """Let DuckDB merely parse every cell: the practical limit."""
    import duckdb

    relation = duckdb.sql(f"SELECT * FROM read_csv('{path}', all_varchar=true)")
    counted = ", ".join(f'count("{name}")' for name in relation.columns)
    duckdb.sql(f"SELECT {counted} FROM read_csv('{path}', all_varchar=true)").fetchall()
    return len(relation.columns)


WAYS: dict[str, Callable[[Path, Path], int]] = {
    "bare parse (DuckDB)": lambda path, home: bare_parse(path),
    "read_csv (pandas)": lambda path, home: pandas_read(path),
    "ingest (Candor)": candor_ingest,
    "features (pandas)": lambda path, home: pandas_way(path),
    "ingest + features (Candor)": candor_way,
}


def _import_libraries(way: str, path: Path) -> None:
    """Import what a way uses before the clock starts: imports do not grow with the file.

    The loops for large files are compiled by then, as after a machine's first large file.
    """
    if "Candor" in way:
        import credit_core.data.intake
        import credit_core.features.build
        import credit_core.labels.rfm

        if path.stat().st_size >= credit_core.data.lines.LEAST_BYTES:
            import credit_core.data.distinct
            import credit_core.data.line_kernels
            import credit_core.data.numbering
            import credit_core.features.totals
    elif "pandas" in way:
        import pandas  # noqa: F401
    else:
        import duckdb  # noqa: F401


def _child(way: str, path: Path) -> None:
    _import_libraries(way, path)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as home:
        columns = WAYS[way](path, Path(home))
        seconds = time.perf_counter() - started  # not of taking away again what was stored
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "columns": columns}))


def _run(way: str, path: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--child", way, "--file", str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(path: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Return each way's medians; in each round every way runs once, so that all meet the same."""
    rounds = [{way: _run(way, path) for way in WAYS} for _ in range(repeats)]
    return {
        way: {name: statistics.median(one[way][name] for one in rounds) for name in rounds[0][way]}
        for way in WAYS
    }


def make_file(rows: int, folder: Path) -> Path:
    """Simulate about so many transactions and return them as a plain CSV, as banks export them.

    That is in the order of time: a customer's rows are far apart.
    """
    from credit_core.data.simulate import simulate

    per_customer = 24
    simulate(folder, customers=max(50, rows // per_customer), months=6)
    path = folder / "transactions.csv"
    # By a process of its own: what this one has held, its children would be said to have held.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as aside:
        aside.submit(_in_order, folder, path).result()
    return path


def _in_order(folder: Path, path: Path) -> None:
    import duckdb

    with duckdb.connect() as connection:
        found = f"read_csv('{folder / 'transactions.csv.gz'}', all_varchar=true)"
        connection.execute(f"COPY (FROM {found} ORDER BY timestamp) TO '{path}' (HEADER)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child")
    parser.add_argument("--file", type=Path)
    given = parser.parse_args()
    if given.child:
        _child(given.child, given.file)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = given.file or make_file(given.rows, Path(folder))
        with path.open("rb") as stream:
            rows = sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b"")) - 1
        print(f"{rows:,} transactions, {path.stat().st_size / 1e6:,.0f} MB of CSV")
        found = measure(path, given.repeats)
    print("| way | seconds | peak MB | columns | times as fast | share of its memory | of |")
    print("|---|---|---|---|---|---|---|")
    for way, run in found.items():
        against = "features (pandas)" if "features" in way else "read_csv (pandas)"
        plain = found[against]
        print(
            f"| {way} | {run['seconds']:.2f} | {run['peak_mb']:,.0f} | {run['columns']:.0f} "
            f"| {plain['seconds'] / run['seconds']:.1f} "
            f"| {run['peak_mb'] / plain['peak_mb']:.2f} | {against} |"
        )
    parse = found["bare parse (DuckDB)"]["seconds"]
    for way in ("ingest (Candor)", "ingest + features (Candor)"):
        print(f"{way}: {found[way]['seconds'] / parse:.1f} times the bare parse")


if __name__ == "__main__":
    main()
