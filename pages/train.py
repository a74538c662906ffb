"""Train models as a job, follow it, read its checks, promote the best."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app import jobs, results, state, text, widgets
from credit_core import workflows
from credit_core.config import FAMILIES
from credit_core.data.store import Dataset
from credit_core.errors import CandorError

JOB_KEY = "train_job"
SHARE = st.column_config.NumberColumn(format="%.3f")
COUNT = st.column_config.NumberColumn(format="localized")
RESULT_COLUMNS = {
    "model": "Model (version)",
    "predictor": "Predictor",
    "sample": "Sample",
    "auc": st.column_config.NumberColumn("AUC", format="%.3f", help="0.5 = chance, 1 = perfect."),
    "auc_low": st.column_config.NumberColumn("from", format="%.3f", help="95 % interval, DeLong."),
    "auc_high": st.column_config.NumberColumn("to", format="%.3f"),
    "gini": st.column_config.NumberColumn("Gini", format="%.3f", help="2 AUC - 1."),
    "ks": st.column_config.NumberColumn("KS", format="%.3f"),
    "brier": st.column_config.NumberColumn("Brier", format="%.4f", help="Lower = better."),
    "n": st.column_config.NumberColumn("n", format="localized"),
    "bads": st.column_config.NumberColumn("Bads", format="localized"),
}


def label_kinds(data: Dataset) -> list[str]:
    """Return the labels this data allows, the best first."""
    observed = data.applications is not None and data.applications.has_outcome
    proxies = ["disengaged", "inactive", "same_window"] if data.has_transactions else []
    return (["observed"] if observed else []) + proxies


def request_form(data: Dataset) -> None:
    """Ask what to train and start the job."""
    config = state.config()
    kinds = label_kinds(data)
    if not kinds:
        st.info("Training needs transactions, or applications with an outcome column.")
        return
    with st.form("training"):
        left, right = st.columns([3, 2])
        label = left.radio(
            "Label: what the models learn",
            kinds,
            format_func=text.LABEL_NAME.__getitem__,
            captions=[text.LABEL_MEANS[kind] for kind in kinds],
            key="train_label",
        )
        families = right.pills(
            "Models",
            FAMILIES,
            selection_mode="multi",
            default=list(config.training.models),
            format_func=text.FAMILY.__getitem__,
        )
        folds = right.number_input(
            "Cross-validation folds", 2, 20, config.training.folds, help="Grouped by customer."
        )
        clusters = right.number_input(
            "RFM clusters", 2, 10, config.labels.clusters, help="For the cluster labels only."
        )
        pressed = right.form_submit_button("Train", type="primary", icon=":material/play_arrow:")
    if pressed and not families:
        st.warning("Choose at least one model.")
    elif pressed:
        chosen = config.replacing(training={"folds": folds}, labels={"clusters": clusters})
        request = {
            "dataset": data.fingerprint,
            "label": label,
            "families": list(families),
            "config": chosen.model_dump(mode="json"),
            "promote": False,
        }
        follow(jobs.submit(state.settings(), "train", request))
        st.rerun()
