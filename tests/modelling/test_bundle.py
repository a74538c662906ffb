"""The bundle: the same bytes twice, no pickle, and nothing changed is ever loaded."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from credit_core import workflows
from credit_core.data.intake import ingest
from credit_core.errors import CandorError, InputError, IntegrityError
from credit_core.modelling.bundle import Bundle, load_bundle
from credit_core.modelling.estimator import margin
from credit_core.oversight.registry import load_version
from credit_core.settings import Settings
from credit_core.workflows import TrainingRequest

FAMILIES = ("logistic", "xgboost", "lightgbm", "scorecard")


@pytest.fixture(params=FAMILIES)
def copied(request: pytest.FixtureRequest, store, tmp_path: Path) -> tuple[Path, str]:
    """A bundle's folder to damage, and its recorded hash."""
    version = store.version(request.param)
    folder = tmp_path / "bundle"
    shutil.copytree(version.path, folder)
    return folder, version.sha256


def rewrite(folder: Path, change) -> str:
    """Change bundle.json as a forger would, and return its new hash."""
    path = folder / "bundle.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    change(facts)
    path.write_text(json.dumps(facts), encoding="utf-8")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_bundle_loads_and_is_what_was_trained(copied: tuple[Path, str]) -> None:
    folder, sha256 = copied
    bundle = load_bundle(folder, sha256)
    assert bundle.sha256 == sha256
    assert bundle.question == "default"
    assert not bundle.is_proxy
    assert bundle.catalogue.fingerprint == bundle.facts["catalogue_fingerprint"]
    X = np.full((2, len(bundle.design.columns)), np.nan)
    assert np.isfinite(margin(bundle.estimator, X)).all()


def test_it_holds_no_pickle_and_no_customer(copied: tuple[Path, str], store) -> None:
    folder, _ = copied
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".txt", ".parquet"}
    ids = pd.read_parquet(store.dataset.applications_path)["customer_id"].head(50)
    for path in folder.iterdir():
        content = path.read_bytes()
        assert content[:2] not in (b"\x80\x04", b"\x80\x05", b"\x80\x03"), "a pickle's beginning"
        assert not any(customer.encode() in content for customer in ids)
    evaluation = pd.read_parquet(folder / "evaluation.parquet")
    assert list(evaluation.columns[:3]) == ["sample", "label", "risk"]
    assert all(name.startswith("segment ") for name in evaluation.columns[3:])


def test_changed_bytes_of_any_file_are_refused(copied: tuple[Path, str]) -> None:
    folder, sha256 = copied
    for path in sorted(folder.iterdir()):
        content = bytearray(path.read_bytes())
        for at in (0, len(content) // 2, len(content) - 1):
            changed = bytearray(content)
            changed[at] ^= 1
            path.write_bytes(changed)
            with pytest.raises(IntegrityError):
                load_bundle(folder, sha256)
        path.write_bytes(content[:-1])
        with pytest.raises(IntegrityError):
            load_bundle(folder, sha256)
        path.write_bytes(content)
    load_bundle(folder, sha256)


def test_a_missing_file_is_refused(copied: tuple[Path, str]) -> None:
    folder, sha256 = copied
    (folder / "evaluation.parquet").unlink()
    with pytest.raises(IntegrityError, match=r"lacks evaluation\.parquet"):
        load_bundle(folder, sha256)
    with pytest.raises(InputError, match="no model bundle"):
        load_bundle(folder / "nowhere")


def test_a_changed_description_is_refused_by_the_registrys_hash(
    copied: tuple[Path, str],
) -> None:
    folder, sha256 = copied
    forged = rewrite(folder, lambda facts: facts["calibration"].update(slope=9.0))
    with pytest.raises(IntegrityError, match=sha256[:16]):
        load_bundle(folder, sha256)
    assert load_bundle(folder, forged).calibration.slope == 9.0, "only the hash stood against it"


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.update(format=99),
        lambda facts: facts.pop("format"),
        lambda facts: facts.update(family="pickle"),
        lambda facts: facts["files"].update({"../../etc/passwd": "0" * 64}),
        lambda facts: facts["files"].update({"..": "0" * 64}),
        lambda facts: facts["files"].update({"model.pkl": "0" * 64}),
    ],
)
def test_what_this_version_does_not_read_is_refused(copied: tuple[Path, str], change) -> None:
    folder, _ = copied
    with pytest.raises(IntegrityError):
        load_bundle(folder, rewrite(folder, change))


