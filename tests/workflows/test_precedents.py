"""Past customers alike: the nearest in contributions, with outcomes that are on file."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from credit_core import workflows
from credit_core.oversight.registry import load_version
from credit_core.workflows.precedents import NEIGHBOURS, past_customers, similar


def test_the_nearest_are_those_scikit_learn_finds(store) -> None:
    version = store.version("lightgbm")
    past = past_customers(store.dataset, store.settings, load_version(version))
    assert past is not None
    assert past.scored.contributions.shape[1] == len(past.frame)
    scored = workflows.score(store.dataset, store.settings, store.bundle("lightgbm"))
    dates = scored.snapshots["as_of"].rank(method="first")
    first, middle, last = (int(np.flatnonzero(dates == n)[0]) for n in (1, 400, 600))
    assert similar(past, workflows.explanation(scored, first, version)) is None, "none before"
    for row in (middle, last):
        found = workflows.explanation(scored, row, version)
        nearest = similar(past, found)
        assert nearest is not None
        assert (nearest.table["as_of"] < found.as_of).all()
        another = past.frame["customer_id"] != found.customer_id
        others = (another & (past.frame["as_of"] < found.as_of)).to_numpy()
        own = scored.scored.contributions[:, [row]].T
        oracle = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(
            past.scored.contributions[:, others].T
        )
        distance, rows = oracle.kneighbors(own)
        np.testing.assert_allclose(nearest.table["distance"], distance[0], atol=1e-6)
        assert nearest.bads == past.frame["label"].to_numpy()[others][rows[0]].sum()
        chosen = np.flatnonzero(others)[rows[0]]
        assert nearest.expected == pytest.approx(past.scored.risk[chosen].mean())
        assert nearest.low <= nearest.rate <= nearest.high < 1
        assert found.customer_id not in set(nearest.table["customer_id"])


def test_their_outcomes_are_those_of_the_applications(store) -> None:
    past = past_customers(store.dataset, store.settings, store.bundle("logistic"))
    assert past is not None
    assert set(past.frame["label"]) == {0, 1}
    assert past.frame["label"].mean() == pytest.approx(
        store.bundle("logistic").facts["label"]["bad_rate"], abs=1e-9
    )


def test_a_proxy_has_its_own_label(store) -> None:
    version = store.proxy.versions[0]
    past = past_customers(store.dataset, store.settings, load_version(version))
    assert past is not None
    assert past.frame["customer_id"].is_unique
    found = workflows.explain(
        store.dataset, store.settings, str(past.frame["customer_id"].iloc[0]), model="disengagement"
    )
    nearest = similar(past, found)
    assert nearest is not None
    followed = timedelta(days=found.bundle.facts["label"]["outcome_days"])
    assert (nearest.table["as_of"] + followed <= found.as_of).all()
    assert past.frame["as_of"].max().date().isoformat() <= str(
        load_version(version).facts["label"]["windows"]["out_of_time"]
    )
