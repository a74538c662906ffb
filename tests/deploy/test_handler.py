"""The serverless handler of the documentation is run as it stands."""

from __future__ import annotations

import json
import re

import pytest

from credit_core import workflows
from credit_core.settings import PROJECT_ROOT


def test_the_documented_handler_gives_the_page_its_answer(
    store, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (PROJECT_ROOT / "docs" / "deploy.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    monkeypatch.setattr("credit_core.settings.get_settings", lambda: store.settings)
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - our own documentation
    handler = names["handler"]
    bundle = store.bundle(store.observed.champion.family)
    row = workflows.score(store.dataset, store.settings, bundle).snapshots.iloc[0]
    body = {
        "customer_id": "A",
        "as_of": row["as_of"].isoformat(),
        "attributes": {attribute.name: None for attribute in bundle.attributes},
    }
    answer = handler({"body": json.dumps(body)}, None)
    assert answer["statusCode"] == 200, answer
    found = json.loads(answer["body"])
    assert found["thin_file"] is True
    assert found["base"] + sum(p["points"] for p in found["contributions"]) == pytest.approx(
        found["score"], abs=1e-6
    )
    refused = handler({"body": json.dumps({**body, "attributes": {}})}, None)
    assert refused["statusCode"] == 422
    assert "attributes." in refused["body"]
    assert handler({"body": "{"}, None)["statusCode"] == 422
