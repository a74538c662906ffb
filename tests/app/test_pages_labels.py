"""The pages of labels: Segments and Label Lab."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import jobs, results, text
from app.charts import labels as label_charts
from app.charts import segments as segment_charts
from credit_core import workflows
from credit_core.config import ModelConfig
from credit_core.data.store import Dataset
from credit_core.settings import PROJECT_ROOT, Settings
from credit_core.workflows.data import activity
from credit_core.workflows.labels import span_of

Page = Callable[..., AppTest]


@pytest.fixture
def page(shared_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """Return a function that opens a page on a dataset of the shared store."""
    monkeypatch.setattr("app.warm.start", lambda: None)
    monkeypatch.setattr("app.state.versions", list)
    st.cache_data.clear()
    st.cache_resource.clear()

    def opened(name: str, data: Dataset, settings: Settings | None = None, **state: Any) -> AppTest:
        monkeypatch.setattr("app.state.get_settings", lambda: settings or shared_settings)
        at = AppTest.from_file(str(PROJECT_ROOT / "app" / "main.py"), default_timeout=60)
        at.session_state["choose_data"] = data.fingerprint
        for key, value in state.items():
            at.session_state[key] = value
        at.run()
        at.switch_page(f"../pages/{name}.py")
        return run(at)

    yield opened
    st.cache_data.clear()
    st.cache_resource.clear()


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception[0].value
    return at


def words(at: AppTest) -> str:
    kinds = ("title", "header", "markdown", "caption", "text", "info", "warning", "error")
    return "\n".join(str(e.value) for kind in (*kinds, "success") for e in at.get(kind))


def evidence(store) -> dict[str, Any]:
    """Return what a job of checks ends with, from the shared store's own training."""
    return {"label": store.proxy.label, "checks": store.proxy.checks}


class TestSegments:
    def test_every_view_has_a_table(self, page: Page, dataset: Dataset) -> None:
        tables = {}
        for view in ("clusters", "segments", "spread", "k", "movement"):
            at = page("segments", dataset, segments_view=view)
            assert "no risk class" in words(at)
            tables[view] = [frame.value for frame in at.dataframe]
        assert tables["clusters"][0]["customers"].sum() == dataset.customers
        assert tables["segments"][0]["customers"].sum() == dataset.customers
        assert set(tables["spread"][0]["p50"].notna()) == {True}
        assert tables["k"][0]["k"].tolist() == list(range(2, 11))
        assert len(tables["k"][1]) == 5
        moved = tables["movement"][0].drop(columns="From / to")
        assert moved.to_numpy().sum() == dataset.customers

    def test_a_ticked_cluster_lists_its_customers(self, page: Page, dataset: Dataset) -> None:
        at = page("segments", dataset)
        profile = at.dataframe[0].value
        for cluster in (0, 2):
            box = at.selectbox(key="segment_group")
            box.set_value(next(o for o in box.options if o.startswith(f"Cluster {cluster}")))
            listed = run(at).dataframe[-1].value
            assert set(listed["cluster"]) == {cluster}
            expected = profile.set_index("cluster").loc[cluster, "customers"]
            assert len(listed) == min(expected, 1000)

    def test_movement_between_clusters_from_a_chosen_date(
        self, page: Page, dataset: Dataset
    ) -> None:
        at = page("segments", dataset, segments_view="movement", movement_by="cluster")
        first = at.dataframe[0].value
        at.date_input[0].set_value(pd.Timestamp("2023-09-01").date())
        second = run(at).dataframe[0].value
        assert list(first["From / to"]) == list(second["From / to"])
        assert first.drop(columns="From / to").to_numpy().sum() == dataset.customers
        new = second.set_index("From / to").loc["Not yet a customer"].sum()
        assert new >= first.set_index("From / to").loc["Not yet a customer"].sum()
        assert "fewer days" in words(at), "the ledger begins inside the earlier window"


