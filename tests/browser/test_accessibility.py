"""axe-core finds nothing serious on any page, and the keyboard alone reaches everything."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.main import SECTIONS
from tests.browser.conftest import Dashboard, ready, window

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
PAGES = [
    "" if name == "overview" else name
    for rows in SECTIONS.values()
    for name, _title, _icon, _hint in rows
]
ADDRESSES = [*PAGES, "applicant?customer=C000010"]
GRAVE = {"serious", "critical"}

# What a key can reach: everything that a mouse could press, but for what Streamlit draws itself as
# a composite (one stop for the whole group, arrows within).
REACHABLE = """() => {
  const wanted = 'a[href], button, input, textarea, select, summary, [role=tab], [role=slider]';
  const composite = '[role=radiogroup], [role=tablist], [role=group], [role=toolbar]';
  const seen = {checkVisibilityCSS: true, checkOpacity: true};
  window.__wanted = [...document.querySelectorAll(wanted)].filter(e =>
    e.checkVisibility(seen) && !e.disabled && e.type !== 'hidden' && e.type !== 'file' &&
    e.getAttribute('aria-disabled') !== 'true' && !e.closest('[aria-hidden=true], [inert]') &&
    e.getAttribute('tabindex') !== '-1' && !e.closest('[data-testid=stDataFrame]') &&
    !e.closest('.js-plotly-plot'));
  window.__reached = new Set();
  window.__unit = e => e.closest(composite) || e;
  return window.__wanted.length;
}"""


def opened(page: Page, bank: Dashboard, address: str) -> None:
    page.goto(f"{bank.url}/{address}")
    expect(page.locator("h1")).to_be_visible()
    expect(page.get_by_test_id("stSidebar").get_by_role("link")).to_have_count(len(PAGES))
    ready(page)


def violations(page: Page, where: str, rules: list[str] | None = None) -> list[str]:
    """Return what axe finds grave, each in a line with the first element it names."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = rules
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{where}: {one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in GRAVE
    ]


def test_axe_finds_nothing_serious_on_any_page_or_tab(browser: Browser, bank: Dashboard) -> None:
    page = window(browser)
    found, looked = [], 0
    for address in ADDRESSES:
        opened(page, bank, address)
        found += violations(page, address)
        looked += 1
        # In the dark theme all but the colours is the same.
        page.emulate_media(color_scheme="dark")
        ready(page)
        assert page.evaluate("getComputedStyle(document.querySelector('.stApp')).colorScheme") == (
            "dark"
        )
        found += violations(page, f"{address}, dark", ["color-contrast"])
        page.emulate_media(color_scheme="light")
        for tab in page.get_by_role("tab").all():
            if tab.is_visible() and tab.get_attribute("aria-selected") != "true":
                tab.click()
                ready(page)
                found += violations(page, f"{address}, {tab.inner_text()}")
                looked += 1
    assert not found, "\n".join(found)
    assert looked > len(ADDRESSES) + 10


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_keyboard_alone_reaches_everything(
    browser: Browser, bank: Dashboard, address: str
) -> None:
    page = window(browser)
    opened(page, bank, address)
    wanted = page.evaluate(REACHABLE)
    assert wanted > len(PAGES)
    missed = [""]
    for _ in range(10):  # in a table each Tab is a cell, so a page may ask for more than it holds
        for _ in range(wanted):
            page.keyboard.press("Tab")
            page.evaluate("window.__reached.add(window.__unit(document.activeElement))")
        missed = page.evaluate(
            "window.__wanted.filter(e => e.isConnected && !window.__reached.has(window.__unit(e)))"
            ".map(e => e.outerHTML.slice(0, 160))"
        )
        if not missed:
            break
    assert not missed, "\n".join(missed)


def test_focus_is_seen(browser: Browser, bank: Dashboard) -> None:
    page = window(browser)
    opened(page, bank, "")
    link = page.get_by_test_id("stSidebar").get_by_role("link", name="Batch")
    plain = link.screenshot()
    for _ in range(2 * len(PAGES)):
        page.keyboard.press("Tab")
        if link.evaluate("e => e === document.activeElement"):
            break
    assert link.screenshot() != plain
