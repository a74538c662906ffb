"""Roles: every verb that changes something asks first, and a refusal is on record."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from credit_core import workflows
from credit_core.config import ModelConfig
from credit_core.errors import RefusedError
from credit_core.oversight import events
from credit_core.oversight.access import PERMISSIONS, ROLES, may, role_of
from credit_core.settings import Settings
from credit_core.workflows import TrainingRequest
from credit_core.workflows.erasure import erase
from credit_core.workflows.fairness import record_fairness
from credit_core.workflows.monitoring import receive_outcomes, record_report


@pytest.fixture
def own(store, tmp_path: Path):
    shutil.copytree(store.settings.home, tmp_path / "home")
    return replace(store, settings=store.settings.model_copy(update={"home": tmp_path / "home"}))


def acting(settings: Settings, role: str) -> Settings:
    return settings.model_copy(update={"role": role, "actor": f"the {role}"})


def changes(own: Any, settings: Settings) -> dict[str, Callable[[], object]]:
    """Return every verb that changes something, ready to be called by who acts."""
    version = own.version("logistic")
    found = workflows.explain(own.dataset, own.settings, "C000010", model=version.reference)
    file = settings.home / "some.csv"
    file.write_text("customer_id,date,amount\nA,2024-01-01,1\nB,2024-01-02,2\n")
    return {
        "ingest": lambda: workflows.ingest(file, settings),
        "train": lambda: workflows.train(
            own.dataset, settings, ModelConfig(), TrainingRequest("observed", ("logistic",))
        ),
        "promote": lambda: workflows.promote(version.reference, "because", settings),
        "set policy": lambda: workflows.set_policy(
            settings, version, approve_from=560.0, decline_below=500.0,
            thin_file_transactions=3, reason="a test",
        ),
        "decide": lambda: workflows.decide(found, found.decision, settings),
        "confirm": lambda: workflows.confirm(settings, 1, True),
        "erase": lambda: erase(settings, "C000010"),
        "outcomes": lambda: receive_outcomes(file, own.dataset, settings),
        "monitoring": lambda: record_report(settings, {}),
        "fairness": lambda: record_fairness(settings, {}),
    }  # fmt: skip


def test_an_auditor_sees_everything_and_changes_nothing(own) -> None:
    settings = acting(own.settings, "auditor")
    before = events.count(settings)
    verbs = changes(own, settings)
    for name, verb in verbs.items():
        with pytest.raises(RefusedError, match="The role auditor may not"):
            verb()
        newest = events.list_events(settings, limit=1)[0]
        assert (newest.kind, newest.actor) == ("refused", "the auditor"), name
    assert events.count(settings) == before + len(verbs)
    assert events.verify(settings) is None
    # Seeing needs no permission.
    assert workflows.explain(own.dataset, settings, "C000010").score
    assert not workflows.override_rates(settings).shape[0]


def test_an_officer_decides_and_a_risk_manager_does_not(own) -> None:
    officer, manager = acting(own.settings, "officer"), acting(own.settings, "risk_manager")
    assert changes(own, officer)["decide"]().actor == "the officer"
    with pytest.raises(RefusedError, match=r"may not promote; risk_manager, admin may"):
        changes(own, officer)["promote"]()
    with pytest.raises(RefusedError, match="may not decide; officer, admin may"):
        changes(own, manager)["decide"]()
    assert changes(own, manager)["set policy"]().actor == "the risk_manager"


def test_every_permission_has_somebody_and_no_two_roles_are_the_same() -> None:
    for permission in PERMISSIONS:
        others = any(may(role, permission) for role in ROLES if role != "admin")
        assert others or permission == "erase"
    allowed = {role: frozenset(p for p in PERMISSIONS if may(role, p)) for role in ROLES}
    assert len(set(allowed.values())) == len(ROLES)
    assert not allowed["auditor"]
    assert allowed["admin"] == set(PERMISSIONS)


def test_a_sign_in_gives_one_role_or_none() -> None:
    assert role_of({"candor_role": "officer"}, "candor_role") == "officer"
    assert role_of({"groups": ["staff", "risk_manager"]}, "groups") == "risk_manager"
    nested = {"realm_access": {"roles": ["auditor"]}}
    assert role_of(nested, "realm_access.roles") == "auditor"
    for claims in (
        {},
        {"candor_role": None},
        {"candor_role": 3},
        {"candor_role": "Officer "},
        {"candor_role": {"officer": True}},
        {"candor_role": []},
    ):
        with pytest.raises(RefusedError, match="names no role"):
            role_of(claims, "candor_role")
    with pytest.raises(RefusedError, match=r"several roles \(officer, risk_manager\)"):
        role_of({"candor_role": ["risk_manager", "officer"]}, "candor_role")
    with pytest.raises(RefusedError, match="names no role"):
        role_of({"realm_access": "admin"}, "realm_access.roles")
