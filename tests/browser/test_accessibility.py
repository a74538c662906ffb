"""axe-core finds nothing serious on any page, tab and theme."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import ADDRESSES, Dashboard, opened, ready

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
GRAVE = {"serious", "critical"}


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


def scheme(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.querySelector('.stApp')).colorScheme")


def test_axe_finds_nothing_serious_on_any_page_or_tab(page: Page, bank: Dashboard) -> None:
    found, looked = [], 0
    for address in ADDRESSES:
        # In the dark theme all but the colours is the same.
        page.goto("about:blank")
        page.emulate_media(color_scheme="dark")
        opened(page, bank, address)
        assert scheme(page) == "dark"
        found += violations(page, f"{address}, dark", ["color-contrast"])
        page.emulate_media(color_scheme="light")
        ready(page)
        assert scheme(page) == "light"
        found += violations(page, address)
        looked += 1
        for tab in page.get_by_role("tab").all():
            if tab.is_visible() and tab.get_attribute("aria-selected") != "true":
                tab.click()
                ready(page)
                found += violations(page, f"{address}, {tab.inner_text()}")
                looked += 1
    assert not found, "\n".join(found)
    assert looked > len(ADDRESSES) + 10
