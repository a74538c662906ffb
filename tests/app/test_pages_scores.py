"""The pages from models to decisions: Compare, Applicant, Batch."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import curves, jobs, text
from credit_core import workflows
from credit_core.data.store import write_atomic
from credit_core.oversight import events
from credit_core.oversight.registry import find_version
from credit_core.settings import PROJECT_ROOT, Settings
from credit_core.workflows import TrainingRequest
from credit_core.workflows.decisions import read_note
from credit_core.workflows.history import monthly_history
from credit_core.workflows.scoring import summarise_scores
from tests.pages import checked, words

Open = Callable[..., AppTest]
BAD_NAME = "![x](http://evil/a.png)"


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Return a function that opens a page on given stores."""
    monkeypatch.setattr("app.warm.start", lambda: None)
    st.cache_data.clear()
    st.cache_resource.clear()

    def opened(name: str, settings: Settings, **query: str) -> AppTest:
        monkeypatch.setattr("app.state.get_settings", lambda: settings)
        at = AppTest.from_file(str(PROJECT_ROOT / "app" / "main.py"), default_timeout=60).run()
        at.switch_page(f"../pages/{name}.py")
        for key, value in query.items():
            at.query_params[key] = value
        return run(at)

    yield opened
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def scored(store) -> pd.DataFrame:
    return workflows.score_dataset(store.dataset, store.settings).frame


@pytest.fixture(scope="module")
def store(store, tmp_path_factory: pytest.TempPathFactory):
    """The trained store with its own dataset only: pages open on the newest one."""
    home = tmp_path_factory.mktemp("pages") / "home"
    shutil.copytree(store.settings.home, home)
    for folder in (home / "datasets").iterdir():
        if folder.name != store.dataset.fingerprint:
            shutil.rmtree(folder)
    return replace(store, settings=store.settings.model_copy(update={"home": home}))


@pytest.fixture
def own(store, tmp_path: Path) -> Settings:
    """A copy of the trained store that a test may change."""
    shutil.copytree(store.settings.home, tmp_path / "home")
    shutil.copytree(store.settings.models, tmp_path / "models")
    return Settings(home=tmp_path / "home", models=tmp_path / "models", threads=2)


def run(at: AppTest) -> AppTest:
    return checked(at.run())


def button(at: AppTest, label: str):
    return next(found for found in at.button if found.label == label)


# --- nothing there yet


@pytest.mark.parametrize("name", ["applicant", "batch"])
def test_without_data_the_page_says_where_to_start(open_page, settings, name):
    assert text.NO_DATA in words(open_page(name, settings))


def test_without_models_compare_says_where_to_start(open_page, settings):
    assert text.NO_MODELS in words(open_page("compare", settings))


@pytest.mark.parametrize("name", ["applicant", "batch"])
def test_without_a_model_the_page_says_where_to_start(open_page, dataset, tmp_path, name):
    settings = Settings(home=dataset.folder.parents[1], models=tmp_path / "none", threads=2)
    assert text.NO_MODEL in words(open_page(name, settings))


def test_data_that_the_champion_cannot_score_names_a_model_that_can(open_page, own, simulated):
    """A ledger without applications, and a champion that reads application attributes."""
    workflows.ingest(simulated / "transactions.csv.gz", own)
    at = open_page("applicant", own)
    assert "application attributes" in words(at)
    assert "Type an id" not in words(at)
    offered = next(found for found in at.button if found.label.startswith("Score with"))
    assert "disengagement" in offered.label
    run(offered.click())
    assert "Type an id" in words(at)
    assert text.PROXY_BANNER in words(at), "the list shows scores before a customer is chosen"


@pytest.mark.parametrize("page", ["batch", "monitoring"])
def test_other_pages_offer_it_as_well(open_page, own, simulated, page):
    workflows.ingest(simulated / "transactions.csv.gz", own)
    at = open_page(page, own)
    assert "attributes" in words(at)
    assert "Score" not in [found.label for found in at.button], "it would only fail"
    offered = next(found for found in at.button if found.label.startswith("Score with"))
    run(offered.click())
    assert not [found for found in at.button if found.label.startswith("Score with")]


def test_data_that_no_model_can_score_leads_to_train(open_page, own, tmp_path):
    rows = [f"c{i % 40},2024-{1 + i % 12:02}-05,{5 + i % 7}" for i in range(400)]
    (tmp_path / "bare.csv").write_text("customer_id,timestamp,amount\n" + "\n".join(rows))
    workflows.ingest(tmp_path / "bare.csv", own)
    at = open_page("applicant", own)
    assert "train one on it" in words(at)
    assert not [found for found in at.button if found.label.startswith("Score with")]


