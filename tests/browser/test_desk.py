"""The loan officer's and the risk manager's walks, done by a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from credit_core.oversight import events
from credit_core.oversight.registry import list_versions
from credit_core.settings import Settings
from credit_core.workflows.decisions import list_decisions
from credit_core.workflows.whatif import transactions_of
from tests.browser.conftest import Dashboard, no_error, screenshot
from tests.conftest import Store

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_declined_customer_is_understood_overridden_and_written_to(
    page: Page, bank: Dashboard, store: Store, tmp_path: Path
) -> None:
    # A declined customer from the list; the row's check box opens them.
    page.goto(f"{bank.url}/applicant?data={quote(store.dataset.name)}")
    page.get_by_role("button", name="Decline").first.click()
    expect(page.get_by_text(re.compile(r"\d+ of \d+ customers"))).to_be_visible()
    canvas = page.get_by_test_id("stDataFrame").first.locator("canvas").first
    told = page.get_by_text("What held the score down")
    for _ in range(10):  # the table may be drawn anew just as it is clicked
        page.wait_for_timeout(1500)
        if told.count():
            break
        canvas.click(position={"x": 16, "y": 54}, force=True, timeout=2000)
        page.wait_for_timeout(1500)
    expect(told).to_be_visible()
    expect(page.get_by_text("Record a decision").first).to_be_visible()
    customer = page.get_by_label("Customer id").input_value()
    assert customer

    # The reasons are there without scrolling, and each was proved.
    reason = page.get_by_text(re.compile(r"\(-\d+ points")).first
    box = reason.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 800
    page.get_by_role("tab", name="How the reasons were proved").click()
    expect(page.get_by_text("a factor that fails this is not given")).to_be_visible()
    expect(page.get_by_text("past customers whose scores were made most alike")).to_be_visible()
    screenshot(page, "applicant", tmp_path)

    # A scenario changes the score shown beside it.
    page.get_by_text("No balance below zero").first.click()
    expect(page.get_by_text("Score then")).to_be_visible()
    no_error(page)

    # The recommendation is overridden, with a reason; the letter is a PDF that can be read.
    page.get_by_role("radio", name="Approve").last.click()
    expect(page.get_by_text("This overrides the recommendation")).to_be_visible()
    box = page.get_by_role("combobox", name=re.compile("Reason for the override"))
    for _ in range(10):  # a list that opens amid a redrawing closes again
        page.wait_for_timeout(800)
        box.click()
        page.wait_for_timeout(800)
        if page.get_by_role("option").count():
            page.get_by_role("option").first.click(timeout=5000)
            break
    expect(page.get_by_text("Choose one; it is kept")).to_have_count(0)
    page.get_by_role("button", name="Record the decision").click()
    told = page.get_by_text(re.compile(r"Recorded as event \d+\."))
    expect(told).to_be_visible()
    sequence = re.search(r"event (\d+)", told.inner_text())
    assert sequence is not None
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Letter (PDF)").click()
    letter = tmp_path / "letter.pdf"
    waiting.value.save_as(letter)
    (only,) = PdfReader(letter).pages
    assert customer in only.extract_text()

    # The decision is an event, and Governance finds and replays it.
    settings = Settings(home=bank.home, models=bank.models)
    newest = list_decisions(settings).iloc[0]
    assert (newest["event"], newest["override"], newest["decision"]) == (
        int(sequence[1]), True, "approve",
    )  # fmt: skip
    assert events.verify(settings) is None
    page.goto(f"{bank.url}/governance")
    page.get_by_role("tab", name="Decisions").click()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("Identical to the last bit")).to_be_visible()
    no_error(page)


def test_a_new_applicant_is_pasted_and_scored(
    page: Page, bank: Dashboard, store: Store, tmp_path: Path
) -> None:
    history = transactions_of(store.dataset, store.settings, "C000010")
    statement = history.drop(columns="customer_id").to_csv(index=False, sep=";")
    page.goto(f"{bank.url}/applicant?model=disengagement+1%2C+Logistic+regression")
    page.get_by_role("button", name="New applicant").click()
    page.get_by_label("Applicant's id").fill("NEW-1")
    page.get_by_label(re.compile("Paste transactions")).fill(statement)
    page.get_by_role("button", name="Score this applicant").click()
    expect(page.get_by_label("Customer id")).to_have_value("NEW-1")
    expect(page.get_by_text("Record a decision").first).to_be_visible()
    no_error(page)
    page.get_by_role("button", name="New applicant").click()
    page.get_by_label("Applicant's id").fill("NEW-2")
    page.get_by_label(re.compile("Paste transactions")).fill("date;amount\n2024-01-01;5\n")
    page.get_by_role("button", name="Score this applicant").click()
    expect(page.get_by_text("the statement has no such column")).to_be_visible()
    screenshot(page, "newcomer", tmp_path)
    no_error(page)


def test_two_models_are_compared_and_one_is_promoted(
    page: Page, bank: Dashboard, tmp_path: Path
) -> None:
    settings = Settings(home=bank.home, models=bank.models)
    before = next(v for v in list_versions(settings) if v.champion and v.name == "default")
    page.goto(f"{bank.url}/compare?question=PD+%28observed%29")
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Two models").click()
    expect(page.get_by_text(re.compile("difference", re.IGNORECASE)).first).to_be_visible()
    screenshot(page, "compare", tmp_path)
    page.get_by_role("tab", name="Inside a model").click()
    expect(page.get_by_text("Grey: a category").first).to_be_visible()
    no_error(page)
    page.get_by_label("Reason", exact=True).fill("a walk through the pages")
    page.get_by_role("button", name="Promote", exact=True).click()
    expect(page.get_by_text("is now the champion").first).to_be_visible()
    after = next(v for v in list_versions(settings) if v.champion and v.name == "default")
    assert after.reference != before.reference
    screenshot(page, "promoted", tmp_path)
    no_error(page)
