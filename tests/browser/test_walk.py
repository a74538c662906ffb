"""The main job, done by a real browser: a file comes in, models are trained, a customer is
opened, a batch is downloaded."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from credit_core import workflows
from credit_core.decisions.scoring import SCORE_COLUMNS
from credit_core.settings import PROJECT_ROOT, Settings
from tests.browser.conftest import SLOW, Dashboard, no_error, ready, screenshot

CDNOW = PROJECT_ROOT.parent / "shared" / "data" / "cdnow.csv.gz"
pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]


@pytest.mark.real_data
@pytest.mark.skipif(not CDNOW.exists(), reason=f"{CDNOW} is not beside this checkout")
def test_a_ledger_becomes_scores(page: Page, dashboard: Dashboard, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.csv"
    customers, transactions = _some_of(CDNOW, 3000, ledger)

    # With nothing stored, every page says what to do next.
    page.goto(f"{dashboard.url}/overview")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page).to_have_url(f"{dashboard.url}/")
    page.goto(f"{dashboard.url}/applicant")
    expect(page.get_by_text("There is no data yet")).to_be_visible()
    no_error(page)

    # The file comes in under its own headers; the mapping is proposed.
    page.goto(f"{dashboard.url}/transactions")
    page.locator("input[type=file]").first.set_input_files(str(ledger))
    expect(page.get_by_text("Which column is which")).to_be_visible()
    for column, header in (("timestamp", "date"), ("amount", "dollar_value")):
        box = page.get_by_role("combobox", name=re.compile(f"^{column}")).first
        expect(box).to_have_value(header)
    page.get_by_role("button", name="Bring in", exact=True).click()
    expect(page.get_by_text(f"{transactions:,}").first).to_be_visible()
    screenshot(page, "transactions", tmp_path)
    no_error(page)

    # Training is a job; it survives leaving the page.
    page.goto(f"{dashboard.url}/train")
    page.get_by_text("Inactive", exact=False).first.click()
    for family in ("XGBoost", "LightGBM"):
        page.get_by_role("button", name=family).click()
    page.get_by_role("button", name=re.compile("Train$")).last.click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    running = page.url
    page.goto(f"{dashboard.url}/segments")
    expect(page.get_by_role("heading", name="Segments")).to_be_visible()
    page.goto(running)
    reason = page.get_by_label("Reason (kept in the record)")
    expect(reason).to_be_visible(timeout=SLOW * 2)
    screenshot(page, "trained", tmp_path)
    reason.fill("first champion")
    page.get_by_role("button", name="Promote the best").click()
    expect(page.get_by_text("champion").first).to_be_visible()
    no_error(page)

    # One customer, by deep link, with the proxy banner and the score.
    page.goto(f"{dashboard.url}/applicant?customer=00001")
    expect(page.get_by_text("Disengagement risk, not a default risk.")).to_be_visible()
    expect(page.get_by_text("Record a decision").first).to_be_visible()
    screenshot(page, "applicant", tmp_path)
    no_error(page)

    # The whole file scored and downloaded.
    page.goto(f"{dashboard.url}/batch")
    page.get_by_role("button", name=re.compile("Score$")).last.click()
    expect(page.get_by_text(f"{customers:,} customers scored")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    target = tmp_path / "scores.csv"
    waiting.value.save_as(target)
    screenshot(page, "batch", tmp_path)
    no_error(page)
    with target.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == customers
    assert tuple(rows[0]) == SCORE_COLUMNS
    assert {row["decision"] for row in rows} <= {"approve", "refer", "decline"}


LONELY_POINT = """wanted => {
  // The window's coordinates of the point of a Plotly trace farthest from all other traces' points.
  const plot = document.querySelector('.js-plotly-plot'), {xaxis, yaxis} = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  const points = plot._fullData.flatMap((trace, group) => Array.from(trace.x, (x, i) => ({
    group, left: xaxis._offset + xaxis.d2p(x), top: yaxis._offset + yaxis.d2p(trace.y[i])})));
  const others = points.filter(p => p.group !== wanted);
  const apart = p => Math.min(...others.map(o => Math.hypot(o.left - p.left, o.top - p.top)));
  const best = points.filter(p => p.group === wanted).slice(0, 200)
    .reduce((a, b) => apart(a) > apart(b) ? a : b);
  return [box.left + best.left, box.top + best.top];
}"""


@pytest.mark.real_data
@pytest.mark.skipif(not CDNOW.exists(), reason=f"{CDNOW} is not beside this checkout")
def test_a_label_is_tried_and_taken_to_training(
    page: Page, dashboard: Dashboard, tmp_path: Path
) -> None:
    settings = Settings(home=dashboard.home, models=dashboard.models)
    dashboard.home.mkdir(exist_ok=True)
    customers, _ = _some_of(CDNOW, 8_000, tmp_path / "purchases.csv")
    data = workflows.ingest(tmp_path / "purchases.csv", settings)

    # A ticked cluster lists its customers; a ticked customer opens on Applicant.
    page.goto(f"{dashboard.url}/segments?data={quote(data.name)}")
    expect(page.get_by_text(f"{customers:,} customers, from the 300 days")).to_be_visible()
    chosen = page.get_by_role("combobox", name=re.compile("Customers of"))
    expect(chosen).to_have_value(re.compile("^Cluster 0"))
    canvas = page.get_by_test_id("stDataFrame").first.locator("canvas").first
    canvas.click(position={"x": 16, "y": 88}, force=True)
    expect(chosen).to_have_value(re.compile("^Cluster 1"))
    # So does a click on one of a cluster's points.
    ready(page)
    left, top = page.evaluate(LONELY_POINT, 2)
    page.mouse.move(left - 3, top - 3)
    page.mouse.move(left, top)
    page.wait_for_timeout(300)
    page.mouse.click(left, top)
    expect(chosen).to_have_value(re.compile("^Cluster 2"))
    screenshot(page, "segments", tmp_path)
    for view, finding in (
        ("Recency, frequency, money", "Recency, days: median"),
        ("Choice of k", "Other seeds, each on another half"),
        ("Movement", "are still where they were"),
        ("Named segments", "hold"),
    ):
        page.get_by_role("radio", name=view).first.click()
        expect(page.get_by_text(finding).first).to_be_visible()
        no_error(page)

    # Label Lab says why 0.99 is bad news, and then measures it on this very data.
    page.goto(f"{dashboard.url}/label_lab?data={quote(data.name)}")
    expect(page.get_by_text("Why an AUC of 0.99 is bad news")).to_be_visible()
    expect(page.get_by_text("last cohort 1998-04-02")).to_be_visible()
    slider = page.get_by_role("slider", name=re.compile("Outcome window"))
    slider.press("ArrowLeft")
    expect(page.get_by_text("followed for 89")).to_be_visible()
    page.get_by_role("button", name="Run the checks").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.reload()  # the checks go on
    expect(page.get_by_text("Canary passed")).to_be_visible()
    same, forward = (
        float(page.get_by_test_id("stMetric").nth(i).inner_text().split()[-1]) for i in (0, 1)
    )
    assert same > 0.97
    assert 0.6 < forward < same - 0.05
    screenshot(page, "label-lab", tmp_path)
    no_error(page)
    page.get_by_role("button", name="Train with these windows").click()
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    expect(page.get_by_text("followed for 89, last cohort 1998-04-02")).to_be_visible()
    no_error(page)


def _some_of(path: Path, customers: int, target: Path) -> tuple[int, int]:
    """Write the first customers of a ledger under its own headers; return customers and rows."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as whole:
        rows = csv.DictReader(whole)
        kept = [row for row in rows if int(row["customer_id"]) <= customers]
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, kept[0])
        writer.writeheader()
        writer.writerows(kept)
    return len({row["customer_id"] for row in kept}), len(kept)


def test_every_page_opens_in_both_themes(page: Page, dashboard: Dashboard, tmp_path: Path) -> None:
    page.goto(dashboard.url)
    titles = (
        "Overview",
        "Transactions",
        "Segments",
        "Label Lab",
        "Train",
        "Compare",
        "Applicant",
        "Batch",
        "Policy",
        "Monitoring",
        "Governance",
    )
    for title in titles:
        page.get_by_test_id("stSidebar").get_by_role("link", name=title).click()
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            ready(page)
            expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
            no_error(page)
            screenshot(page, f"{title.lower()}-{scheme}", tmp_path)
