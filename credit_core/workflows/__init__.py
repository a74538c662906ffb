"""The verbs that every way in calls: ingest, train, promote, score, explain, decide."""

from credit_core.data.intake import Progress
from credit_core.workflows.batch import Batch, score_to_files
from credit_core.workflows.data import ingest
from credit_core.workflows.labels import examine_label, preview_label
from credit_core.workflows.scoring import (
    Explanation,
    decide,
    explain,
    explanation,
    score,
    score_dataset,
    summarise_scores,
    write_scores,
)
from credit_core.workflows.segments import choose_k, move, segment
from credit_core.workflows.training import TrainingRequest, TrainingResult, promote, train

__all__ = [
    "Batch",
    "Explanation",
    "Progress",
    "TrainingRequest",
    "TrainingResult",
    "choose_k",
    "decide",
    "examine_label",
    "explain",
    "explanation",
    "ingest",
    "move",
    "preview_label",
    "promote",
    "score",
    "score_dataset",
    "score_to_files",
    "segment",
    "summarise_scores",
    "train",
    "write_scores",
]
