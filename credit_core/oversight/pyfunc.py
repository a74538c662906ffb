"""The bundle as MLflow's own tools score with it: a model from code, without a pickle.

MLflow runs this file; Candor never does, and reads the bundle beside it with its own loader.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow.models
import mlflow.pyfunc
import pandas as pd


class ScoredBundle(mlflow.pyfunc.PythonModel):
    """A table of features and attributes in; score (points, higher = safer) and risk out."""

    def load_context(self, context: Any) -> None:
        from credit_core.modelling.bundle import load_bundle

        self.bundle = load_bundle(Path(context.artifacts["bundle"]))

    # Without hints: MLflow would read them as the schema, which the registry gives.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        from credit_core.decisions.contributions import score_table

        scored = score_table(self.bundle, model_input)
        return pd.DataFrame({"score": scored.points, "risk": scored.risk}, index=model_input.index)


mlflow.models.set_model(ScoredBundle())
