"""``configs/model_config.yaml`` as validated values.

Unknown keys and values out of range are refused with a sentence that names the key and what
it may be.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from credit_core.errors import InputError

Family = Literal["scorecard", "logistic", "xgboost", "lightgbm"]
LabelKind = Literal["disengaged", "inactive", "observed", "same_window"]
ClassWeights = Literal["auto", "balanced", "none"]
FAMILIES: tuple[str, ...] = get_args(Family)
LABEL_KINDS: tuple[str, ...] = get_args(LabelKind)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WindowsConfig(_Section):
    """Lengths in days, and the last cohort's date; None means chosen from the ledger's span."""

    as_of: date | None = None
    observation_days: int | None = Field(None, ge=7, le=1825)
    outcome_days: int | None = Field(None, ge=7, le=1825)
    cohort_step_days: int = Field(30, ge=1, le=365)
    max_cohorts: int = Field(6, ge=1, le=60)


class LabelsConfig(_Section):
    clusters: int = Field(4, ge=2, le=10)


class ApplicationsConfig(_Section):
    protected: tuple[str, ...] = ()


class FeaturesConfig(_Section):
    max_categories: int = Field(10, ge=0, le=40)
    max_levels: int = Field(12, ge=2, le=100)


class TrainingConfig(_Section):
    models: tuple[Family, ...] = ("scorecard", "logistic", "xgboost", "lightgbm")
    folds: int = Field(5, ge=2, le=20)
    holdout_share: float = Field(0.2, gt=0, lt=0.9)
    class_weights: ClassWeights = "auto"
    seed: int = Field(20240101, ge=0, le=2**31 - 1)
    search_trials: int = Field(0, ge=0, le=500)
    bootstraps: int = Field(8, ge=0, le=200)
    many_rows: int = Field(200_000, ge=1_000)


class ScorecardConfig(_Section):
    """How characteristics are binned and which enter; IV is the information value."""

    max_bins: int = Field(6, ge=2, le=20)
    min_bin_share: float = Field(0.05, gt=0, lt=0.5)
    min_iv: float = Field(0.02, ge=0)
    max_correlation: float = Field(0.75, gt=0, le=1)
    max_features: int = Field(15, ge=1, le=100)
    penalty: float = Field(1.0, gt=0)


class LogisticConfig(_Section):
    penalties: tuple[float, ...] = Field((0.003, 0.01, 0.03, 0.1, 0.3, 1.0), min_length=1)


class BoostingConfig(_Section):
    """Depth is kept small: shallow trees predict as well here and explain far faster."""

    learning_rate: float = Field(0.05, gt=0, le=1)
    max_depth: int = Field(3, ge=1, le=6)
    subsample: float = Field(0.8, gt=0, le=1)
    colsample: float = Field(0.4, gt=0, le=1)
    reg_lambda: float = Field(2.0, ge=0)
    max_rounds: int = Field(400, ge=1, le=5000)
    early_stopping: int = Field(30, ge=1, le=1000)
    monotone: bool = False


class XGBoostConfig(BoostingConfig):
    min_child_weight: float = Field(2.0, ge=0)


class LightGBMConfig(BoostingConfig):
    num_leaves: int = Field(8, ge=2, le=64)
    min_child_samples: int = Field(20, ge=1)


class ModelsConfig(_Section):
    scorecard: ScorecardConfig = ScorecardConfig()
    logistic: LogisticConfig = LogisticConfig()
    xgboost: XGBoostConfig = XGBoostConfig()
    lightgbm: LightGBMConfig = LightGBMConfig()


class ScaleConfig(_Section):
    """Points = base_score at odds base_odds:1 (goods per bad); pdo points double the odds."""

    pdo: float = Field(20.0, gt=0, le=500)
    base_score: float = Field(600.0, ge=0, le=10000)
    base_odds: float = Field(50.0, gt=0)


class PolicyConfig(_Section):
    decline_share: float = Field(0.10, ge=0, lt=1)
    refer_share: float = Field(0.20, ge=0, lt=1)
    approve_from: float | None = None
    decline_below: float | None = None
    thin_file_transactions: int = Field(3, ge=0, le=1000)
    four_eyes: Literal["none", "overrides", "all"] = "none"

    @model_validator(mode="after")
    def _cut_offs_make_sense(self) -> PolicyConfig:
        if self.decline_share + self.refer_share >= 1:
            raise ValueError("decline_share + refer_share must stay below 1")
        if (self.approve_from is None) != (self.decline_below is None):
            raise ValueError("give both approve_from and decline_below, or neither")
        if (
            self.approve_from is not None
            and self.decline_below is not None
            and self.decline_below > self.approve_from
        ):
            raise ValueError("decline_below must not be above approve_from")
        return self


class Thresholds(_Section):
    """From which value a measure is watched, investigated, and stops promotions."""

    watch: float = Field(ge=0)
    investigate: float = Field(ge=0)
    stop_promoting: float = Field(ge=0)

    @model_validator(mode="after")
    def _rising(self) -> Thresholds:
        if not self.watch <= self.investigate <= self.stop_promoting:
            raise ValueError("watch, investigate and stop_promoting must not fall")
        return self


def _thresholds(watch: float, investigate: float, stop_promoting: float) -> Thresholds:
    return Thresholds(watch=watch, investigate=investigate, stop_promoting=stop_promoting)


class ActionsConfig(_Section):
    """What to do at each level; printed with every alert."""

    watch: str = "Look again at the next report."
    investigate: str = "Find the cause and write it down before the next batch is used."
    stop_promoting: str = "Promote nothing of this question until the cause is found and mended."


class MonitoringConfig(_Section):
    """Limits of `candor monitor`; all are shares, PSI or differences, higher = worse."""

    score_psi: Thresholds = _thresholds(0.10, 0.25, 0.50)
    feature_psi: Thresholds = _thresholds(0.10, 0.25, 1.00)
    approval_change: Thresholds = _thresholds(0.05, 0.10, 0.25)
    override_rate: Thresholds = _thresholds(0.10, 0.25, 0.50)
    set_aside_share: Thresholds = _thresholds(0.01, 0.05, 0.20)
    auc_drop: Thresholds = _thresholds(0.03, 0.05, 0.10)
    bands_underestimated: Thresholds = _thresholds(1, 2, 3)
    actions: ActionsConfig = ActionsConfig()


class FairnessConfig(_Section):
    """Groups smaller than ``minimum_group`` are said, not shown."""

    minimum_group: int = Field(50, ge=5, le=100_000)


class GovernanceConfig(_Section):
    """What a dossier says of a model that its training cannot know; None = missing evidence."""

    owner: str | None = Field(None, max_length=200)
    purpose: str | None = Field(None, max_length=1000)
    tier: Literal["high", "medium", "low"] | None = None
    validated_by: str | None = Field(None, max_length=200)
    default_definition: str | None = Field(None, max_length=1000)
    do_not_use_for: tuple[str, ...] = ()


class ModelConfig(_Section):
    """The whole configuration; every section has defaults."""

    windows: WindowsConfig = WindowsConfig()
    labels: LabelsConfig = LabelsConfig()
    applications: ApplicationsConfig = ApplicationsConfig()
    features: FeaturesConfig = FeaturesConfig()
    training: TrainingConfig = TrainingConfig()
    models: ModelsConfig = ModelsConfig()
    scale: ScaleConfig = ScaleConfig()
    policy: PolicyConfig = PolicyConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    fairness: FairnessConfig = FairnessConfig()
    governance: GovernanceConfig = GovernanceConfig()

    def replacing(self, **sections: dict[str, Any]) -> ModelConfig:
        """Return a copy with single keys replaced: ``replacing(training={"folds": 3})``."""
        data = self.model_dump()
        for section, values in sections.items():
            data[section] = {**data[section], **values}
        return _validate(data, "the request")


def load_config(path: Path) -> ModelConfig:
    """Read and validate a YAML configuration; a missing file is an error."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise InputError(
            f"{path} is not valid YAML{line}; mend the line or start again from "
            "configs/model_config.yaml."
        ) from error
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise InputError(f"{path} must hold sections such as `training:`; it holds a single value.")
    return _validate(data, str(path))


def _validate(data: dict[str, Any], source: str) -> ModelConfig:
    try:
        return ModelConfig.model_validate(data)
    except ValidationError as error:
        raise InputError(_sentence(error, source)) from error


def _sentence(error: ValidationError, source: str) -> str:
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"]]
    key = ".".join(parts) or "the file"
    if first["type"] == "extra_forbidden":
        known = _known_keys(parts[:-1])
        return f"{source}: the key {key} is not known; known here: {', '.join(known)}."
    message = first["msg"].removeprefix("Value error, ")
    return f"{source}: {key}: {message[0].lower() + message[1:]} (given: {first['input']!r})."


def _known_keys(section: list[str]) -> list[str]:
    model: type[BaseModel] = ModelConfig
    for name in section:
        annotation = model.model_fields[name].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return sorted(model.model_fields)
