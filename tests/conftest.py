"""What the tests share: one simulated bank, and one store trained on it."""

from __future__ import annotations

import os
import pickle
import shutil

# Before any test imports a model library: waiting threads must not burn the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from filelock import FileLock

from credit_core import workflows
from credit_core.config import ModelConfig
from credit_core.data.store import Dataset
from credit_core.oversight.registry import ModelVersion, find_version, load_version
from credit_core.settings import PROJECT_ROOT, Settings
from credit_core.workflows import TrainingRequest, TrainingResult

FAMILIES = ("logistic", "xgboost", "lightgbm", "scorecard")

hypothesis.settings.register_profile(
    "candor",
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.function_scoped_fixture,
    ],
)
hypothesis.settings.register_profile(
    "search", parent=hypothesis.settings.get_profile("candor"), derandomize=False
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "candor"))


@dataclass(frozen=True)
class Store:
    """A home and a model store with the sample's two champions; nobody changes it."""

    settings: Settings
    config: ModelConfig
    dataset: Dataset
    observed: TrainingResult
    proxy: TrainingResult

    def version(self, family: str) -> ModelVersion:
        """Return a family's version trained on observed outcomes."""
        return next(v for v in self.observed.versions if v.family == family)

    def bundle(self, family: str):
        return load_version(self.version(family))


LONG = ("test_notebooks", "test_spark", "test_load", "test_postgres", "test_cli", "test_jobs")
BROWSER = ("test_walk", "test_pages", "test_sign_in", "test_tour", "test_desk")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is quick first, and long files before short ones, so that the workers end together.

    Browser tests come last: Playwright keeps an event loop running in the worker that has begun
    one, and no other can run there.
    """
    needy = {item.path.stem for item in items if "store" in getattr(item, "fixturenames", ())}

    def turn(item: pytest.Item) -> tuple[int, int]:
        stem, room = item.path.stem, item.path.parent.name
        if room == "browser":
            return 3, BROWSER.index(stem) if stem in BROWSER else len(BROWSER)
        if stem in LONG:
            return 1, LONG.index(stem)
        return (2, room == "app") if room == "app" or stem in needy else (0, 0)

    items.sort(key=turn)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public files that lie beside the checkout."""
    folder = PROJECT_ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the public data files are not in {folder}")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Empty stores of a test's own."""
    (tmp_path / "home").mkdir()
    return Settings(home=tmp_path / "home", models=tmp_path / "models", threads=2)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], Any]], Any]:
    """Return a function that makes something in a folder named for it, once for all workers."""
    common = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        common = common.parent

    def made(name: str, make: Callable[[Path], Any]) -> Any:
        folder, kept = common / f"common_{name}", common / f"common_{name}.pickle"
        with FileLock(common / f"common_{name}.lock"):
            if not kept.exists():
                folder.mkdir()
                kept.write_bytes(pickle.dumps(make(folder)))
            return pickle.loads(kept.read_bytes())  # noqa: S301 - written by this very run

    return made


@pytest.fixture(scope="session")
def empty_ledger_of_models(once) -> Path:
    """An MLflow database without anything in it; making one takes seconds, copying it none."""

    def make(folder: Path) -> Path:
        from mlflow import MlflowClient

        MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db").search_experiments()
        return folder / "mlflow.db"

    return once("template", make)


@pytest.fixture
def fresh(settings: Settings, empty_ledger_of_models: Path) -> Settings:
    """Empty stores of a test's own, the model store ready for use."""
    settings.models.mkdir()
    shutil.copy(empty_ledger_of_models, settings.models / "mlflow.db")
    return settings


@pytest.fixture(scope="session")
def quick() -> ModelConfig:
    """The default configuration with fewer folds and rounds."""
    fewer = {"max_rounds": 60, "early_stopping": 10}
    return ModelConfig().replacing(
        training={"folds": 3, "bootstraps": 2},
        models={"logistic": {"penalties": [0.1]}, "xgboost": fewer, "lightgbm": fewer},
    )


@pytest.fixture(scope="session")
def simulated(once) -> Path:
    """A folder with the transactions and applications of 600 simulated customers."""

    def make(folder: Path) -> Path:
        from credit_core.data.simulate import simulate

        simulate(folder, customers=600)
        return folder

    return once("simulated", make)


def stores_in(root: Path) -> Settings:
    (root / "home").mkdir(exist_ok=True)
    return Settings(home=root / "home", models=root / "models", threads=2)


def bank_in(settings: Settings, simulated: Path) -> Dataset:
    return workflows.ingest(
        simulated / "transactions.csv.gz", settings, applications=simulated / "applications.csv"
    )


@pytest.fixture(scope="session")
def shared_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return stores_in(tmp_path_factory.mktemp("shared_store"))


@pytest.fixture(scope="session")
def dataset(simulated: Path, shared_settings: Settings) -> Dataset:
    """The simulated ledger with its applications, stored."""
    return bank_in(shared_settings, simulated)


@pytest.fixture(scope="session")
def store(
    once,
    simulated: Path,
    dataset: Dataset,
    shared_settings: Settings,
    quick: ModelConfig,
    empty_ledger_of_models: Path,
) -> Store:
    """Every family trained on the outcomes, one on the proxy label; both questions have champions.

    For reading: a test that promotes, trains or damages makes its own.
    """

    def make(folder: Path) -> tuple[TrainingResult, TrainingResult]:
        settings = stores_in(folder)
        settings.models.mkdir()
        shutil.copy(empty_ledger_of_models, settings.models / "mlflow.db")
        data = bank_in(settings, simulated)
        observed = TrainingRequest(None, FAMILIES, promote=True)
        proxy = TrainingRequest("disengaged", ("logistic",), promote=True)
        return (
            workflows.train(data, settings, quick, observed),
            workflows.train(data, settings, quick, proxy),
        )

    def moved(version: ModelVersion) -> ModelVersion:
        return replace(version, path=find_version(shared_settings, version.reference).path)

    def here(result: TrainingResult) -> TrainingResult:
        return replace(
            result,
            dataset=dataset,
            versions=tuple(moved(version) for version in result.versions),
            champion=result.champion and moved(result.champion),
        )

    observed, proxy = once("store", make)
    trained = observed.dataset.folder.parents[2]
    shutil.copytree(trained / "models", shared_settings.models)
    shutil.copytree(trained / "home", shared_settings.home, dirs_exist_ok=True)
    return Store(shared_settings, quick, dataset, here(observed), here(proxy))


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a text or bytes to a file of the test's own."""

    def write(content: str | bytes, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write
