"""What a browser session holds: typed accessors, page guards, caches keyed by content.

Three tiers: the URL names the data, model and customer; the session holds unsaved choices; the
disk holds datasets, models and events. Cached functions take fingerprints, never frames; a
parameter that begins with an underscore is no part of a cache's key.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import streamlit as st

from app import sign_in, text
from credit_core import workflows
from credit_core.config import ModelConfig, load_config
from credit_core.data.store import Dataset, list_datasets, open_dataset
from credit_core.decisions.scoring import ScoredSnapshots
from credit_core.errors import CandorError
from credit_core.modelling.bundle import Bundle
from credit_core.oversight import registry
from credit_core.oversight.policies import latest_policy, load_in_force
from credit_core.oversight.registry import ModelVersion
from credit_core.settings import SAMPLE_FILES as SAMPLE_FILES
from credit_core.settings import Settings, get_settings
from credit_core.workflows.data import activity
from credit_core.workflows.labels import LabelPreview
from credit_core.workflows.segments import Clusterings, Movement, Segments

DATA_KEY, MODEL_KEY, CUSTOMER_KEY = "data", "model", "customer"
PLAN_KEY = "planned_windows"


def settings() -> Settings:
    """Return the settings with who acts: whoever signed in, where people have to.

    Where nobody is known to have signed in though people have to, it is one who may do nothing.
    """
    found = get_settings()
    if not sign_in.asked_for():
        return found
    who = st.session_state.get(sign_in.WHO_KEY, sign_in.NOBODY)
    return found.model_copy(update={"actor": who.name, "role": who.role})


def config() -> ModelConfig:
    path = settings().config
    if not path.exists():
        return ModelConfig()
    return _config(str(path), path.stat().st_mtime_ns)


@st.cache_data(max_entries=4, show_spinner=False)
def _config(path: str, changed: int) -> ModelConfig:
    return load_config(Path(path))


def datasets() -> list[Dataset]:
    """Return the stored datasets, newest first."""
    return list_datasets(settings())


def dataset() -> Dataset | None:
    """Return the dataset this session looks at: the chosen one, else the newest."""
    chosen = st.session_state.get(DATA_KEY)
    if chosen:
        try:
            return open_dataset(settings(), chosen)
        except CandorError:
            st.session_state.pop(DATA_KEY, None)
    stored = datasets()
    return stored[0] if stored else None


def enter(page: str) -> None:
    """Remember the page that is drawn."""
    st.session_state["page_drawn"] = page


def page() -> str:
    """Return the page that is drawn, or was last."""
    return str(st.session_state.get("page_drawn", ""))


def keep(keys: list[str]) -> None:
    """Let what was chosen under these keys outlive the page on which it was chosen."""
    st.session_state["kept_choices"] = keys
    hold()


def hold() -> None:
    """Take the kept choices up again in this run: Streamlit forgets those of what is not drawn."""
    for key in st.session_state.get("kept_choices", []):
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


def choose_dataset(fingerprint: str) -> None:
    """Make a dataset the session's; applied before widgets are drawn on the next run."""
    st.session_state["choose_data"] = fingerprint


def choose_model(reference: str) -> None:
    """Make a model the session's; applied before widgets are drawn on the next run."""
    st.session_state["choose_model"] = reference


def versions() -> list[ModelVersion]:
    """Return every registered model version, newest first within its question."""
    return _versions(str(settings().models), registry.stamp(settings()))


@st.cache_data(max_entries=2, show_spinner="Reading the model registry")
def _versions(models: str, stamp: int) -> list[ModelVersion]:
    return registry.list_versions(settings())


def model() -> ModelVersion | None:
    """Return the model this session scores with: the chosen one, else the champion."""
    known = versions()
    chosen = st.session_state.get(MODEL_KEY)
    for version in known:
        if version.reference == chosen:
            return version
    champions = (registry.champion_of(known, question) for question in registry.QUESTIONS)
    return next((version for version in champions if version is not None), None)


def require_dataset() -> Dataset:
    """Return the dataset, or say how to get one and stop the page."""
    found = dataset()
    if found is None:
        st.info(text.NO_DATA, icon=":material/upload_file:")
        st.page_link(
            "../pages/transactions.py", label="Go to Transactions", icon=":material/arrow_forward:"
        )
        st.stop()
    return found


def require_model() -> ModelVersion:
    """Return the model to score with, or say how to get one and stop the page."""
    found = model()
    if found is None:
        st.info(text.NO_MODEL, icon=":material/model_training:")
        st.page_link("../pages/train.py", label="Go to Train", icon=":material/arrow_forward:")
        st.stop()
    return found


def policies() -> int:
    """Return the event that last set a policy: a cache's key."""
    return latest_policy(settings())


