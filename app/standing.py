"""Where a user stands on the way from data to decisions."""

from __future__ import annotations

from app import jobs, state, text
from credit_core.data.store import Dataset
from credit_core.oversight import events
from credit_core.oversight.registry import ModelVersion


def steps(data: Dataset | None, versions: list[ModelVersion]) -> list[tuple[str, str, str, bool]]:
    """Return the four steps: name, what it is or where it stands, its page, whether it is done."""
    honest = [version for version in versions if not version.circular]
    champions = [version for version in versions if version.champion]
    decided = events.count(state.settings(), "decided")
    scored = sum(job.state == "done" for job in jobs.list_jobs(state.settings(), "score"))
    labels = sorted({text.LABEL_NAME[version.label] for version in honest})
    return [
        (
            "Data",
            f"{data.rows:,} transactions of {data.customers:,} customers"
            if data and data.has_transactions
            else "Applications only"
            if data
            else "Bring in a transactions file, or use the simulated sample.",
            "transactions",
            data is not None,
        ),
        (
            "Label",
            f"Learnt from: {', '.join(labels)}"
            if labels
            else "Choose what counts as bad: a proxy, or recorded outcomes.",
            "train",
            bool(honest),
        ),
        (
            "Model",
            f"{len(honest)} trained, {len(champions)} in use"
            if honest
            else "Train models, compare them, promote one.",
            "compare" if honest else "train",
            bool(champions),
        ),
        (
            "Decisions",
            f"On record: {text.counted(decided, 'decision')}, {text.counted(scored, 'file')} scored"
            if decided or scored
            else "Score applicants, give reasons.",
            "applicant",
            bool(decided or scored),
        ),
    ]