def test_files_that_are_not_listed_are_never_read(copied: tuple[Path, str]) -> None:
    folder, sha256 = copied
    (folder / "model.pkl").write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    load_bundle(folder, sha256)


def test_another_catalogue_is_refused_with_both_named(copied: tuple[Path, str]) -> None:
    folder, _ = copied
    trained = load_bundle(folder).facts["catalogue_fingerprint"]
    for change in (
        lambda facts: facts.update(catalogue_fingerprint="0123456789abcdef"),
        lambda facts: facts.update(observation_days=facts["observation_days"] + 30),
        lambda facts: facts["features"].pop(),
    ):
        shutil.copy(folder / "bundle.json", folder.parent / "kept.json")
        forged = load_bundle(folder, rewrite(folder, change))
        with pytest.raises(IntegrityError, match="Train it again") as caught:
            _ = forged.catalogue
        assert trained in str(caught.value) or "0123456789abcdef" in str(caught.value)
        shutil.copy(folder.parent / "kept.json", folder / "bundle.json")


def test_a_damaged_bundle_is_never_scored_with(store, tmp_path: Path) -> None:
    """The registry's own copy changed behind its back: scoring stops."""
    models = tmp_path / "copy"
    shutil.copytree(store.settings.models, models)
    version = store.version("logistic")
    moved = models / version.path.relative_to(store.settings.models.resolve())
    model = moved / "model.json"
    model.write_bytes(model.read_bytes().replace(b"0.", b"1.", 1))
    settings = store.settings.model_copy(update={"models": models})
    with pytest.raises(IntegrityError):
        workflows.score_dataset(store.dataset, settings, model=version.reference)


def test_same_data_config_and_seed_give_the_same_bundles(store, fresh: Settings) -> None:
    settings = store.settings.model_copy(update={"models": fresh.models, "threads": 1})
    again = workflows.train(store.dataset, settings, store.config, TrainingRequest(None, FAMILIES))
    first = {version.family: version.sha256 for version in store.observed.versions}
    assert {version.family: version.sha256 for version in again.versions} == first
    other = store.config.replacing(training={"seed": 7})
    changed = workflows.train(store.dataset, settings, other, TrainingRequest(None, ("logistic",)))
    assert changed.versions[0].sha256 != first["logistic"]


def test_row_order_of_the_files_changes_no_model(store, simulated: Path, fresh: Settings) -> None:
    ledger = pd.read_csv(simulated / "transactions.csv.gz", dtype="str", keep_default_na=False)
    people = pd.read_csv(simulated / "applications.csv", dtype="str", keep_default_na=False)
    given = fresh.home / "shuffled.csv", fresh.home / "people.csv"
    ledger.sample(frac=1, random_state=1).to_csv(given[0], index=False)
    people.sample(frac=1, random_state=2).to_csv(given[1], index=False)
    shuffled = ingest(given[0], fresh, applications=given[1])
    result = workflows.train(shuffled, fresh, store.config, TrainingRequest(None, FAMILIES))
    for version in result.versions:
        straight, other = store.bundle(version.family), load_version(version)
        assert other.estimator.files() == straight.estimator.files()
        for key in ("calibration", "policy", "metrics", "reference", "design"):
            assert other.facts[key] == straight.facts[key], key


def test_errors_of_integrity_are_not_the_users_mistake() -> None:
    assert issubclass(IntegrityError, CandorError)
    assert not issubclass(IntegrityError, InputError)
    assert Bundle({"family": "x", "question": "disengagement"}, None).is_proxy
