"""The simulator: reproducible, consistent to the cent, and hard enough to be worth modelling."""

from __future__ import annotations

import gzip
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from credit_core.data import simulate as simulator
from credit_core.data.simulate import SimulationSummary, simulate
from credit_core.data.simulate_behaviour import walk
from credit_core.data.simulate_people import draw_people
from credit_core.data.simulate_rows import CATEGORY, DAY, Rows
from credit_core.data.simulate_spending import _SPENDING
from credit_core.errors import InputError

SAMPLE = Path(__file__).parents[2] / "sample_data"
START = date(2023, 1, 1)
MONEY_IN = ("salary", "benefit", "refund")
EITHER_WAY = ("transfer",)


def small(
    folder: Path, customers: int = 150, months: int = 9, **kwargs: object
) -> SimulationSummary:
    return simulate(folder, customers=customers, months=months, **kwargs)


@cache
def opened(folder: Path) -> duckdb.DuckDBPyConnection:
    """Tables ``t`` (transactions, exact money) and ``a`` (applications) of a folder."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE t AS SELECT * REPLACE (timestamp::TIMESTAMP AS timestamp, "
        "amount::DECIMAL(18, 2) AS amount, balance::DECIMAL(18, 2) AS balance) "
        "FROM read_csv(?, all_varchar = true)",
        [str(folder / "transactions.csv.gz")],
    )
    connection.execute(
        "CREATE TABLE a AS SELECT * FROM read_csv(?)", [str(folder / "applications.csv")]
    )
    return connection


def ask(sql: str, folder: Path) -> duckdb.DuckDBPyRelation:
    return opened(folder).sql(sql)


@pytest.fixture(scope="module")
def snapshots() -> dict[str, npt.NDArray[np.float64]]:
    """Plain features of the 180 days before each shipped application, and its outcome."""
    return ask(
        """
        SELECT a.outcome::DOUBLE AS outcome,
            coalesce(date_diff('day', max(t.timestamp), any_value(a.as_of)), 181)::DOUBLE
                AS recency,
            count(t.amount)::DOUBLE AS frequency,
            coalesce(sum(t.amount) FILTER (t.amount > 0), 0)::DOUBLE AS money_out,
            coalesce(min(t.balance), 0)::DOUBLE AS lowest,
            coalesce(avg(t.balance), 0)::DOUBLE AS mean_balance,
            count(DISTINCT date_trunc('month', t.timestamp))
                FILTER (t.balance < 0)::DOUBLE AS below,
            coalesce(sum(t.amount) FILTER (t.category = 'fees'), 0)::DOUBLE AS fees,
            coalesce(-sum(t.amount), 0)::DOUBLE AS net,
            count(DISTINCT date_trunc('month', t.timestamp))
                FILTER (t.category = 'salary')::DOUBLE AS paid_months
        FROM a LEFT JOIN t ON t.customer_id = a.customer_id
            AND t.timestamp < a.as_of AND t.timestamp >= a.as_of - INTERVAL 180 DAY
        GROUP BY a.customer_id, a.outcome ORDER BY a.customer_id
        """,
        SAMPLE,
    ).fetchnumpy()


def out_of_fold_auc(snapshots: dict[str, npt.NDArray[np.float64]], names: list[str]) -> float:
    X = np.column_stack([snapshots[name] for name in names])
    model = make_pipeline(QuantileTransformer(n_quantiles=200), LogisticRegression())
    risk = cross_val_predict(model, X, snapshots["outcome"], cv=5, method="predict_proba")[:, 1]
    return float(roc_auc_score(snapshots["outcome"], risk))


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first = small(tmp_path / "a", with_truth=True)
    second = small(tmp_path / "b", with_truth=True)
    assert [f.read_bytes() for f in first.files] == [f.read_bytes() for f in second.files]
    packed = first.files[0].read_bytes()
    assert packed[3] == 0, "the header holds no file name"
    assert packed[4:8] == b"\0\0\0\0", "the header holds no time"


def test_another_seed_gives_other_people(tmp_path: Path) -> None:
    first, second = small(tmp_path / "a"), small(tmp_path / "b", seed=1)
    assert all(
        f.read_bytes() != s.read_bytes() for f, s in zip(first.files, second.files, strict=True)
    )


def test_truth_is_written_only_on_request_and_changes_nothing_else(tmp_path: Path) -> None:
    plain, told = small(tmp_path / "a"), small(tmp_path / "b", with_truth=True)
    assert [f.name for f in plain.files] == ["transactions.csv.gz", "applications.csv"]
    assert [f.name for f in told.files][2:] == ["truth.csv"]
    assert plain.files[0].read_bytes() == told.files[0].read_bytes()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(f.name for f in plain.files)


def test_summary_says_what_the_files_hold(tmp_path: Path) -> None:
    summary = small(tmp_path)
    rows, first, last = ask(
        "SELECT count(*), min(timestamp), max(timestamp) FROM t", tmp_path
    ).fetchall()[0]
    assert (summary.transactions, summary.first.replace(tzinfo=None)) == (rows, first)
    assert summary.last.replace(tzinfo=None) == last
    applications, bad_rate = ask("SELECT count(*), avg(outcome) FROM a", tmp_path).fetchall()[0]
    assert (summary.customers, summary.applications) == (150, applications)
    assert summary.bad_rate == pytest.approx(bad_rate)


def test_chunks_follow_on_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "_CHUNK", 60)
    seen: list[float] = []
    summary = small(tmp_path, progress=lambda share, _: seen.append(share))
    assert seen == pytest.approx([0.4, 0.8, 1.0])
    lines = gzip.decompress(summary.files[0].read_bytes()).decode().splitlines()
    assert [line.split(",", 1)[0] for line in lines[1:]] == [
        f"T{k:08d}" for k in range(1, summary.transactions + 1)
    ]
    assert ask("SELECT count(DISTINCT customer_id) FROM a", tmp_path).fetchall() == [(150,)]
    assert ask("SELECT max(customer_id) <= 'C000150' FROM t", tmp_path).fetchall() == [(True,)]


@pytest.mark.parametrize("seed", range(12))
def test_one_customer_is_enough(tmp_path: Path, seed: int) -> None:
    summary = simulate(tmp_path, customers=1, months=6, seed=seed)
    lines = gzip.decompress(summary.files[0].read_bytes()).decode().splitlines()
    assert [k for k, line in enumerate(lines) if line.startswith("transaction_id")] == [0]
    assert len(lines) == summary.transactions + 1
    assert (summary.first is None) == (summary.transactions == 0)


def test_a_run_that_breaks_leaves_the_old_files(tmp_path: Path) -> None:
    before = [f.read_bytes() for f in small(tmp_path).files]

    def stop(share: float, sentence: str) -> None:
        raise RuntimeError(sentence)

    with pytest.raises(RuntimeError, match="customers"):
        small(tmp_path, seed=2, progress=stop)
    assert len(list(tmp_path.iterdir())) == 2
    assert [f.read_bytes() for f in sorted(tmp_path.iterdir(), reverse=True)] == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"customers": 0}, "number of customers is 0"),
        ({"months": 5}, "number of months is 5"),
        ({"start": date(2023, 1, 2)}, "first day of a month"),
    ],
)
def test_arguments_out_of_range_are_named(
    tmp_path: Path, arguments: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        simulate(tmp_path, **arguments)


def test_spending_table_and_categories_agree() -> None:
    assert tuple(s.name for s in _SPENDING) == CATEGORY[: len(_SPENDING)]


def test_balance_follows_every_amount_to_the_cent() -> None:
    broken = ask(
        """
        SELECT count(*) FROM (
            SELECT balance + amount - lag(balance) OVER (
                PARTITION BY customer_id ORDER BY transaction_id) AS gap FROM t
        ) WHERE gap <> 0
        """,
        SAMPLE,
    )
    assert broken.fetchall() == [(0,)]


def test_rows_are_in_order_of_time_and_inside_the_span() -> None:
    backwards, early, late = ask(
        """
        SELECT count(*) FILTER (timestamp < before), count(*) FILTER (timestamp < '2023-01-01'),
            count(*) FILTER (timestamp >= '2024-07-01')
        FROM (SELECT timestamp, lag(timestamp) OVER (ORDER BY transaction_id) AS before FROM t)
        """,
        SAMPLE,
    ).fetchall()[0]
    assert (backwards, early, late) == (0, 0, 0)


def test_sign_of_amount_follows_the_category() -> None:
    for category, lowest, highest in ask(
        "SELECT category, min(amount), max(amount) FROM t GROUP BY ALL", SAMPLE
    ).fetchall():
        if category in EITHER_WAY:
            assert lowest < 0 < highest
        elif category in MONEY_IN:
            assert highest < 0
        else:
            assert lowest > 0


def test_applications_are_one_a_customer_with_a_past_and_a_future() -> None:
    rows, customers, first, last, unknown = ask(
        """
        SELECT count(*), count(DISTINCT customer_id), min(as_of), max(as_of),
            count(*) FILTER (customer_id NOT LIKE 'C______') FROM a
        """,
        SAMPLE,
    ).fetchall()[0]
    assert (rows, customers, unknown) == (4_000, 4_000, 0)
    assert first >= date(2023, 9, 1)
    assert last < date(2024, 4, 1)
    strangers = ask("SELECT count(*) FROM t ANTI JOIN a USING (customer_id)", SAMPLE)
    assert strangers.fetchall() == [(0,)]


def test_bad_rate_is_steady_over_the_vintages() -> None:
    rates = ask(
        "SELECT avg(outcome), count(*) FROM a GROUP BY date_trunc('quarter', as_of)", SAMPLE
    )
    overall = ask("SELECT avg(outcome) FROM a", SAMPLE).fetchall()[0][0]
    assert 0.07 <= overall <= 0.09
    assert all(abs(rate - overall) < 3 * np.sqrt(0.08 * 0.92 / n) for rate, n in rates.fetchall())


def test_some_have_no_history_and_some_little() -> None:
    none, few = ask(
        """
        SELECT count(*) FILTER (n = 0), count(*) FILTER (n BETWEEN 1 AND 9) FROM (
            SELECT count(t.customer_id) AS n FROM a LEFT JOIN t
                ON t.customer_id = a.customer_id AND t.timestamp < a.as_of GROUP BY a.customer_id)
        """,
        SAMPLE,
    ).fetchall()[0]
    assert 20 <= none <= 200
    assert 200 <= few <= 600


def test_balances_tell_what_recency_frequency_and_money_out_do_not(
    snapshots: dict[str, npt.NDArray[np.float64]],
) -> None:
    activity = out_of_fold_auc(snapshots, ["recency", "frequency", "money_out"])
    account = out_of_fold_auc(
        snapshots, ["lowest", "mean_balance", "below", "fees", "net", "paid_months"]
    )
    assert 0.53 <= activity <= 0.65
    assert 0.79 <= account <= 0.88


def test_stated_attributes_tell_a_little() -> None:
    table = ask("SELECT existing_loans, outcome FROM a", SAMPLE).fetchnumpy()
    assert 0.53 <= roc_auc_score(table["outcome"], table["existing_loans"]) <= 0.65


def test_leavers_fall_silent_and_are_no_worse(tmp_path: Path) -> None:
    summary = simulate(tmp_path, customers=1_500, with_truth=True)
    truth = f"read_csv('{summary.files[2]}')"
    after = ask(
        f"SELECT count(*) FROM t JOIN {truth} USING (customer_id) WHERE timestamp >= left_on",
        tmp_path,
    )
    assert after.fetchall() == [(0,)]
    leavers, settled = ask(
        f"""
        SELECT count(*), count(*) FILTER (last = 0) FROM (
            SELECT arg_max(balance, transaction_id) AS last FROM t
            JOIN {truth} USING (customer_id) WHERE "left" = 1 GROUP BY customer_id)
        """,
        tmp_path,
    ).fetchall()[0]
    assert leavers > 100
    assert 0.4 < settled / leavers < 0.95, "some owe nothing, some do"
    gone, stayed = ask(
        f'SELECT avg(probability_bad) FROM {truth} GROUP BY "left" ORDER BY "left"', tmp_path
    ).fetchall()
    assert gone[0] == pytest.approx(stayed[0], abs=0.03)


def test_people_join_leave_and_fall_silent_on_any_day_of_a_month() -> None:
    """Behaviour that broke off at the ends of months would teach a model the calendar."""
    rng = np.random.default_rng(1)
    month_days = np.cumsum([0, *([31, 28, 31, 30, 31, 30] * 3)])
    people = draw_people(rng, 20_000, month_days)
    end = month_days[-1]
    for days in (people.joined, people.left, people.silent_from, people.silent_to):
        inside = days[(days > 0) & (days < end)]
        counts = np.bincount(inside % 30, minlength=30)
        expected = len(inside) / 30
        assert len(inside) > 2_000
        assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)
        assert np.isin(inside, month_days).mean() < 0.06


def test_no_transaction_falls_outside_an_account_or_into_a_silence() -> None:
    rng = np.random.default_rng(2)
    calendar = simulator._calendar(START, 9)
    month_days = np.cumsum([0, *(month.days for month in calendar)])
    people = draw_people(rng, 800, month_days)
    rows = Rows.concat([rows for rows, _ in walk(rng, people, calendar)])
    day = rows.second // DAY
    assert (day >= people.joined[rows.who]).all()
    assert (day < people.left[rows.who]).all()
    assert not ((day >= people.silent_from[rows.who]) & (day < people.silent_to[rows.who])).any()
    assert {*np.unique(rows.who)} <= {*np.flatnonzero(people.active.any(axis=1))}


def test_shipped_files_are_what_the_defaults_give(tmp_path: Path) -> None:
    summary = simulate(tmp_path)
    assert (tmp_path / "applications.csv").read_bytes() == (
        SAMPLE / "applications.csv"
    ).read_bytes()
    assert gzip.decompress(summary.files[0].read_bytes()) == gzip.decompress(
        (SAMPLE / "transactions.csv.gz").read_bytes()
    )
    assert (SAMPLE / "transactions.csv.gz").stat().st_size < 6_000_000
