"""Fit a family: grouped cross-validation, calibration on out-of-fold margins, then the rest.

The samples are kept apart: folds see development customers only, the hold-out's customers are in
no fit at all, and the out-of-time cohort lies after everything the model saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.config import ModelConfig
from credit_core.errors import InputError
from credit_core.features.catalogue import Catalogue
from credit_core.labels.samples import DEVELOPMENT, HOLDOUT, OUT_OF_TIME
from credit_core.modelling.boosting import Fitted, fit_lightgbm, fit_xgboost
from credit_core.modelling.calibration import Calibration, fit_platt, probability
from credit_core.modelling.design import Design
from credit_core.modelling.estimator import Estimator, margin
from credit_core.modelling.logistic import choose_penalty, fit_logistic
from credit_core.modelling.metrics import (
    Auc,
    Metrics,
    auc_interval,
    evaluate,
    log_loss,
    mean_auc,
    with_interval,
)
from credit_core.modelling.scorecard import fit_scorecard
from credit_core.modelling.search import search

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Progress = Callable[[float, str], None]
_WATCH_SHARE = 0.15
SMALL_SAMPLE, REPEATS = 100, 3
"""Below so many of the rarer label in development, the cross-validation is repeated so often."""
_LEARNING_SHARES = (0.125, 0.25, 0.5)
_FEWEST_TO_LEARN = 20
_BOOTSTRAP_ROWS = 10_000
_UNWATCHED = ("scorecard", "logistic")
"""Families without rounds to stop early."""


@dataclass(frozen=True)
class TrainingData:
    """The design matrix of all labelled snapshots, shape (n, columns), and who they are.

    ``frame`` has customer_id, as_of, label and sample, row for row.
    """

    X: FloatArray
    frame: pd.DataFrame
    design: Design
    catalogue: Catalogue | None

    @property
    def label(self) -> IntArray:
        return self.frame["label"].to_numpy(dtype=np.int64)

    def rows(self, sample: str) -> IntArray:
        return np.flatnonzero((self.frame["sample"] == sample).to_numpy())

    def directions(self) -> tuple[int, ...]:
        """Return the catalogue's risk direction of each column: 1, -1, or 0 for either."""
        signs = {"higher": 1, "lower": -1, "either": 0}
        features = self.catalogue.features if self.catalogue else ()
        known = {feature.name: signs[feature.riskier] for feature in features}
        return tuple(known.get(column.source, 0) for column in self.design.columns)


@dataclass(frozen=True)
class TrainedModel:
    """A fitted family: the estimator refitted on all development rows, and its evidence.

    ``log_odds`` are calibrated, shape (n,) over all snapshots: out-of-fold for development rows,
    the final model's for the others. ``learning`` is the curve of `_learning_curve`; ``resampled``
    are the models of `_resampled`.
    """

    family: str
    estimator: Estimator
    calibration: Calibration
    parameters: dict[str, Any]
    log_odds: FloatArray
    metrics: dict[str, Metrics]
    learning: tuple[dict[str, Any], ...]
    resampled: tuple[Estimator, ...]


Folds = list[tuple[IntArray, IntArray]]