class TestLabelLab:
    def test_it_says_first_why_a_perfect_auc_is_bad_news(
        self, page: Page, dataset: Dataset
    ) -> None:
        at = page("label_lab", dataset)
        assert text.LAB_LEAD in words(at)
        assert "Run the checks below to measure" in words(at)
        cohorts = at.dataframe[0].value
        preview = workflows.preview_label(
            dataset, Settings(home=dataset.folder.parent.parent), ModelConfig(), "disengaged"
        )
        assert cohorts["bads"].tolist() == preview.cohorts["bads"].tolist()

    def test_sliders_move_the_windows_at_once(self, page: Page, dataset: Dataset) -> None:
        at = page("label_lab", dataset, lab_label="inactive")
        usual = at.dataframe[0].value
        at.slider(key=f"after_{dataset.fingerprint[:6]}").set_value(40)
        at.slider(key=f"seen_{dataset.fingerprint[:6]}").set_value(120)
        shorter = run(at).dataframe[0].value
        assert shorter["bad_rate"].mean() > usual["bad_rate"].mean(), "40 silent days are likelier"
        at.slider(key=f"as_of_{dataset.fingerprint[:6]}").set_value(
            pd.Timestamp("2023-08-01").date()
        )
        moved = run(at).dataframe[0].value
        assert moved["as_of"].max() == pd.Timestamp("2023-08-01")

    def test_windows_that_do_not_fit_are_refused_with_what_would(
        self, page: Page, dataset: Dataset
    ) -> None:
        at = page("label_lab", dataset)
        at.slider(key=f"after_{dataset.fingerprint[:6]}").set_value(400)
        run(at)
        assert "needs a ledger" in at.error[0].value
        assert text.LAB_LEAD in words(at)
        assert not [b for b in at.button if "Run the checks" in b.label]

    def test_the_button_starts_one_job_with_the_choices(
        self, page: Page, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Any] = []
        monkeypatch.setattr(jobs, "submit", lambda *given: asked.append(given) or "x-1")
        at = page("label_lab", dataset, lab_label="inactive")
        at.slider(key=f"seen_{dataset.fingerprint[:6]}").set_value(200)
        run(at)
        next(b for b in at.button if b.label == "Run the checks").click()
        run(at)
        ((_, kind, request),) = asked
        assert kind == "examine"
        assert request["label"] == "inactive"
        assert request["config"]["windows"]["observation_days"] == 200
        assert request["config"]["windows"]["as_of"]

    def test_finished_checks_are_shown_for_these_choices_only(
        self, page: Page, store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done = jobs.Job("x-1", "examine", {}, "done", 1.0, "", 0.0, 1.0, evidence(store), None)
        monkeypatch.setattr(
            jobs,
            "latest",
            lambda _settings, _kind, asked: (
                done if asked["config"]["windows"]["outcome_days"] == 90 else None
            ),
        )
        at = page("label_lab", store.dataset)
        bars = store.proxy.checks["gauge"]["bars"]
        values = {metric.label: metric.value for metric in at.metric}
        assert values["AUC, Same window (circular)"] == f"{bars['same_window']['auc']:.3f}"
        assert values["AUC, Forward: the days after"] == f"{bars['forward']['auc']:.3f}"
        assert "Canary passed" in words(at)
        rows = store.proxy.checks["sensitivity"]["rows"]
        assert any(
            "kappa" in frame.value and len(frame.value) == len(rows) for frame in at.dataframe
        )
        assert any("bad_rate" in f.value and "cluster" in f.value for f in at.dataframe)
        at.slider(key=f"after_{store.dataset.fingerprint[:6]}").set_value(60)
        assert not run(at).metric

    def test_recorded_outcomes_have_no_rule_to_move(
        self, page: Page, store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        facts = {"label": store.observed.label, "checks": store.observed.checks}
        done = jobs.Job("x-1", "examine", {}, "done", 1.0, "", 0.0, 1.0, facts, None)
        monkeypatch.setattr(jobs, "latest", lambda *_: done)
        at = page("label_lab", store.dataset, lab_label="observed")
        assert not at.slider
        assert text.LAB_OBSERVED in words(at)
        assert "Sensitivity does not apply" in words(at)
        report = store.observed.label["report"]
        matched = next(f.value for f in at.dataframe if "what" in f.value and "auc" not in f.value)
        assert matched["n"].sum() == report["applications"]

    @pytest.mark.parametrize("state", ["running", "failed"])
    def test_running_and_failed_checks_say_so(
        self, state: str, page: Page, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        problem = "It ran out of memory." if state == "failed" else None
        job = jobs.Job(
            "x-1", "examine", {}, state, 0.4, "honesty gauge", time.time(), 3.0, None, problem
        )
        monkeypatch.setattr(jobs, "latest", lambda *_: job)
        monkeypatch.setattr(jobs, "read", lambda *_: job)
        at = page("label_lab", dataset)
        if state == "running":
            assert [b for b in at.button if b.label == "Cancel"]
        else:
            assert "ran out of memory" in at.error[0].value
            assert [b for b in at.button if b.label == "Run the checks"]

    def test_the_windows_are_handed_to_train(
        self, page: Page, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Any] = []
        monkeypatch.setattr(jobs, "submit", lambda *given: asked.append(given) or "abc-9")
        at = page("label_lab", dataset, lab_label="inactive")
        at.slider(key=f"seen_{dataset.fingerprint[:6]}").set_value(150)
        run(at)
        next(b for b in at.button if b.label == "Train with these windows").click()
        run(at)
        assert at.title[0].value == "Train"
        at.switch_page("../pages/train.py")  # AppTest itself stays on the page it was given
        run(at)
        assert "observed for 150 days" in words(at)
        assert at.radio(key="train_label").value == "inactive"
        next(b for b in at.button if b.label == "Train").click()
        run(at)
        assert asked[0][2]["config"]["windows"]["observation_days"] == 150
        next(b for b in at.button if b.label == "Forget them").click()
        assert "Windows from Label Lab" not in words(run(at))

    def test_applications_alone_have_outcomes_to_count(
        self, page: Page, settings: Settings, written: Callable[..., Path]
    ) -> None:
        rows = "".join(f"A{n},{n % 9},{n % 2}\n" for n in range(60))
        path = written("customer_id,income,outcome\n" + rows, "applications.csv")
        data = workflows.ingest(None, settings, applications=path)
        at = page("label_lab", data, settings)
        assert not at.slider
        assert at.dataframe[0].value["bads"].sum() == 30

    def test_a_ledger_too_short_says_what_is_missing(
        self, page: Page, settings: Settings, written: Callable[..., Path]
    ) -> None:
        rows = "".join(f"A{n % 7},2024-01-{n % 28 + 1:02},{n}.5\n" for n in range(60))
        data = workflows.ingest(written("customer_id,date,amount\n" + rows), settings)
        at = page("label_lab", data, settings)
        assert "at least 42 are needed" in at.error[0].value
        assert "14 days or more" in at.error[0].value


class TestTrainPage:
    def test_a_training_shows_its_evidence(
        self, page: Page, store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = {"dataset": "d", "label": "disengaged", "families": ["logistic"]}
        facts = store.proxy.facts()
        done = jobs.Job("x-1", "train", asked, "done", 1.0, "", 0.0, 1.0, facts, None)
        monkeypatch.setattr(jobs, "list_jobs", lambda *_: [done])
        at = page("train", store.dataset, train_job="x-1")
        assert store.proxy.checks["sensitivity"]["why"] in words(at)
        assert any("rank_correlation" in frame.value for frame in at.dataframe)


class TestExamineJob:
    def test_the_job_gives_what_a_training_would(
        self, store, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = workflows.examine_label(
            store.dataset, store.settings, store.config, "disengaged", None
        )
        trained = {k: v for k, v in store.proxy.checks.items() if k != "small_sample"}
        assert found["checks"] == trained
        request = {"dataset": "d", "label": "inactive", "config": {}}
        assert jobs.latest(settings, "examine", request) is None


class TestFigures:
    def test_the_timeline_draws_every_window(
        self, dataset: Dataset, shared_settings: Settings
    ) -> None:
        found = workflows.preview_label(dataset, shared_settings, ModelConfig(), "inactive")
        made = label_charts.timeline(activity(dataset, shared_settings), found, span_of(dataset))
        _, seen, after = made.data
        day = 24 * 3600 * 1000
        assert set(seen.x) == {found.observation_days * day}
        assert set(after.x) == {found.outcome_days * day}
        dates = sorted(pd.to_datetime(list(after.base)))
        assert dates == sorted(found.cohorts["as_of"])
        assert len(label_charts.bad_rates(found.cohorts).data[0].x) == len(found.cohorts)

    def test_the_gauge_marks_the_circular_one(self, store) -> None:
        gauge = store.proxy.checks["gauge"]
        rows = results.gauge_rows(gauge)
        made = label_charts.gauge(rows, results.gauge_finding(gauge))
        symbols = {trace.y[0]: trace.marker.symbol for trace in made.data}
        assert symbols["Same window (circular)"] == "x"
        assert symbols["Forward: the days after"] == "circle"
        for trace, row in zip(made.data, rows, strict=True):
            assert trace.x[0] + trace.error_x.array[0] == pytest.approx(row["auc_high"])

    def test_what_could_not_be_measured_is_left_out(self) -> None:
        bars = {"same_window": None, "forward": None, "out_of_time": None}
        gauge = {"bars": bars, "customers": 0, "why": ""}
        assert not label_charts.gauge(results.gauge_rows(gauge), "x").data
        assert results.gauge_finding(gauge) == "What could be measured"

    def test_sensitivity_leaves_the_chosen_design_out(self, store) -> None:
        rows = pd.DataFrame(store.proxy.checks["sensitivity"]["rows"])
        made = label_charts.sensitivity(rows)
        assert len(made.data[0].x) == rows["kappa"].notna().sum() - 1

    def test_movement_and_choice_of_k(self, dataset: Dataset, shared_settings: Settings) -> None:
        config = ModelConfig()
        found = workflows.segment(dataset, shared_settings, config)
        earlier = found.as_of - pd.Timedelta(days=90)
        moved = workflows.move(dataset, shared_settings, config, found, earlier, "cluster")
        made = segment_charts.movement_map(moved, "#000")
        assert sum(int(n.text.replace(",", "")) for n in made.layout.annotations) == (
            dataset.customers
        )
        chosen = workflows.choose_k(found, config)
        assert len(segment_charts.k_scan(chosen.scan, chosen.chosen).data) == 2
        boxes = segment_charts.spread_boxes(found.spreads, "monetary")
        assert len(boxes.data) == len(found.profile)
