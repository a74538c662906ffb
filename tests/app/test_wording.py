"""The wording lock: a proxy's score is a disengagement risk wherever it is shown or written."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import jobs, text
from credit_core import workflows
from credit_core.features.catalogue import build_catalogue
from credit_core.labels.samples import DEFINITIONS, QUESTIONS
from credit_core.labels.wording import RISK_NAME, claims
from credit_core.modelling.bundle import _EVERY_ABILITY
from credit_core.settings import PROJECT_ROOT

PROXY_PAGES = ("segments", "label_lab", "train", "compare", "applicant", "batch", "policy")
SHOW_SCORES = ("compare", "applicant", "policy")


@pytest.fixture
def proxies_only(store, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A dashboard that knows proxy models only; yields a customer to look at."""
    monkeypatch.setattr("app.warm.start", lambda: None)
    monkeypatch.setattr("app.state.get_settings", lambda: store.settings)
    monkeypatch.setattr("app.state.versions", lambda: list(store.proxy.versions))
    st.cache_data.clear()
    st.cache_resource.clear()
    scored = workflows.score_dataset(store.dataset, store.settings, model="disengagement")
    yield scored.frame["customer_id"].iloc[0]
    st.cache_data.clear()
    st.cache_resource.clear()


def words(at: AppTest) -> str:
    """Return everything a page's main part says: texts, figures' numbers, table headers."""
    kinds = ("title", "header", "markdown", "caption", "text", "info", "warning", "error")
    found = [str(element.value) for kind in (*kinds, "success") for element in at.main.get(kind)]
    found += [f"{metric.label} {metric.value}" for metric in at.main.get("metric")]
    found += [column for frame in at.main.get("arrow_data_frame") for column in frame.value]
    return "\n".join(found)


def test_claims_are_told_from_denials() -> None:
    assert claims("PD (observed) 3%") == ["PD (observed) 3%"]
    assert claims("They defaulted") == ["They defaulted"]
    assert claims("A proxy: it is not a default.") == []
    assert claims("Disengagement risk 12%") == []


@pytest.mark.parametrize("name", PROXY_PAGES)
def test_no_page_calls_a_proxy_a_pd(
    name: str, proxies_only: str, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = AppTest.from_file(str(PROJECT_ROOT / "app" / "main.py"), default_timeout=60).run()
    at.switch_page(f"../pages/{name}.py")
    at.query_params["data"] = store.dataset.fingerprint
    if name == "applicant":
        at.query_params["customer"] = proxies_only
    if name == "train":
        request = {"dataset": "d", "label": "disengaged", "families": ["logistic"]}
        facts = json.loads(json.dumps(store.proxy.facts(), default=str))
        done = jobs.Job("x-1", "train", request, "done", 1.0, "", 0.0, 1.0, facts, None)
        monkeypatch.setattr(jobs, "list_jobs", lambda *_: [done])
        at.query_params["job"] = done.id
    at.run()
    assert not at.exception
    said = words(at)
    assert len(said) > 100, "the page says something"
    # A choice of labels may name the observed one and what it would give.
    said = said.replace(text.LABEL_MEANS["observed"], "")
    assert claims(said) == []
    if name == "applicant":
        assert RISK_NAME["disengagement"] in said
    if name in SHOW_SCORES:
        assert text.PROXY_BANNER in said


def test_no_output_calls_a_proxy_a_pd(store) -> None:
    frame = workflows.score_dataset(store.dataset, store.settings, model="disengagement").frame
    assert claims(" ".join(frame.columns)) == []
    reasons = frame[[f"reason_{i}" for i in range(1, 5)]].stack().dropna().unique()
    assert claims("\n".join(reasons)) == []
    customer = frame["customer_id"].iloc[0]
    found = workflows.explain(store.dataset, store.settings, customer, model="disengagement")
    assert found.facts()["risk_is"] == "Disengagement risk"
    assert claims(json.dumps(found.facts())) == []
    observed = workflows.explain(store.dataset, store.settings, customer, model="default")
    assert observed.facts()["risk_is"] == "PD (observed)"


def test_no_feature_or_definition_calls_its_customer_a_default() -> None:
    for feature in build_catalogue(300, _EVERY_ABILITY, ("food",)).features:
        assert claims(f"{feature.description} {feature.reason}") == []
    for kind, question in QUESTIONS.items():
        assert claims(DEFINITIONS[kind]) == []
        assert (RISK_NAME[question] == "PD (observed)") is (kind == "observed")
