"""Train the demo champions on the simulated sample, where nothing was trained before."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from credit_core.errors import CandorError
from credit_core.settings import SAMPLE_FILES, Settings, get_settings


def needed(settings: Settings) -> bool:
    """Return True where no model is stored, or an earlier demo training was cut short.

    Looks at the folder only: starting the dashboard must not wait for MLflow to be imported.
    """
    stored = any(settings.models.glob("artifacts/*/artifacts/bundle/bundle.json"))
    return not stored or (settings.models / ".demo-unfinished").exists()


def main() -> int:
    """Train and promote one model per question; return the process's exit code."""
    settings = get_settings()
    if not needed(settings):
        return 0
    print("First start: training the demo champions on the simulated sample.", flush=True)
    settings.models.mkdir(parents=True, exist_ok=True)
    unfinished = settings.models / ".demo-unfinished"
    unfinished.touch()
    try:
        _train(settings)
    except CandorError as error:
        print(f"\ncandor: {error}", file=sys.stderr)
        return 2
    unfinished.unlink()
    return 0


def _train(settings: Settings) -> None:
    from credit_core import workflows
    from credit_core.config import load_config

    config = load_config(settings.config)
    transactions, applications = SAMPLE_FILES
    dataset = workflows.ingest(transactions, settings, applications=applications)
    for label in ("disengaged", "observed"):
        request = workflows.TrainingRequest(label, (), promote=True)
        result = workflows.train(dataset, settings, config, request, _show(label))
        if result.refused:
            print(f"\n{result.refused}", file=sys.stderr)


def _show(label: str) -> Callable[[float, str], None]:
    def tell(share: float, words: str) -> None:
        line = f"  {label:10} {share:4.0%}  {words}"
        if sys.stdout.isatty():
            print(f"\r\033[K{line}", end="\n" if share >= 1 else "", flush=True)
        else:
            print(line, flush=True)

    return tell


if __name__ == "__main__":
    sys.exit(main())