# --- compare


def test_compare_shows_every_model_of_a_question(open_page, store):
    at = open_page("compare", store.settings)
    board = at.dataframe[0].value
    assert set(board["reference"]) == {found.reference for found in store.observed.versions}
    assert (board["mark"] == "champion").sum() == 1
    assert len(at.get("plotly_chart")) == 2  # the leaderboard's and the open tab's
    for curve in curves.TABS:
        assert len(open_tab(at, curve=curve).get("plotly_chart")) == 2
    for inside, charts in (("What weighs", 2), ("Stability", 0), ("Learning curve", 1)):
        open_tab(at, compare_view="Inside a model", anatomy=inside)
        assert len(at.get("plotly_chart")) == 1 + charts, inside


def test_compare_keeps_questions_apart(open_page, store):
    at = open_page("compare", store.settings)
    at.get("segmented_control")[0].set_value("disengagement")
    run(at)
    assert set(at.dataframe[0].value["reference"]) == {"disengagement:1"}
    assert "One model so far" in words(at)
    assert "champion already" in words(at)


def test_promotion_needs_a_reason_and_is_recorded(open_page, own):
    at = open_page("compare", own)
    button(at, "Promote").click()
    assert "Say why" in words(run(at))
    at.text_area[0].set_value("steadier out of time")
    run(at)
    button(at, "Promote").click()
    run(at)
    promoted = events.list_events(own, kind="promoted")[0].details
    assert f"{promoted['model']} is now the champion" in words(at)
    assert promoted["reason"] == "steadier out of time"
    version = find_version(own, promoted["model"])
    judged = version.metrics[promoted["sample"]]
    assert (promoted["auc"], promoted["n"]) == (judged["auc"], judged["n"])
    assert at.selectbox(key="model").value == promoted["model"]
    assert find_version(own, "default").reference == promoted["model"]


def test_a_circular_model_is_shown_with_the_reason_and_refused(open_page, own, store, dataset):
    workflows.train(dataset, own, store.config, TrainingRequest("same_window", ("logistic",)))
    at = open_page("compare", own)
    at.get("segmented_control")[0].set_value("disengagement")
    run(at)
    board = at.dataframe[0].value
    assert board["mark"].tolist() == ["champion", "circular"]
    assert text.CIRCULAR_WHY in words(at)
    at.text_area[0].set_value("its AUC is 1")
    run(at)
    button(at, "Promote").click()
    assert "is not promoted" in words(run(at)).replace("\\", "")
    assert find_version(own, "disengagement").reference == "disengagement:1"


def open_tab(at, **tabs):
    for key, name in tabs.items():
        at.session_state[key] = name
    return run(at)


def test_two_models_are_compared_in_words_and_at_a_cut_off(open_page, store):
    at = open_tab(open_page("compare", store.settings), compare_view="Two models")
    first, second = at.selectbox(key="duel_first"), at.selectbox(key="duel_second")
    assert first.value == find_version(store.settings, "default").reference, "the champion"
    assert first.value != second.value
    shown = words(at)
    assert "No clear difference" in shown or "ranks better than" in shown
    assert "At 70% approved" in shown
    tables = {next(iter(table.value.columns)): table.value for table in at.dataframe}
    assert tables["figure"]["figure"].tolist() == list(text.FIGURE.values())
    assert tables["group"]["group"].tolist() == list(text.SWAP.values())
    at.slider[0].set_value(40)
    run(at)
    assert "At 40% approved" in words(at)


def test_a_scorecard_shows_its_points(open_page, store):
    at = open_tab(open_page("compare", store.settings), compare_view="Inside a model")
    reference = store.version("scorecard").reference
    assert (
        at.selectbox(key="anatomy_model").value == find_version(store.settings, "default").reference
    )
    run(at.selectbox(key="anatomy_model").set_value(reference))
    open_tab(at, anatomy="Points table")
    points = next(t.value for t in at.dataframe if "woe" in t.value.columns)
    assert points["points"].notna().all()
    labels = [found.proto.label for found in at.get("download_button")]
    assert "Download the points table" in labels


