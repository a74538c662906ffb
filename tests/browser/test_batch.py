"""A batch scorer's walk: a file of 200,000 rows comes in, is scored as a job, is downloaded."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from credit_core.data.duck import text_literal
from credit_core.decisions.scoring import SCORE_COLUMNS
from tests.browser.conftest import Dashboard, no_error, screenshot

ROWS = 200_000
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def _many(simulated: Path, target: Path) -> int:
    """Write 200,000 transactions: the simulated bank's customers, several times over."""
    source = text_literal(str(simulated / "transactions.csv.gz"))
    found = duckdb.sql(
        f"""SELECT transaction_id || '-' || n AS transaction_id, customer_id || '-' || n AS
                   customer_id, * EXCLUDE (transaction_id, customer_id, n)
        FROM read_csv({source}, all_varchar=true), range(100) copies(n)
        ORDER BY n, timestamp, transaction_id LIMIT {ROWS}"""
    )
    found.write_csv(str(target))
    return int(duckdb.sql("SELECT count(DISTINCT customer_id) FROM found").fetchall()[0][0])


def test_200_000_rows_are_scored_and_downloaded(
    page: Page, bank: Dashboard, simulated: Path, tmp_path: Path
) -> None:
    ledger = tmp_path / "two hundred thousand.csv"
    customers = _many(simulated, ledger)

    # The file comes in on the page itself, by a job; columns are recognised.
    page.goto(f"{bank.url}/batch")
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name=re.compile("disengagement")).click()
    expect(page.get_by_text("With disengagement 1")).to_be_visible()
    page.get_by_text("Score another file").click()
    page.locator("input[type=file]").first.set_input_files(str(ledger))
    expect(page.get_by_text("Which column is which")).to_be_visible()
    screenshot(page, "batch-mapping", tmp_path)
    page.get_by_role("button", name="Bring in", exact=True).click()
    # Both jobs, the one that brings it in and the one that scores, survive a page change.
    expect(page.get_by_text("It goes on when you leave this page.")).to_be_visible()
    screenshot(page, "batch-coming", tmp_path)
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
    sidebar.get_by_role("link", name="Batch").click()
    expect(page.get_by_text(f"{customers:,} customers with transactions")).to_be_visible()

    page.get_by_role("button", name=re.compile("Score$")).last.click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    running = page.url
    sidebar.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
    page.goto(running)
    expect(page.get_by_text(f"{customers:,} customers scored")).to_be_visible()
    expect(page.get_by_text("Disengagement risk, not a default risk.").first).to_be_visible()
    no_error(page)
    page.wait_for_timeout(1000)
    screenshot(page, "batch-scored", tmp_path)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(1000)
    screenshot(page, "batch-scored-dark", tmp_path)

    # What is downloaded is everyone, once.
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download Parquet").click()
    waiting.value.save_as(tmp_path / "scores.parquet")
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert tuple(scores.columns) == SCORE_COLUMNS
    assert len(scores) == scores["customer_id"].nunique() == customers
    assert set(scores["decision"]) <= {"approve", "refer", "decline"}
    assert set(scores["model"]) == {"disengagement"}
    page.get_by_text("First 500 rows").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    screenshot(page, "batch-rows", tmp_path)
    no_error(page)