def grouped_folds(frame: pd.DataFrame, folds: int, seed: int) -> Folds:
    """Return (train, test) positions into ``frame``; a customer is on one side only.

    Customers are dealt to folds by whether they were ever bad, so folds have like bad rates.
    """
    from sklearn.model_selection import StratifiedKFold

    label = frame["label"].to_numpy()
    codes, customers = pd.factorize(frame["customer_id"], sort=True)
    ever_bad = np.zeros(len(customers), dtype=np.int64)
    np.maximum.at(ever_bad, codes, label)
    rarer = int(min(ever_bad.sum(), len(customers) - ever_bad.sum()))
    if rarer < folds:
        raise InputError(
            f"The development sample has only {rarer} customers of the rarer outcome; {folds} "
            "folds need at least one each. Bring more customers, or lower training.folds."
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    fold = np.empty(len(customers), dtype=np.int64)
    for k, (_, tested) in enumerate(splitter.split(ever_bad, ever_bad)):
        fold[tested] = k
    of_row = fold[codes]
    return [(np.flatnonzero(of_row != k), np.flatnonzero(of_row == k)) for k in range(folds)]


def train_family(
    family: str, data: TrainingData, config: ModelConfig, threads: int, tell: Progress
) -> TrainedModel:
    """Train one family and evaluate it on every sample there is."""
    development = data.rows(DEVELOPMENT)
    X, label = data.X[development], data.label[development]
    frame = data.frame.iloc[development].reset_index(drop=True)
    repeats = repeats_for(label)
    by_repeat = [
        grouped_folds(frame, config.training.folds, config.training.seed + repeat)
        for repeat in range(repeats)
    ]
    folds = [fold for found in by_repeat for fold in found]
    fitter = _Fitter(family, config, threads, data.design, data.directions())
    tell(0.0, f"{family}: choosing parameters")
    fitter.prepare(X, label, frame, by_repeat[0], tell)
    out_of_fold = np.empty((repeats, len(label)))
    rounds = []
    for i, (margins, used) in enumerate(_fold_by_fold(fitter, X, label, frame, folds)):
        repeat, fold = divmod(i, config.training.folds)
        out_of_fold[repeat, folds[i][1]] = margins
        rounds.append(used)
        again = f", repeat {repeat + 1} of {repeats}" if repeats > 1 else ""
        step = f"{family}: fold {fold + 1} of {config.training.folds} judged{again}"
        tell((i + 1) / (len(folds) + 1), step)
    calibration = fit_platt(out_of_fold.ravel(), np.tile(label, repeats))
    tell(len(folds) / (len(folds) + 1), f"{family}: fitting on all development customers")
    final = fitter.fit_all(X, label, int(np.median(rounds)))
    log_odds = calibration.log_odds(margin(final, data.X))
    # One repeat's, as each row of an evaluation must come from one model, not from an average.
    log_odds[development] = calibration.log_odds(out_of_fold[0])
    return TrainedModel(
        family,
        final,
        calibration,
        fitter.parameters(int(np.median(rounds))),
        log_odds,
        _metrics(data, log_odds, _auc_of_folds(label, out_of_fold, by_repeat), development),
        _learning_curve(fitter, data, int(np.median(rounds)), final),
        _resampled(fitter, X, label, frame, int(np.median(rounds))),
    )


def _fold_by_fold(
    fitter: _Fitter, X: FloatArray, label: IntArray, frame: pd.DataFrame, folds: Folds
) -> Iterator[tuple[FloatArray, int]]:
    """Yield each fold's margins of its test rows and the rounds used, in the folds' order.

    Boosting uses all cores by itself, so its folds come one after the other. The other families
    use one core each; their folds run side by side, each with linear algebra of one thread.
    """
    from joblib import Parallel, delayed
    from threadpoolctl import threadpool_limits

    def judged(train: IntArray, test: IntArray) -> tuple[FloatArray, int]:
        estimator, used = fitter.fit_watched(X[train], label[train], frame.iloc[train])
        return margin(estimator, X[test]), used

    if fitter.family not in _UNWATCHED:
        for train, test in folds:
            yield judged(train, test)
        return
    workers = max(1, min(fitter.threads, len(folds)))
    with threadpool_limits(1):
        parallel = Parallel(n_jobs=workers, prefer="threads", return_as="generator")
        yield from parallel(delayed(judged)(train, test) for train, test in folds)


@dataclass
class _Fitter:
    """Fits one family with the parameters its configuration gives or its folds choose."""

    family: str
    config: ModelConfig
    threads: int
    design: Design
    directions: tuple[int, ...]
    penalty: float = 1.0
    balanced: bool = False

    @property
    def seed(self) -> int:
        return self.config.training.seed

    def prepare(
        self, X: FloatArray, label: IntArray, frame: pd.DataFrame, folds: Folds, tell: Progress
    ) -> None:
        """Choose what the folds decide: the penalty, or settings where a search is asked for.

        What is chosen looks a little better on these folds than it is; the hold-out and the
        cohort out of time have no part in the choice.
        """
        weights = self.config.training.class_weights
        # With few bads their weights would make the fit follow each of them.
        self.balanced = weights == "balanced" or (weights == "auto" and not is_small(label))
        if self.family == "logistic":
            section = self.config.models.logistic
            self.penalty = choose_penalty(X, label, folds, section, self.balanced)
        trials = self.config.training.search_trials
        if self.family in _UNWATCHED:
            return
        given = getattr(self.config.models, self.family).model_dump()

        def with_changes(changes: dict[str, Any]) -> ModelConfig:
            return self.config.replacing(models={self.family: {**given, **changes}})

        if len(label) >= self.config.training.many_rows:
            # A step is then estimated so well that small ones only cost time.
            given["learning_rate"] = min(1.0, 2 * given["learning_rate"])
            given["max_rounds"] = max(1, given["max_rounds"] // 2)
            self.config = with_changes({})
        if trials == 0:
            return

        def loss(changes: dict[str, Any], trial: int) -> float:
            tell(0.0, f"{self.family}: search, trial {trial + 1} of {trials}")
            tried = replace(self, config=with_changes(changes))
            margins = np.empty(len(label))
            for train, test in folds:
                estimator, _ = tried.fit_watched(X[train], label[train], frame.iloc[train])
                margins[test] = margin(estimator, X[test])
            return log_loss(label, probability(fit_platt(margins, label).log_odds(margins)))

        self.config = with_changes(search(self.family, given, loss, trials, self.seed))

    def fit_watched(
        self, X: FloatArray, label: IntArray, frame: pd.DataFrame
    ) -> tuple[Estimator, int]:
        """Fit with early stopping on a part of the training customers, never on the test fold."""
        if self.family in _UNWATCHED:
            return self.fit_all(X, label, 0), 0
        customers = frame["customer_id"].to_numpy()
        distinct = np.unique(customers.astype("str"))
        chosen = np.random.default_rng(self.seed).permutation(len(distinct))
        watched = set(distinct[chosen[: max(1, round(len(distinct) * _WATCH_SHARE))]])
        watch = np.array([customer in watched for customer in customers])
        if len(np.unique(label[watch])) < 2 or len(np.unique(label[~watch])) < 2:
            fitted = self._boost(X, label, rounds=min(50, self._max_rounds()))
        else:
            fitted = self._boost(X[~watch], label[~watch], watch=(X[watch], label[watch]))
        return fitted.estimator, fitted.rounds

    def fit_all(self, X: FloatArray, label: IntArray, rounds: int) -> Estimator:
        if self.family == "scorecard":
            section = self.config.models.scorecard
            return fit_scorecard(X, label, self.design, section, balanced=self.balanced)
        if self.family == "logistic":
            return fit_logistic(X, label, self.penalty, self.balanced)
        return self._boost(X, label, rounds=rounds).estimator

    def parameters(self, rounds: int) -> dict[str, Any]:
        weigh = {"class_weights": "balanced" if self.balanced else "none"}
        if self.family == "logistic":
            return {"penalty": self.penalty, **weigh}
        section = {**getattr(self.config.models, self.family).model_dump(), **weigh}
        return section if self.family in _UNWATCHED else {**section, "rounds": rounds}

    def _max_rounds(self) -> int:
        return int(getattr(self.config.models, self.family).max_rounds)

    def _boost(
        self,
        X: FloatArray,
        label: IntArray,
        *,
        watch: tuple[FloatArray, IntArray] | None = None,
        rounds: int | None = None,
    ) -> Fitted:
        models = self.config.models
        if self.family == "xgboost":
            return fit_xgboost(
                X,
                label,
                models.xgboost,
                seed=self.seed,
                threads=self.threads,
                watch=watch,
                rounds=rounds,
                directions=self.directions,
                balanced=self.balanced,
            )
        return fit_lightgbm(
            X,
            label,
            models.lightgbm,
            seed=self.seed,
            threads=self.threads,
            watch=watch,
            rounds=rounds,
            directions=self.directions,
            balanced=self.balanced,
        )


def _learning_curve(
    fitter: _Fitter, data: TrainingData, rounds: int, final: Estimator
) -> tuple[dict[str, Any], ...]:
    """Return AUC on the hold-out by the share of development customers fitted on.

    Each smaller part lies within the next. Dicts of share, customers, n (hold-out), auc, auc_low,
    auc_high; empty where there is no hold-out with both outcomes, and without parts too small.
    """
    held, development = data.rows(HOLDOUT), data.rows(DEVELOPMENT)
    label = data.label
    if len(held) == 0 or len(np.unique(label[held])) < 2:
        return ()
    codes, customers = pd.factorize(data.frame["customer_id"].iloc[development], sort=True)
    turn = np.random.default_rng(fitter.seed).permutation(len(customers))[codes]
    curve = []
    for share in (*_LEARNING_SHARES, 1.0):
        rows = development[turn < share * len(customers)]
        bads = int(label[rows].sum())
        if min(bads, len(rows) - bads) < _FEWEST_TO_LEARN:
            continue
        fitted = final if share == 1 else fitter.fit_all(data.X[rows], label[rows], rounds)
        found = auc_interval(label[held], margin(fitted, data.X[held]))
        curve.append(
            {
                "share": share,
                "customers": int(np.ceil(share * len(customers))),
                "n": found.n,
                "auc": found.auc,
                "auc_low": found.low,
                "auc_high": found.high,
            }
        )
    return tuple(curve)


def _resampled(
    fitter: _Fitter, X: FloatArray, label: IntArray, frame: pd.DataFrame, rounds: int
) -> tuple[Estimator, ...]:
    """Return the family fitted on bootstrap samples of development customers (Efron 1979).

    A large sample is resampled to a size that answers soon; what differs between these models
    then differs a little more than between samples of the full size.
    """
    codes, customers = pd.factorize(frame["customer_id"], sort=True)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(customers) + 1))
    drawn = max(1, min(len(customers), _BOOTSTRAP_ROWS * len(customers) // len(X)))
    random = np.random.default_rng(fitter.seed)
    found = []
    for _ in range(fitter.config.training.bootstraps):
        chosen = random.integers(len(customers), size=drawn)
        rows = np.concatenate([order[starts[c] : starts[c + 1]] for c in chosen])
        if len(np.unique(label[rows])) == 2:
            found.append(fitter.fit_all(X[rows], label[rows], rounds))
    return tuple(found)


def is_small(label: IntArray) -> bool:
    """Return whether there are fewer than `SMALL_SAMPLE` of the rarer label."""
    return int(min(label.sum(), len(label) - label.sum())) < SMALL_SAMPLE


def repeats_for(label: IntArray) -> int:
    """Return how often the cross-validation is repeated: more than once for a small sample."""
    return REPEATS if is_small(label) else 1


def _auc_of_folds(label: IntArray, margins: FloatArray, by_repeat: list[Folds]) -> Auc:
    """Return the mean AUC over folds and repeats; margins have shape (repeats, n).

    Repeats use the same people, so they steady the estimate without adding evidence: the interval
    is as wide as that of one repeat.
    """
    found = [
        mean_auc([auc_interval(label[test], margins[repeat, test]) for _, test in folds])
        for repeat, folds in enumerate(by_repeat)
    ]
    variance = float(np.mean([one.variance for one in found]))
    auc = float(np.mean([one.auc for one in found]))
    return with_interval(auc, variance, found[0].n, found[0].bads)


def _metrics(
    data: TrainingData, log_odds: FloatArray, by_fold: Auc, development: IntArray
) -> dict[str, Metrics]:
    label, risk = data.label, probability(log_odds)
    metrics = {"cross_validation": evaluate(label[development], risk[development], by_fold)}
    for sample in (HOLDOUT, OUT_OF_TIME):
        rows = data.rows(sample)
        if len(rows) and len(np.unique(label[rows])) == 2:
            metrics[sample] = evaluate(label[rows], risk[rows])
    return metrics