def bundle(version: ModelVersion) -> Bundle:
    """Return a version's bundle with the policy in force; read and checked once a hash."""
    return _bundle(version.sha256, latest_policy(settings()), version)


@st.cache_resource(max_entries=12, show_spinner="Loading the model")
def _bundle(sha256: str, policies: int, _version: ModelVersion) -> Bundle:
    return load_in_force(settings(), _version)


def scored(found: Dataset, version: ModelVersion, as_of: datetime | None = None) -> ScoredSnapshots:
    """Return the whole dataset scored by a model."""
    policies = latest_policy(settings())
    return _scored(found.fingerprint, version.sha256, policies, as_of, found, version)


@st.cache_resource(max_entries=4, show_spinner="Scoring the customers")
def _scored(
    fingerprint: str,
    sha256: str,
    policies: int,
    as_of: datetime | None,
    _found: Dataset,
    _version: ModelVersion,
) -> ScoredSnapshots:
    return workflows.score(_found, settings(), _bundle(sha256, policies, _version), as_of=as_of)


def segments(found: Dataset) -> Segments:
    """Return the dataset's customers in segments and clusters."""
    return _segments(found.fingerprint, config().model_dump_json(), found)


@st.cache_resource(max_entries=4, show_spinner="Grouping the customers")
def _segments(fingerprint: str, config_text: str, _found: Dataset) -> Segments:
    return workflows.segment(_found, settings(), config())


def choice_of_k(found: Dataset) -> Clusterings:
    """Return what speaks for the number of clusters."""
    return _choice_of_k(found.fingerprint, config().model_dump_json(), found)


@st.cache_resource(max_entries=4, show_spinner="Clustering with k from 2 to 10, and other seeds")
def _choice_of_k(fingerprint: str, config_text: str, _found: Dataset) -> Clusterings:
    return workflows.choose_k(segments(_found), config())


def movement(found: Dataset, earlier: datetime, by: Literal["segment", "cluster"]) -> Movement:
    """Return who moved between segments or clusters since an earlier date."""
    return _movement(found.fingerprint, config().model_dump_json(), earlier, by, found)


@st.cache_resource(max_entries=8, show_spinner="Grouping the customers of the earlier date")
def _movement(
    fingerprint: str,
    config_text: str,
    earlier: datetime,
    by: Literal["segment", "cluster"],
    _found: Dataset,
) -> Movement:
    return workflows.move(_found, settings(), config(), segments(_found), earlier, by)


def months(found: Dataset) -> pd.DataFrame:
    """Return the ledger by calendar month, as `workflows.data.activity` gives it."""
    return _months(found.fingerprint, found)


@st.cache_data(max_entries=4, show_spinner=False)
def _months(fingerprint: str, _found: Dataset) -> pd.DataFrame:
    return activity(_found, settings())


def label_preview(found: Dataset, chosen: ModelConfig, kind: str) -> LabelPreview:
    """Return a label's cohorts and counts under a configuration."""
    return _label_preview(found.fingerprint, chosen.model_dump_json(), kind, found, chosen)


@st.cache_resource(max_entries=16, show_spinner="Making the label")
def _label_preview(
    fingerprint: str, config_text: str, kind: str, _found: Dataset, _chosen: ModelConfig
) -> LabelPreview:
    return workflows.preview_label(_found, settings(), _chosen, kind)


def plan_windows(found: Dataset, kind: str, windows: dict[str, Any], clusters: int) -> None:
    """Keep the windows, clusters and label that the next training of this data shall use."""
    st.session_state[PLAN_KEY] = {
        "dataset": found.fingerprint,
        "windows": windows,
        "labels": {"clusters": clusters},
    }
    st.session_state["train_label"] = kind
    choose_dataset(found.fingerprint)  # the address, which named it, is left behind


def planned(found: Dataset) -> dict[str, Any] | None:
    """Return the ``windows`` and ``labels`` sections planned for this data, None where none are."""
    plan: dict[str, Any] | None = st.session_state.get(PLAN_KEY)
    return plan if plan is not None and plan["dataset"] == found.fingerprint else None


def forget_plan() -> None:
    """Go back to the windows that the configuration chooses."""
    st.session_state.pop(PLAN_KEY, None)


def evaluation(version: ModelVersion) -> pd.DataFrame:
    """Return a model's evaluation sample: sample, label, risk; one row a snapshot."""
    return _evaluation(version.sha256, str(version.path))


@st.cache_data(max_entries=12, show_spinner=False)
def _evaluation(sha256: str, folder: str) -> pd.DataFrame:
    return pd.read_parquet(Path(folder) / "evaluation.parquet")


def forget_stale() -> None:
    """Drop one-run messages that the page has shown."""
    st.session_state.pop("just_done", None)
