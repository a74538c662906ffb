"""Policy and Governance: what they show, what they refuse, what they put on record."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from credit_core import workflows
from credit_core.config import MonitoringConfig
from credit_core.oversight import events
from credit_core.oversight.policies import load_in_force
from credit_core.settings import PROJECT_ROOT, Settings
from credit_core.workflows.monitoring import monitor, record_report
from tests.pages import checked, words

Open = Callable[..., AppTest]


@pytest.fixture
def own(store, tmp_path):
    shutil.copytree(store.settings.home, tmp_path / "home")
    return replace(store, settings=store.settings.model_copy(update={"home": tmp_path / "home"}))


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    monkeypatch.setattr("app.warm.start", lambda: None)
    st.cache_data.clear()
    st.cache_resource.clear()

    def opened(name: str, settings: Settings, model: str | None = None) -> AppTest:
        monkeypatch.setattr("app.state.get_settings", lambda: settings)
        at = AppTest.from_file(str(PROJECT_ROOT / "app" / "main.py"), default_timeout=60).run()
        at.switch_page(f"../pages/{name}.py")
        if model is not None:
            at.session_state["choose_model"] = model
        return checked(at.run())

    yield opened
    st.cache_data.clear()
    st.cache_resource.clear()


def press(at: AppTest, label: str) -> AppTest:
    next(found for found in at.button if found.label == label).click()
    return checked(at.run())


def test_an_auditor_is_told_so_and_saves_nothing(open_page: Open, own) -> None:
    looking = own.settings.model_copy(update={"role": "auditor", "actor": "Ann"})
    version = own.version("logistic")
    at = open_page("policy", looking, model=version.reference)
    assert "Ann: auditor; sees everything and changes nothing." in words(at).replace("\\", "")
    at.number_input[0].set_value(at.number_input[0].value + 40)
    at = checked(at.run())
    at.text_input[0].set_value("stricter")
    at = checked(at.run())
    assert next(one for one in at.button if one.label == "Save as a new version").disabled
    assert "The role auditor may not set policy" in words(at).replace("\\", "")


def test_a_policy_is_tried_saved_and_in_force(open_page: Open, own) -> None:
    version = own.version("logistic")
    at = open_page("policy", own.settings, model=version.reference)
    before = load_in_force(own.settings, version).facts["policy"]
    assert at.number_input[0].value == round(before["approve_from"], 1)
    approved = at.metric[0].value
    at.number_input[0].set_value(before["approve_from"] + 40)
    at = checked(at.run())
    assert at.metric[0].value != approved, "the effect is live"
    assert load_in_force(own.settings, version).facts["policy_version"] == 0, "nothing is saved"
    at.text_input[0].set_value("fewer losses")
    at = press(checked(at.run()), "Save as a new version")
    assert "is in force" in words(at)
    now = load_in_force(own.settings, version).facts
    assert now["policy_version"] == 1
    assert now["policy"]["approve_from"] == round(before["approve_from"], 1) + 40 or (
        now["policy"]["approve_from"] == before["approve_from"] + 40
    )


def test_crossed_cut_offs_are_said(open_page: Open, own) -> None:
    at = open_page("policy", own.settings)
    at.number_input[1].set_value(at.number_input[0].value + 1)
    assert "may not be above" in words(checked(at.run()))


def test_a_proxy_has_no_profit(open_page: Open, own) -> None:
    version = own.proxy.versions[0]
    at = open_page("policy", own.settings, model=version.reference)
    assert "No profit can be worked out from a proxy" in words(at)


def test_governance_without_anything_says_what_to_do(open_page: Open, settings) -> None:
    said = words(open_page("governance", settings))
    assert "There is no model yet" in said
    assert "No such decision on record" in said


def test_decisions_are_found_and_replayed(open_page: Open, own) -> None:
    customer = str(workflows.score_dataset(own.dataset, own.settings).frame["customer_id"].iloc[0])
    found = workflows.explain(own.dataset, own.settings, customer)
    workflows.decide(found, found.decision, own.settings)
    at = open_page("governance", own.settings)
    assert customer not in words(at), "the record holds no name"
    at = press(at, "Replay")
    assert "Identical to the last bit" in words(at)
    at.text_input[0].set_value("somebody else")
    assert "No such decision on record" in words(checked(at.run()))
    at.text_input[0].set_value(customer)
    at = checked(at.run())
    at = press(at, "Verify the record")
    assert f"Whole: {events.count(own.settings):,} events" in words(at)


def test_monitoring_says_what_to_do_without_data_and_without_a_model(
    open_page: Open, settings, written
) -> None:
    assert "There is no data yet" in words(open_page("monitoring", settings))
    workflows.ingest(written("customer_id,date,amount\nA,2024-01-01,1\nB,2024-01-02,2\n"), settings)
    st.cache_data.clear()
    assert "Train" in words(open_page("monitoring", settings))


def test_monitoring_shows_a_report_and_puts_it_on_record(open_page: Open, own) -> None:
    at = open_page("monitoring", own.settings)
    assert [metric.label for metric in at.metric][:2] == ["Level", "PSI of the score"]
    assert at.metric[0].value == "OK"
    assert "developed on these very data" in words(at)
    at = press(at, "Record this report")
    (event,) = events.list_events(own.settings, kind="monitored")
    assert f"Recorded as event {event.sequence:,}." in words(at)
    said = words(open_page("overview", own.settings))
    assert f"No monitoring report yet on {event.details['model']}" not in said


def test_a_stopped_champion_is_said_on_overview(open_page: Open, own) -> None:
    version = own.observed.champion
    found = monitor(own.dataset, own.settings, MonitoringConfig(), model=version.reference)
    found |= {"level": "stop promoting", "alerts": [
        {"level": "stop promoting", "what": "The scores moved.", "do": "Find out why."}
    ]}  # fmt: skip
    record_report(own.settings, found)
    said = words(open_page("overview", own.settings))
    assert f"Stop promoting: {version.reference}" in said
    assert "The scores moved" in said


def test_fairness_and_dossier_are_on_governance(open_page: Open, own) -> None:
    at = open_page("governance", own.settings)
    said = words(at)
    assert "Equal rates prove no fairness" in said
    at = press(at, "Make it")
    assert "Made and recorded as event" in words(at)
    assert events.list_events(own.settings, limit=1)[0].kind == "reported"
