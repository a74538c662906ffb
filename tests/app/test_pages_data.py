"""The pages from a file to a model: Overview, Transactions, Segments, Train."""

from __future__ import annotations

import fcntl
import io
import json
import os
import random
import re
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import incoming, jobs, record, results, text, uploads
from app.charts import ledger as ledger_charts
from app.charts import segments as segment_charts
from credit_core import workflows
from credit_core.config import ModelConfig
from credit_core.data.store import Dataset, list_datasets
from credit_core.errors import RefusedError
from credit_core.oversight.events import record as record_event
from credit_core.oversight.registry import ModelVersion
from credit_core.settings import PROJECT_ROOT, Settings
from credit_core.workflows.data import activity, earliest_transactions, first_rejects, look
from tests.pages import checked, words

Page = Callable[..., AppTest]
METRICS = {
    "auc": 0.81,
    "auc_low": 0.79,
    "auc_high": 0.83,
    "gini": 0.62,
    "ks": 0.5,
    "brier": 0.1,
    "n": 900,
    "bads": 120,
}


@pytest.fixture
def page(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Page:
    """Return a function that opens a page of an app with empty stores of its own."""
    monkeypatch.setattr("app.state.get_settings", lambda: settings)
    monkeypatch.setattr("app.warm.start", lambda: None)
    st.cache_data.clear()
    st.cache_resource.clear()

    def open_page(name: str, query: dict[str, str] | None = None) -> AppTest:
        at = AppTest.from_file(str(PROJECT_ROOT / "app" / "main.py"), default_timeout=30)
        for key, value in (query or {}).items():
            at.query_params[key] = value
        if name != "overview":
            at.run()
            at.switch_page(f"../pages/{name}.py")
            for key, value in (query or {}).items():
                at.query_params[key] = value
        return checked(at.run())

    return open_page


def transactions(date_of: Callable[[date], str] = date.isoformat, customers: int = 25) -> str:
    """Return a CSV of 120 days: customer, when, spent."""
    drawn = random.Random(7)
    lines = ["customer,when,spent"]
    for n in range(customers):
        for _ in range(3 + n % 7):
            day = date(2024, 1, 1) + timedelta(days=drawn.randrange(120))
            lines.append(f"C{n:03},{date_of(day)},{drawn.uniform(1, 90):.2f}")
    return "\n".join(lines) + "\n"


def whole_amounts() -> str:
    """Return the same with amounts whose values could be anything."""
    return re.sub(r"\.\d+$", "", transactions(), flags=re.MULTILINE)


def until_done(settings: Settings, job_id: str) -> None:
    """Wait for the end of a job."""
    until = time.monotonic() + 60
    while (found := jobs.read(settings, job_id)) is not None and found.running:
        assert time.monotonic() < until, found.text
        time.sleep(0.1)


@pytest.fixture
def stored(settings: Settings, tmp_path: Path) -> Dataset:
    """A small ledger with three broken rows, brought in."""
    path = tmp_path / "shop.csv"
    header, _, rows = transactions().partition("\n")
    broken = "C001,yesterday,5.00\nC002,2024-02-01,much\n,2024-02-01,1.00\n"
    path.write_text(header.replace("when,spent", "date,amount") + "\n" + rows + broken)
    return workflows.ingest(path, settings)


def version(**changes: Any) -> ModelVersion:
    facts = {
        "name": "disengagement",
        "version": "3",
        "run_id": "r",
        "family": "lightgbm",
        "label": "disengaged",
        "created": "2024-06-01T10:00:00+00:00",
        "champion": True,
        "circular": False,
        "refusal": None,
        "sha256": "0" * 64,
        "dataset": "d" * 16,
        "metrics": {"cross_validation": METRICS, "out_of_time": {**METRICS, "auc": 0.777}},
        "path": Path("nowhere"),
    }
    return ModelVersion(**{**facts, **changes})


def training_facts(**changes: Any) -> dict[str, Any]:
    """Return a finished training as `TrainingResult.facts` gives it."""
    model = {"family": "lightgbm", "run_id": "r", "name": "disengagement", "version": "3"}
    canary = {
        "auc": 0.51,
        "low": 0.47,
        "high": 0.55,
        "n": 900,
        "passed": True,
        "why": "as it should",
    }
    facts = {
        "label": {
            "kind": "disengaged",
            "definition": "1 = goes.",
            "snapshots": 1200,
            "bads": 150,
            "bad_rate": 0.125,
            "observation_days": 300,
            "outcome_days": 90,
        },
        "checks": {"canary": canary, "leaks": [], "circular": False, "refusal": None},
        "references": {},
        "models": [{**model, "cross_validation": METRICS, "holdout": METRICS}],
        "champion": None,
        "refused": None,
    }
    return {**facts, **changes}


def job(settings: Settings, dataset: str, **files: Any) -> str:
    """Write a training job as its process would have left it; return its id."""
    folder = settings.home / "jobs" / "abc-1"
    folder.mkdir(parents=True)
    request = {
        "dataset": dataset,
        "label": "disengaged",
        "families": ["lightgbm"],
        "config": ModelConfig().model_dump(mode="json"),
        "promote": False,
    }
    now = time.time()
    files = {
        "request": {"kind": "train", "request": request, "started": now - 60},
        "progress": {"share": 0.4, "text": "lightgbm: fold 2 of 5", "at": now},
        **files,
    }
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder.name


class TestNoData:
    def test_overview_says_what_to_do_first(self, page: Page) -> None:
        at = page("overview")
        assert "simulated sample" in words(at)
        assert [link.value for link in at.main.page_link] == ["Go to Transactions"]

    @pytest.mark.parametrize("name", ["segments", "train"])
    def test_other_pages_lead_to_transactions(self, page: Page, name: str) -> None:
        at = page(name)
        assert text.NO_DATA in words(at)
        assert [link.value for link in at.main.page_link] == ["Go to Transactions"]

    def test_unknown_job_in_the_address_is_no_error(self, page: Page, stored: Dataset) -> None:
        assert "Data: " not in words(page("train", {"job": "../../etc"}))


class TestTransactions:
    def upload(self, at: AppTest, name: str, content: str | bytes) -> AppTest:
        data = content.encode() if isinstance(content, str) else content
        at.file_uploader(key="upload_transactions_0").upload(name, data)
        return checked(at.run())

    def test_upload_is_mapped_by_hand_and_brought_in(self, page: Page, settings: Settings) -> None:
        at = self.upload(page("transactions"), "till.csv", whole_amounts())
        chosen = {box.label: box for box in at.selectbox}
        assert chosen["customer_id (required)"].value == "customer"
        assert chosen["timestamp (required)"].value == "when"  # by its values
        assert chosen["amount (required)"].value is None  # whole numbers could be anything
        at.button(key=submit_key(at)).click().run()
        assert "Choose the required columns" in words(at)

        chosen = {box.label: box for box in at.selectbox}
        chosen["amount (required)"].set_value("spent")
        chosen["Date format"].set_value("iso")
        checked(at.button(key=submit_key(at)).click().run())
        (dataset,) = list_datasets(settings)
        assert dataset.customers == 25
        assert dataset.unused == ()
        assert {m.label: m.value for m in at.metric}["Transactions kept"] == f"{dataset.rows:,}"
        assert not list((settings.home / "incoming").iterdir())

    def test_a_large_file_comes_in_by_a_job_that_outlives_the_page(
        self, page: Page, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(incoming, "_AS_A_JOB", 1)
        at = self.upload(page("transactions"), "till.csv", transactions())
        checked(at.button(key=submit_key(at)).click().run())
        (coming,) = jobs.list_jobs(settings, "ingest")
        if coming.running:  # it may be quicker than the page
            assert "It goes on when you leave this page." in words(at)
            at.switch_page("../pages/segments.py")
            checked(at.run())
        until_done(settings, coming.id)
        at.switch_page("../pages/transactions.py")
        at.run()
        checked(at.run())
        (dataset,) = list_datasets(settings)
        assert {m.label: m.value for m in at.metric}["Transactions kept"] == f"{dataset.rows:,}"
        assert not list((settings.home / "incoming").iterdir())

    def test_a_large_file_that_fails_says_why_and_keeps_what_was_chosen(
        self, page: Page, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(incoming, "_AS_A_JOB", 1)
        at = self.upload(page("transactions"), "till.csv", transactions())
        wrong = next(box for box in at.selectbox if box.label == "Date format")
        wrong.set_value("dmy")
        checked(at.button(key=submit_key(at)).click().run())
        (coming,) = jobs.list_jobs(settings, "ingest")
        until_done(settings, coming.id)
        checked(at.run())
        assert "could be read" in at.error[0].value
        assert next(box for box in at.selectbox if box.label == "Date format").value == "dmy"
        assert list_datasets(settings) == []

    @staticmethod
    def job(transactions: Path, **facts: Any) -> jobs.Job:
        """A job that brings in an upload of a session that knows it as "coming"."""
        asked = {"transactions": str(transactions), "applications": None}
        usual = {"state": "running", "share": 0.5, "text": "Reading", "started": 0.0,
                 "seconds": 1.0, "result": None, "problem": None}  # fmt: skip
        return jobs.Job(id="coming", kind="ingest", request=asked, **{**usual, **facts})

    def test_nothing_else_begins_while_a_file_comes_in(
        self, page: Page, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        at = self.upload(page("transactions"), "till.csv", transactions())
        path = at.session_state[incoming.INCOMING["transactions"]]
        at.session_state[incoming._JOB] = "coming"
        monkeypatch.setattr(jobs, "read", lambda _, name: self.job(path) if name else None)
        checked(at.run())
        (sample,) = [b for b in at.button if b.label == "Use the simulated sample"]
        assert sample.disabled
        assert "Another file can be added once" in words(at)
        assert path.exists()

    def test_only_what_a_job_brought_in_is_put_away(
        self,
        page: Page,
        stored: Dataset,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        at = self.upload(page("transactions"), "till.csv", transactions())
        path = at.session_state[incoming.INCOMING["transactions"]]
        other = uploads.keep(io.BytesIO(b"customer_id,outcome\nC001,0\n"), "other.csv", settings)
        at.session_state[incoming.INCOMING["applications"]] = other
        at.session_state[incoming._JOB] = "coming"
        done = self.job(path, state="done", result={"dataset": stored.fingerprint})
        monkeypatch.setattr(jobs, "read", lambda _, name: done if name else None)
        checked(at.run())
        assert not path.exists()
        assert other.exists()
        assert "other.csv" in words(at)

    def test_a_reloaded_page_takes_its_job_up(
        self, page: Page, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = uploads.keep(io.BytesIO(transactions().encode()), "till.csv", settings)
        monkeypatch.setattr(jobs, "read", lambda _, name: self.job(path) if name else None)
        at = page("transactions", {"incoming": "coming"})
        assert "It is coming in." in words(at)
        assert "It goes on when you leave this page." in words(at)

    def test_choices_outlive_the_page_where_a_job_fails(
        self, page: Page, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        at = self.upload(page("transactions"), "till.csv", transactions())
        path = at.session_state[incoming.INCOMING["transactions"]]
        monkeypatch.setattr(incoming, "_AS_A_JOB", 1)
        monkeypatch.setattr(jobs, "submit", lambda *_: "coming")
        monkeypatch.setattr(jobs, "read", lambda _, name: self.job(path) if name else None)
        next(box for box in at.selectbox if box.label == "Date format").set_value("dmy")
        checked(at.button(key=submit_key(at)).click().run())
        assert "It goes on when you leave this page." in words(at)
        failed = self.job(path, state="failed", problem="No row could be read.")
        for elsewhere in ("overview", "governance"):
            at.switch_page(f"../pages/{elsewhere}.py")
            checked(at.run())
        monkeypatch.setattr(jobs, "read", lambda _, name: failed if name else None)
        at.switch_page("../pages/transactions.py")
        checked(at.run())
        assert "No row could be read" in at.error[0].value
        assert next(box for box in at.selectbox if box.label == "Date format").value == "dmy"

    def test_ambiguous_dates_are_asked_for(self, page: Page, settings: Settings) -> None:
        ambiguous = "customer_id,date,amount\n" + "A,03/04/2024,5\nB,05/06/2024,7\n" * 20
        at = self.upload(page("transactions"), "bank.csv", ambiguous)
        dates = next(box for box in at.selectbox if box.label == "Date format")
        assert dates.value is None
        dates.set_value("dmy")
        checked(at.button(key=submit_key(at)).click().run())
        assert list_datasets(settings)[0].first.isoformat() == "2024-04-03T00:00:00"

    def test_a_picture_is_refused_beside_the_uploader(self, page: Page) -> None:
        at = self.upload(page("transactions"), "photo.csv", b"\x89PNG\r\n\x1a\n" + b"x" * 40)
        assert "a picture" in at.error[0].value
        put_away = next(b for b in at.button if b.label == "Put these files away")
        assert not checked(put_away.click().run()).error

    def test_words_of_a_file_are_no_markdown(self, page: Page) -> None:
        at = self.upload(page("transactions"), "x.csv", '"![a](http://b/c.png)",b\n1,2\n1,3\n')
        assert "![a]" not in words(at)
        at = page("transactions")
        at = self.upload(at, "pic.csv", "customer_id,date,amount\nA,![i](http://x/y),1\n")
        checked(at.button(key=submit_key(at)).click().run())
        assert "could be read" in at.error[0].value
        assert "](http" not in words(at)

    def test_what_was_kept_and_what_was_set_aside(self, page: Page, stored: Dataset) -> None:
        at = page("transactions")
        shown = {metric.label: metric.value for metric in at.metric}
        assert shown["Rows set aside"] == "3"
        rejects = next(f.value for f in at.dataframe if "line" in f.value.columns)
        assert list(rejects["value"]) == ["yesterday", "much", ""]
        assert [tab.label for tab in at.tabs][:3] == ["Activity", "Quality", "Set aside (3)"]


def submit_key(at: AppTest) -> str:
    return next(button.key for button in at.button if button.label == "Bring in")


class TestSegments:
    def test_groups_and_their_customers(self, page: Page, stored: Dataset) -> None:
        at = page("segments")
        assert "no risk class" in words(at)
        named = at.dataframe[0].value
        assert named["customers"].sum() == stored.customers
        listed = at.dataframe[-1].value
        group = at.selectbox(key="segment_group")
        assert len(listed) == int(group.value.split("(")[-1].rstrip(")"))

    def test_applications_alone_have_no_segments(
        self, page: Page, settings: Settings, written: Callable[..., Path]
    ) -> None:
        rows = "".join(f"A{n},{n % 9},{n % 2}\n" for n in range(60))
        path = written("customer_id,income,outcome\n" + rows, "applications.csv")
        workflows.ingest(None, settings, applications=path)
        assert "Segments need transactions" in words(page("segments"))
        assert "Observed outcomes" in page("train").radio(key="train_label").options
        assert len(page("train").radio(key="train_label").options) == 1
        assert {m.label for m in page("transactions").metric} >= {"Applications kept"}


class TestOverview:
    def test_champion_is_named_for_what_it_predicts(
        self, page: Page, stored: Dataset, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.state.versions", lambda: [version()])
        record_event(settings, "promoted", {"model": "disengagement:3", "reason": "best"})
        at = page("overview")
        assert at.metric[0].value == "0.777"
        assert at.warning[0].value == text.PROXY_BANNER
        assert "Promoted disengagement:3: best" in list(at.dataframe[0].value["What"])
        assert "Go to Applicant" in [link.value for link in at.main.page_link]


class TestTrain:
    def test_the_button_starts_a_job(
        self, page: Page, stored: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Any] = []
        monkeypatch.setattr(jobs, "submit", lambda *given: asked.append(given) or "abc-9")
        at = page("train")
        assert "observed" not in at.radio(key="train_label").options
        at.number_input[0].set_value(3)
        next(b for b in at.button if b.label == "Train").click()
        checked(at.run())
        ((_, kind, request),) = asked
        assert (kind, request["dataset"], request["label"]) == (
            "train",
            stored.fingerprint,
            "disengaged",
        )
        assert request["config"]["training"]["folds"] == 3
        assert not request["promote"]

    def test_a_running_job_is_followed_and_can_be_stopped(
        self,
        page: Page,
        stored: Dataset,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        stopped: list[str] = []
        monkeypatch.setattr(jobs, "cancel", lambda _settings, job_id: stopped.append(job_id))
        job_id = job(settings, stored.fingerprint)
        alive = (settings.home / "jobs" / job_id / "alive").open("wb")
        fcntl.flock(alive, fcntl.LOCK_EX)
        at = page("train")  # no id in the address: the running one is found
        assert at.progress[0].text == "40%: lightgbm: fold 2 of 5"
        assert at.query_params["job"] == job_id
        assert "left" in words(at)
        next(b for b in at.button if b.label == "Cancel").click()
        checked(at.run())
        assert stopped == [job_id]
        alive.close()
        at = page("train", {"job": job_id})
        assert "process ended without a result" in at.error[0].value

    def test_a_failed_job_says_why(self, page: Page, stored: Dataset, settings: Settings) -> None:
        problem = {"state": "failed", "problem": "The ledger spans 9 days; too short."}
        job_id = job(settings, stored.fingerprint, error=problem)
        at = page("train", {"job": job_id})
        assert "The ledger spans 9 days" in at.error[0].value

    def test_a_finished_job_shows_its_evidence(
        self, page: Page, stored: Dataset, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.state.versions", lambda: [version(champion=False)])
        job_id = job(settings, stored.fingerprint, result=training_facts())
        at = page("train", {"job": job_id})
        assert at.success[0].value.startswith("Canary passed")
        assert list(at.dataframe[0].value["sample"]) == ["Cross-validation", "Hold-out customers"]
        promote = next(b for b in at.button if b.label == "Promote the best")
        assert "Say why" in words(checked(promote.click().run()))

        def refuse(*_given: Any) -> None:
            raise RefusedError("It is not promoted, for a reason.")

        monkeypatch.setattr(workflows, "promote", refuse)
        at.text_input(key="reason_disengagement:3").set_value("best AUC")
        next(b for b in at.button if b.label == "Promote the best").click()
        assert at.run().error[0].value == "It is not promoted\\, for a reason\\."

    def test_a_circular_training_offers_no_promotion(
        self, page: Page, stored: Dataset, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        why = "The label comes from the features' window."
        monkeypatch.setattr(
            "app.state.versions", lambda: [version(champion=False, circular=True, refusal=why)]
        )
        canary = {"auc": 0.99, "low": 0.98, "high": 1.0, "n": 9, "passed": False, "why": "shared"}
        checks = {"canary": canary, "leaks": [], "circular": True, "refusal": why}
        job_id = job(settings, stored.fingerprint, result=training_facts(checks=checks))
        at = page("train", {"job": job_id})
        assert text.CIRCULAR_BANNER in words(at)
        assert "Canary failed" in words(at)
        assert not [b for b in at.button if b.label == "Promote the best"]


class TestPieces:
    def test_activity_adds_up(self, stored: Dataset, settings: Settings) -> None:
        months = activity(stored, settings)
        assert months["transactions"].sum() == stored.rows
        assert (months["money_in"] == 0).all()
        earliest = earliest_transactions(stored, settings, 5)
        assert list(earliest.columns) == list(stored.columns)
        assert earliest["timestamp"].min() == stored.first
        figures = (
            ledger_charts.transactions_by_month(months),
            ledger_charts.money_by_month(months.assign(money_in=5.0)),
        )
        assert [len(made.data) for made in figures] == [1, 2]
        assert sum(figures[0].data[0].y) == stored.rows
        assert (
            first_rejects(stored.rejects_path)["reason"].iloc[0]
            == "not a date in the expected form"
        )

    def test_few_months_are_named_on_the_axis(self, stored: Dataset, settings: Settings) -> None:
        months = activity(stored, settings)
        for few in (months.head(1), months.head(3)):
            for draw in (ledger_charts.transactions_by_month, ledger_charts.money_by_month):
                named = [f"{month:%b %Y}" for month in few["month"]]
                assert list(draw(few).layout.xaxis.ticktext) == named
        title = ledger_charts.transactions_by_month(months.head(1)).layout.title.text
        assert "every month" not in title
        assert f"{months['month'].iloc[0]:%b %Y}" in title

    def test_segment_figures_count_everybody(self, stored: Dataset, settings: Settings) -> None:
        found = workflows.segment(stored, settings, ModelConfig())
        assert found.named["share"].sum() == pytest.approx(1)
        assert (found.quintiles[["r_score", "f_score", "m_score"]].sum() == stored.customers).all()
        drawn = segment_charts.cluster_map(found.table, found.profile)
        assert sum(len(trace.x) for trace in drawn.data) == stored.customers
        symbols = {trace.marker.symbol for trace in drawn.data}
        assert len(symbols) == len(found.profile)
        assert sum(segment_charts.segment_bars(found.named).data[0].x) == stored.customers
        assert len(segment_charts.quintile_bars(found.quintiles).data) == 3

    def test_large_tables_are_sampled_the_same_way(
        self, stored: Dataset, settings: Settings
    ) -> None:
        table = workflows.segment(stored, settings, ModelConfig()).table
        large = table.loc[table.index.repeat(300)].reset_index(drop=True)
        drawn = segment_charts.sample_points(large, 1)
        assert len(drawn) == segment_charts.MOST_POINTS
        assert drawn.equals(segment_charts.sample_points(large, 1))
        assert segment_charts.sample_points(table, 1) is table

    def test_look_leaves_to_a_person_what_it_cannot_know(
        self, settings: Settings, written: Callable[..., Path]
    ) -> None:
        found = look(written(whole_amounts()), settings)
        assert found.mapping is None
        assert found.question is not None
        assert "recognised as amount" in found.question
        assert [e.column for e in found.evidence] == ["customer_id", "timestamp"]
        assert len(found.rows) == 5

    def test_uploads_are_kept_apart_and_swept(self, settings: Settings, tmp_path: Path) -> None:
        given = tmp_path / "given"
        given.write_bytes(b"a,b\n")
        with given.open("rb") as stream:
            first = uploads.keep(stream, "../../evil.csv", settings)
        assert first.name == "evil.csv"
        assert first.parent.parent == settings.home / "incoming"
        os.utime(first.parent, (0, 0))
        with given.open("rb") as stream:
            second = uploads.keep(stream, "evil.csv", settings)
        assert not first.exists()
        uploads.discard(second)
        assert not second.parent.exists()

    def test_references_stand_beside_the_best_model(self) -> None:
        auc = {"auc": 0.6, "auc_low": 0.5, "auc_high": 0.7, "n": 10, "bads": 3}
        names = ("rfm_model", "recency_days", "frequency", "monetary")
        references = {**dict.fromkeys(names, auc), "proxy_label": None, "best_rfm_auc": 0.6}
        rows = results.reference_rows(training_facts(references=references))
        assert [row["auc"] for row in rows] == [0.81, 0.6, 0.6, 0.6, 0.6]

    @pytest.mark.parametrize(
        ("low", "auc", "high", "verdict"),
        [
            (0.48, 0.52, 0.56, "no better than chance"),
            (0.51, 0.54, 0.57, "little better than chance"),
            (0.70, 0.75, 0.80, "stays a proxy"),
            (0.30, 0.35, 0.40, "the wrong way round"),
        ],
    )
    def test_a_proxy_is_judged_by_real_outcomes(
        self, low: float, auc: float, high: float, verdict: str
    ) -> None:
        metrics = {**METRICS, "auc": auc, "auc_low": low, "auc_high": high}
        found = results.against_outcomes([{"observed_outcome": metrics}])
        assert found is not None
        assert verdict in found

    def test_every_kind_of_event_has_words(self) -> None:
        trained = {"label": "observed", "circular": False, "versions": ["default:1"]}
        assert record.describe("trained", trained) == "Trained 1 model: Observed outcomes"
        decided = {"decision": "decline", "override": True, "score": 512.4}
        assert "against the recommendation" in record.describe("decided", decided)
        assert record.describe("signed in", {}) == "Signed in"
