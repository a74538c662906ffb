"""MLflow's own tools score with the bundle, from code, and get Candor's own scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from credit_core.decisions.contributions import score_table


@pytest.mark.filterwarnings("ignore")  # MLflow's own
@pytest.mark.parametrize("family", ["scorecard", "xgboost"])
def test_mlflow_gives_the_same_scores_without_a_pickle(store, family: str) -> None:
    import mlflow.pyfunc

    folder = store.version(family).path.with_name("pyfunc")
    assert not list(folder.rglob("*.pkl"))
    bundle = store.bundle(family)
    rng = np.random.default_rng(0)
    table = pd.DataFrame(index=range(20))
    for source in bundle.design.sources:
        if source in bundle.design.categories:
            levels = [c.level for c in bundle.design.columns if c.source == source]
            table[source] = pd.Series(rng.choice(levels, 20), dtype="str")
        else:
            table[source] = rng.choice(bundle.facts["reference"]["quantiles"][source], 20)
    found = mlflow.pyfunc.load_model(str(folder)).predict(table)
    scored = score_table(bundle, table)
    assert found["score"].tolist() == scored.points.tolist()
    assert found["risk"].tolist() == scored.risk.tolist()
