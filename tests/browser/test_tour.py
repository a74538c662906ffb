"""The demonstration: seven stops on real pages, and the moment a circular design is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.tour import STOPS
from credit_core.oversight import events
from credit_core.oversight.registry import list_versions
from credit_core.settings import Settings
from tests.browser.conftest import Dashboard, no_error, screenshot

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_the_tour_walks_the_pages_and_the_usual_recipe_is_refused(
    page: Page, bank: Dashboard, tmp_path: Path
) -> None:
    settings = Settings(home=bank.home, models=bank.models)
    page.goto(bank.url)
    page.get_by_role("button", name="Start the tour").click()
    page.get_by_role("link", name="Go to this stop").click()
    for i, stop in enumerate(STOPS):
        expect(page.get_by_text(f"Stop {i + 1} of {len(STOPS)}: {stop.title}")).to_be_visible()
        expect(page).to_have_url(re.compile(f"/{stop.page}"))
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        no_error(page)
        screenshot(page, f"stop-{i + 1}", tmp_path)
        if stop.page == "train":
            for family in ("Scorecard", "XGBoost", "LightGBM"):
                page.get_by_role("button", name=family).click()
            page.get_by_role("button", name=re.compile("Train$")).last.click()
            expect(page.get_by_text("Circular").first).to_be_visible()
            expect(
                page.get_by_text(re.compile("Canary failed|failed the canary|is circular")).first
            ).to_be_visible()
            no_error(page)
        if i + 1 < len(STOPS):
            page.get_by_role("link", name="Next stop").click()
    circular = [version for version in list_versions(settings) if version.circular]
    assert circular
    assert not any(version.champion for version in circular)

    # At the last stop: the dossier is made and downloaded, and the record is verified.
    page.get_by_role("tab", name="Dossier and evidence").click()
    page.get_by_role("button", name="Make it").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download Dossier (PDF)").click()
    target = tmp_path / "dossier.pdf"
    waiting.value.save_as(target)
    assert target.read_bytes().startswith(b"%PDF")
    page.get_by_role("tab", name="Record").click()
    page.get_by_role("button", name="Verify the record").click()
    expect(page.get_by_text(re.compile(r"Whole: \d+ events"))).to_be_visible()
    assert events.verify(settings) is None
    page.get_by_role("button", name="End the tour").click()
    expect(page.get_by_text("Stop 7 of 7")).to_have_count(0)
