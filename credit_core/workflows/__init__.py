"""The verbs that every way in calls: ingest, train, promote, score, explain, decide."""

from credit_core.data.intake import Progress
from credit_core.workflows.batch import Batch, score_to_files
from credit_core.workflows.champions import promote
from credit_core.workflows.data import ingest
from credit_core.workflows.decisions import confirm, decide, override_rates, replay
from credit_core.workflows.labels import examine_label, preview_label
from credit_core.workflows.policy import judged_scores, policy_history, set_policy
from credit_core.workflows.scoring import (
    Explanation,
    explain,
    explanation,
    score,
    score_dataset,
    summarise_scores,
    write_scores,
)
from credit_core.workflows.segments import choose_k, move, segment
from credit_core.workflows.training import TrainingRequest, TrainingResult, train

__all__ = [
    "Batch",
    "Explanation",
    "Progress",
    "TrainingRequest",
    "TrainingResult",
    "choose_k",
    "confirm",
    "decide",
    "examine_label",
    "explain",
    "explanation",
    "ingest",
    "judged_scores",
    "move",
    "override_rates",
    "policy_history",
    "preview_label",
    "promote",
    "replay",
    "score",
    "score_dataset",
    "score_to_files",
    "segment",
    "set_policy",
    "summarise_scores",
    "train",
    "write_scores",
]
