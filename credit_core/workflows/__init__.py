"""The verbs that every way in calls: ingest, train, promote, score, explain, decide."""

from credit_core.data.intake import Progress
from credit_core.workflows.data import ingest, segment
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
from credit_core.workflows.training import TrainingRequest, TrainingResult, promote, train

__all__ = [
    "Explanation",
    "Progress",
    "TrainingRequest",
    "TrainingResult",
    "decide",
    "explain",
    "explanation",
    "ingest",
    "promote",
    "score",
    "score_dataset",
    "segment",
    "summarise_scores",
    "train",
    "write_scores",
]