def test_a_champion_is_rolled_back_in_one_click_and_recorded(open_page, own, store):
    first = find_version(own, "default").reference
    other = next(v.reference for v in store.observed.versions if v.reference != first)
    workflows.promote(other, "tried out", own)
    at = open_page("compare", own)
    assert f"and ended with **{other}**" in words(at)
    button(at, f"Roll back to {first}").click()
    run(at)
    assert f"Rolled back: {first} is the champion again" in words(at)
    assert find_version(own, "default").reference == first
    assert events.list_events(own, kind="promoted")[0].details["reason"].startswith("Rolled back")


def test_an_address_that_names_what_is_gone_says_so(open_page, store):
    shown = words(open_page("batch", store.settings, data="gone", model="default 99"))
    assert "data that are not stored here: gone." in shown
    assert "a model that cannot be chosen here: default 99." in shown
    assert "not stored here" not in words(open_page("batch", store.settings))


# --- applicant


def test_the_list_opens_a_customer_and_filters(open_page, store, scored):
    at = open_page("applicant", store.settings)
    assert len(at.dataframe[0].value) == min(len(scored), 1000)
    at.get("pills")[0].set_value(["E"])
    run(at)
    assert set(at.dataframe[0].value["band"]) == {"E"}


def test_a_deep_link_opens_the_customer_with_the_batch_score(open_page, store, scored):
    row = scored.iloc[7]
    at = open_page("applicant", store.settings, customer=row["customer_id"])
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown["Recommendation"].lower() == row["decision"]
    assert shown["PD (observed)"] == f"{row['risk']:.1%}"
    assert shown["Band (A = safest)"] == row["band"]
    assert f"= score {row['score']:.1f}; the sum is exact" in words(at)
    for reason in ("reason_1", "reason_2"):
        assert row[reason] in words(at)
    assert text.OBSERVED_BANNER in words(at)


def test_a_customer_set_by_another_page_opens(open_page, store, scored):
    at = open_page("applicant", store.settings)
    at.session_state["customer"] = scored["customer_id"].iloc[3]
    run(at)
    assert {metric.label for metric in at.metric} >= {"Recommendation", "PD (observed)"}


def test_a_proxy_model_shows_disengagement_risk_and_no_pd(open_page, store, scored):
    at = open_page("applicant", store.settings, customer=scored["customer_id"].iloc[0])
    at.selectbox(key="model").set_value(store.proxy.versions[0].reference)
    run(at)
    labels = {metric.label for metric in at.metric}
    assert "Disengagement risk" in labels
    assert "PD (observed)" not in labels
    assert text.PROXY_BANNER in words(at)


def test_a_short_history_is_said_beside_the_score(open_page, store, scored, monkeypatch):
    customer = scored["customer_id"].iloc[0]
    assert "data reach back" not in words(open_page("applicant", store.settings, customer=customer))
    monkeypatch.setattr("credit_core.decisions.scoring._ENOUGH_HISTORY", 100)
    st.cache_resource.clear()
    at = open_page("applicant", store.settings, customer=customer)
    assert "data reach back" in words(at)


def test_an_unknown_customer_is_a_sentence(open_page, store):
    at = open_page("applicant", store.settings, customer=BAD_NAME)
    assert text.NO_SUCH_CUSTOMER in words(at)
    assert BAD_NAME not in words(at)


def test_accepting_and_overriding_are_recorded(open_page, own, scored):
    row = scored[scored["decision"] == "refer"].iloc[0]
    at = open_page("applicant", own, customer=row["customer_id"])
    button(at, "Record the decision").click()
    run(at)
    first = events.list_events(own, kind="decided")[0]
    assert f"Recorded as event {first.sequence:,}." in words(at)
    assert not first.details["override"]
    assert button(at, "Record the decision").disabled

    decision = next(found for found in at.get("segmented_control") if found.label == "Decision")
    decision.set_value("approve")
    run(at)
    button(at, "Record the decision").click()
    assert "needs a reason code" in words(run(at))
    next(box for box in at.selectbox if "override" in box.label).set_value("other")
    run(at)
    button(at, "Record the decision").click()
    assert "Say why in the note" in words(run(at))
    next(area for area in at.text_area if area.label == "Note").set_value("guarantor seen")
    run(at)
    button(at, "Record the decision").click()
    run(at)
    second = events.list_events(own, kind="decided")[0]
    assert second.sequence == first.sequence + 1
    assert second.details["override"]
    assert second.details["reason_code"] == "other"
    assert row["customer_id"] not in str(second.details)
    assert "guarantor" not in str(second.details)
    assert read_note(own, row["customer_id"], second.details["note"]) == "guarantor seen"


