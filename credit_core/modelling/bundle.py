"""A bundle: a trained model with all it needs to score, explain and be audited. No pickle.

A folder with ``bundle.json`` and the files it lists, each with its SHA-256. Bytes are read once
and hashed before any loader sees them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit_core.data.store import Attribute
from credit_core.errors import InputError, IntegrityError
from credit_core.features.catalogue import Catalogue, build_catalogue
from credit_core.features.words import Words
from credit_core.modelling.boosting import LightGBM, XGBoost
from credit_core.modelling.calibration import Calibration
from credit_core.modelling.design import Design, DesignColumn
from credit_core.modelling.estimator import Estimator, Interacting
from credit_core.modelling.logistic import Logistic
from credit_core.modelling.scorecard import Scorecard

FORMAT = 2
_EVERY_ABILITY = frozenset(
    {
        "customer_id",
        "timestamp",
        "amount",
        "transaction_id",
        "category",
        "channel",
        "provider",
        "product",
        "currency",
        "country",
        "balance",
        "pricing_strategy",
        "is_fraud",
        "time_of_day",
        "money_in",
    }
)
_LOADERS: dict[str, Callable[[dict[str, bytes]], Estimator]] = {
    "scorecard": Scorecard.from_files,
    "logistic": Logistic.from_files,
    "xgboost": XGBoost.from_files,
    "lightgbm": LightGBM.from_files,
}


@dataclass(frozen=True)
class Bundle:
    """A model and its facts; ``facts`` is the content of ``bundle.json``.

    Keys of ``facts``: format, family, question, label, observation_days, categories,
    catalogue_fingerprint, features, attributes, protected, design, calibration, scale, policy,
    reference, metrics, checks, parameters, seed, config, versions, dataset, files.
    """

    facts: dict[str, Any]
    estimator: Estimator
    sha256: str = ""

    @property
    def family(self) -> str:
        return str(self.facts["family"])

    @property
    def question(self) -> str:
        return str(self.facts["question"])

    @property
    def is_proxy(self) -> bool:
        return self.question != "default"

    @property
    def reads_transactions(self) -> bool:
        return bool(self.facts["features"])

    @property
    def observation_days(self) -> int:
        return int(self.facts["observation_days"])

    @cached_property
    def calibration(self) -> Calibration:
        return Calibration(**self.facts["calibration"])

    @cached_property
    def design(self) -> Design:
        return Design(tuple(DesignColumn(**column) for column in self.facts["design"]))

    @cached_property
    def typical_row(self) -> NDArray[np.float64]:
        """The values that a typical approved customer has, as a row of the design matrix."""
        return self.design.row(self.facts["reference"]["approved_values"])[0]

    @cached_property
    def typical_parts(self) -> NDArray[np.float64]:
        """What each source contributes to the log-odds of a typical approved customer."""
        _, parts = self.estimator.contributions(self.typical_row[None])
        return self.design.by_source(parts)[:, 0]

    @property
    def interacting(self) -> Interacting | None:
        """The estimator, where what a source contributes also depends on the others."""
        return self.estimator if isinstance(self.estimator, (XGBoost, LightGBM)) else None

    @cached_property
    def approved_contributions(self) -> NDArray[np.float64]:
        """The mean points by source of approved development customers, shape (sources,)."""
        known = self.facts["reference"]["approved_contributions"]
        return np.array([known[source] for source in self.design.sources])

    @cached_property
    def words(self) -> dict[str, Words]:
        """How each source is written, a feature or an attribute."""
        features = self.catalogue.by_name
        return {
            source: Words(source, features.get(source), self.observation_days)
            for source in self.design.sources
        }

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        return tuple(Attribute(**attribute) for attribute in self.facts["attributes"])

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue the model was trained with.

        Raises
        ------
        IntegrityError
            Where this version of Candor would compute the features differently.
        """
        full = build_catalogue(
            self.observation_days, _EVERY_ABILITY, tuple(self.facts["categories"])
        )
        catalogue = full.only(self.facts["features"])
        trained = self.facts["catalogue_fingerprint"]
        if catalogue.fingerprint != trained:
            raise IntegrityError(
                f"The model was trained with feature catalogue {trained}, this version computes "
                f"{catalogue.fingerprint}; its scores would not be the model's. Train it again."
            )
        return catalogue


def save_bundle(
    facts: dict[str, Any], estimator: Estimator, evidence: dict[str, bytes], folder: Path
) -> str:
    """Write a bundle folder and return the SHA-256 of its ``bundle.json``.

    ``evidence`` are further files kept with the model, such as its evaluation sample.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {**estimator.files(), **evidence}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    listed = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    content = {**facts, "format": FORMAT, "files": listed}
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    data = text.encode("utf-8")
    (folder / "bundle.json").write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def load_bundle(folder: Path, expected: str | None = None) -> Bundle:
    """Read a bundle, refusing any file whose hash is not the recorded one.

    Raises
    ------
    InputError
        Where there is no bundle.
    IntegrityError
        Where a hash, the format or the family is not as recorded.
    """
    path = folder / "bundle.json"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"There is no model bundle in {folder}.") from error
    digest = hashlib.sha256(data).hexdigest()
    if expected is not None and digest != expected:
        raise IntegrityError(
            f"{path} has hash {digest[:16]}, the registry recorded {expected[:16]}: the bundle was "
            "changed after training and is not loaded."
        )
    facts = json.loads(data)
    if facts.get("format") != FORMAT or facts.get("family") not in _LOADERS:
        raise IntegrityError(
            f"{path} has format {facts.get('format')!r} and family {facts.get('family')!r}, "
            f"which this version does not read (format {FORMAT}: {', '.join(_LOADERS)}). "
            "Train the model again."
        )
    files = {}
    for name, recorded in facts["files"].items():
        if "/" in name or "\\" in name or name.startswith("."):
            raise IntegrityError(f"{path} lists a file outside its folder: {name!r}.")
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise IntegrityError(f"{folder} lacks {name}; the model is not loaded.") from error
        if hashlib.sha256(content).hexdigest() != recorded:
            raise IntegrityError(
                f"{folder / name} does not match its recorded hash; the model is not loaded."
            )
        files[name] = content
    return Bundle(facts, _LOADERS[facts["family"]](files), digest)