def test_monthly_history_leaves_no_month_out(store, scored):
    customer = scored["customer_id"].iloc[0]
    months = monthly_history(store.dataset, store.settings, customer)
    first, last = months["month"].iloc[0], months["month"].iloc[-1]
    assert months["month"].tolist() == pd.date_range(first, last, freq="MS").tolist()
    assert (months[["money_in", "money_out"]] >= 0).all(axis=None)
    assert months["transactions"].sum() > 0
    assert monthly_history(store.dataset, store.settings, "nobody").empty


# --- batch


def finished(settings: Settings, dataset, scored: pd.DataFrame, reference: str) -> str:
    """Write a done job's folder, as the child process would, and return its id."""
    folder = settings.home / "jobs" / "abc-1"
    folder.mkdir(parents=True)
    workflows.write_scores(scored, folder / "scores.parquet")
    workflows.write_scores(scored, folder / "scores.csv")
    started = {
        "kind": "score",
        "request": {"dataset": dataset.fingerprint, "model": reference},
        "started": time.time() - 3,
    }
    result = {
        "rows": len(scored),
        "rejected_rows": 0,
        "out": str(folder / "scores.parquet"),
        "summary": summarise_scores(scored),
        "warnings": ["The data reach back 20 days."],
        "model": reference,
    }
    for name, content in (
        ("request", started),
        ("progress", {"share": 1.0, "text": "Done", "at": time.time()}),
        ("result", result),
    ):
        write_atomic(folder / f"{name}.json", jobs.json.dumps(content).encode())
    return folder.name


def test_a_finished_batch_is_shown_and_can_be_downloaded(open_page, own, dataset, scored):
    reference = find_version(own, "champion").reference
    job = finished(own, dataset, scored, reference)
    at = open_page("batch", own, batch_job=job)
    assert f"{len(scored):,} customers scored" in words(at)
    assert "The data reach back 20 days" in words(at)
    assert len(at.get("plotly_chart")) == 2
    assert [len(table.value) for table in at.dataframe][-1] == min(len(scored), 500)
    labels = [found.proto.label for found in at.get("download_button")]
    assert labels == ["Download CSV", "Download Parquet", "Download XLSX"]


def test_a_batch_that_failed_says_why(open_page, own, dataset, scored):
    job = finished(own, dataset, scored, "default:1")
    folder = own.home / "jobs" / job
    (folder / "result.json").unlink()
    problem = {"state": "failed", "problem": f"{BAD_NAME} cannot be scored."}
    write_atomic(folder / "error.json", jobs.json.dumps(problem).encode())
    at = open_page("batch", own, batch_job=job)
    assert "cannot be scored" in words(at)
    assert BAD_NAME not in words(at)


@pytest.mark.parametrize("job", ["nothing-1", "../..", ""])
def test_an_unknown_batch_is_none(open_page, store, job):
    assert "No batch yet" in words(open_page("batch", store.settings, batch_job=job))


def test_a_batch_of_another_session_cannot_be_guessed(open_page, own, monkeypatch):
    """The same data and model asked for by two sessions are two jobs with unlike ids."""
    asked: list[dict] = []
    monkeypatch.setattr(jobs, "submit", lambda _s, _k, request: asked.append(request) or "none-1")
    for _ in range(2):
        at = open_page("batch", own)
        button(at, "Score").click()
        run(at)
    first, second = (jobs._digest("score", request) for request in asked)
    assert first != second
    assert len(asked[0].pop("session")) == len(asked[1].pop("session")) == 16
    assert asked[0] == asked[1]


def test_score_starts_a_job_that_ends(open_page, own, scored):
    at = open_page("batch", own)
    button(at, "Score").click()
    run(at)
    (job,) = jobs.list_jobs(own, "score")
    assert at.query_params["batch_job"] == job.id
    for _ in range(300):
        job = jobs.read(own, job.id)
        if not job.running:
            break
        time.sleep(0.1)
    assert job.state == "done", job.problem
    assert "customers scored" in words(run(at))
    written = pd.read_parquet(job.result["out"])
    told = [name for name in scored.columns if name.startswith("reason_")]
    approved = scored["decision"] == "approve"
    expected = scored.assign(**{name: scored[name].where(~approved, "") for name in told})
    pd.testing.assert_frame_equal(written, expected)
    shown = words(at)
    assert f"n {len(scored):,} against" in shown
    assert f"Of {job.result['counts']['in']:,} applications in the data" in shown
    assert sum(row["n"] for row in job.result["summary"]["decisions"]) == len(scored)
    assert sum(row["n"] for row in job.result["summary"]["scores"]) == len(scored)
