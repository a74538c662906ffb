"""From features to points and reasons: sums, reasons and decisions of real bundles."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_core import workflows
from credit_core.config import ScaleConfig
from credit_core.data.contract import BY_NAME
from credit_core.data.ledger import ledger_of, open_ledger
from credit_core.decisions.contributions import score_table
from credit_core.decisions.peers import share_below, strange_attributes, unusual
from credit_core.decisions.policy import REFER
from credit_core.decisions.reasons import (
    LEAST_POINTS,
    MOST_REASONS,
    grade,
    reason_sentences,
    top_reasons,
)
from credit_core.decisions.scale import Scale
from credit_core.decisions.scoring import (
    SCORE_COLUMNS,
    ScoredSnapshots,
    cautions,
    cautions_of,
    short_history,
)
from credit_core.errors import InputError
from credit_core.features.catalogue import Feature, build_catalogue
from credit_core.features.words import Words
from credit_core.labels.observed import load_applications
from credit_core.modelling.calibration import probability
from credit_core.oversight.registry import load_version

FAMILIES = ("logistic", "xgboost", "lightgbm", "scorecard")


@pytest.fixture(scope="module", params=FAMILIES)
def scored(request: pytest.FixtureRequest, store) -> ScoredSnapshots:
    return workflows.score(store.dataset, store.settings, store.bundle(request.param))


def test_base_and_contributions_are_the_score_for_everyone(scored: ScoredSnapshots) -> None:
    found = scored.scored
    sums = found.base + found.contributions.sum(axis=0)
    np.testing.assert_allclose(sums, found.points, rtol=0, atol=1e-6)
    assert len(found.points) == len(scored.snapshots) == 600
    assert found.contributions.shape == (len(found.sources), 600)
    assert np.isfinite(found.points).all()


def test_risk_is_the_probability_behind_the_points(scored: ScoredSnapshots) -> None:
    scale = Scale.of(ScaleConfig(**scored.bundle.facts["scale"]))
    odds = probability(scale.log_odds(scored.scored.points))
    np.testing.assert_allclose(scored.scored.risk, odds, rtol=1e-12)
    order = np.argsort(scored.scored.points)
    assert (np.diff(scored.scored.risk[order]) <= 0).all(), "higher is safer"
    assert scored.scored.risk.mean() == pytest.approx(
        scored.bundle.facts["label"]["bad_rate"], abs=0.04
    )


def test_points_are_the_margin_calibrated_and_scaled(scored: ScoredSnapshots) -> None:
    bundle = scored.bundle
    base, parts = bundle.estimator.contributions(bundle.design.matrix(scored.table))
    log_odds = bundle.calibration.log_odds(base + parts.sum(axis=0))
    factor = 20 / np.log(2)
    wanted = 600 - factor * (log_odds + np.log(50))
    np.testing.assert_allclose(scored.scored.points, wanted, rtol=0, atol=1e-6)


def test_some_customers_scored_are_the_same_to_the_bit(store, scored: ScoredSnapshots) -> None:
    chosen = scored.snapshots["customer_id"].iloc[[3, 77, 599]].tolist()
    part = workflows.score(store.dataset, store.settings, scored.bundle, customers=chosen)
    whole = pd.Series(scored.scored.points, scored.snapshots["customer_id"])
    for customer, points in zip(part.snapshots["customer_id"], part.scored.points, strict=True):
        assert points == whole[customer]


def test_reasons_are_adverse_few_and_never_protected(scored: ScoredSnapshots) -> None:
    usual = scored.bundle.facts["reference"]["approved_contributions"]
    position = {source: j for j, source in enumerate(scored.scored.sources)}
    assert "protected_gender" not in scored.scored.sources
    assert scored.bundle.facts["protected"] == ["protected_gender"]
    some = 0
    for row, reasons in enumerate(scored.reasons):
        assert len(reasons) <= MOST_REASONS
        assert len({reason.source for reason in reasons}) == len(reasons)
        difference = {
            source: scored.scored.contributions[j, row] - usual[source]
            for source, j in position.items()
        }
        assert [reason.points for reason in reasons] == sorted(r.points for r in reasons)
        for reason in reasons:
            assert reason.points <= -LEAST_POINTS
            assert reason.points == pytest.approx(difference[reason.source])
            assert reason.sentence
            assert "{" not in reason.sentence
        some += bool(reasons)
        assert scored.reasons_of(row) == reasons
    assert some > 100


def test_every_reason_passes_the_flip_test_and_nothing_stronger_that_passes_is_left_out(
    scored: ScoredSnapshots,
) -> None:
    bundle, reference = scored.bundle, scored.bundle.facts["reference"]
    usual, typical = reference["approved_contributions"], reference["approved_values"]
    sources = scored.scored.sources
    for row in range(0, 600, 61):
        one = scored.table.iloc[[row]]
        given = {reason.source: reason for reason in scored.reasons[row]}
        # By the long way: the whole customer scored again, each time with one value exchanged.
        exchanged = [one.assign(**{source: [typical[source]]}) for source in sources]
        flipped = score_table(bundle, pd.concat(exchanged, ignore_index=True)).points
        passed = []
        for j, source in enumerate(sources):
            lost = float(scored.scored.contributions[j, row] - usual[source])
            gain = float(flipped[j] - scored.scored.points[row])
            if lost <= -LEAST_POINTS and gain > 1e-6:
                passed.append((lost, j, source))
            if source in given:
                assert gain > 0
                assert given[source].gain == pytest.approx(gain, abs=1e-6)
        assert [source for _, _, source in sorted(passed)[:MOST_REASONS]] == list(given)


@hypothesis.settings(max_examples=20)
@given(st.data())
def test_any_customer_at_all_adds_up_and_every_reason_of_theirs_flips(
    scored: ScoredSnapshots, data: st.DataObject
) -> None:
    bundle = scored.bundle
    reference = bundle.facts["reference"]
    values: dict[str, Any] = {}
    for source in bundle.design.sources:
        known = reference["quantiles"].get(source)
        if known is None:
            levels = [c.level for c in bundle.design.columns if c.source == source]
            values[source] = data.draw(st.sampled_from([*levels, "a level never seen"]))
        else:
            far = 3 * max(abs(known[0]), abs(known[-1]), 1.0)
            values[source] = data.draw(st.floats(-far, far) | st.just(float("nan")))
    table = pd.DataFrame([values])
    found = score_table(bundle, table)
    total = found.base + found.contributions[:, 0].sum()
    assert total == pytest.approx(found.points[0], abs=1e-6)
    for reason in top_reasons(bundle, found, table)[0]:
        exchanged = table.assign(**{reason.source: [reference["approved_values"][reason.source]]})
        flipped = score_table(bundle, exchanged).points[0]
        assert flipped > found.points[0]
        assert reason.gain == pytest.approx(flipped - found.points[0], abs=1e-6)


def test_the_reference_is_the_approved_customer_in_the_middle(scored: ScoredSnapshots) -> None:
    reference = scored.bundle.facts["reference"]
    assert reference["approved_values"].keys() == set(scored.scored.sources)
    for source, known in reference["quantiles"].items():
        value = reference["approved_values"][source]
        assert value is None or known[0] <= value <= known[-1]


def test_stability_is_a_share_of_resampled_models(scored: ScoredSnapshots) -> None:
    found = scored.bundle.facts["reference"]["stability"]
    assert found
    assert set(found) <= set(scored.scored.sources)
    for facts in found.values():
        assert 0 <= facts["share"] <= 1
        assert facts["n"] >= 1
    grades = {reason.stability for reasons in scored.reasons for reason in reasons}
    assert grades & {"high", "medium", "low"}
    assert grade({"share": 0.79, "n": 20}) == "medium"
    assert grade({"share": 0.0, "n": 20}) == "low"


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30).map(sorted),
    st.floats(-2e6, 2e6),
    st.floats(0, 1e6),
)
def test_more_is_never_a_lower_place_among_peers(
    known: list[float], value: float, more: float
) -> None:
    here, there = share_below(known, value), share_below(known, value + more)
    assert here is not None
    assert there is not None
    assert 0 <= here <= there + 1e-12 <= 1 + 1e-12


def test_a_value_outside_development_is_named(store, scored: ScoredSnapshots) -> None:
    values = dict(scored.table.iloc[0])
    assert unusual(scored.bundle, values) == ()
    told = unusual(scored.bundle, {**values, "money_out": 1e12})
    assert len(told) == 1
    assert "1,000,000,000,000.00" in told[0]
    attribute = next(iter(scored.bundle.design.categories))
    assert (
        "never seen there" in unusual(scored.bundle, {**values, attribute: "never seen there"})[0]
    )


def test_categories_spelt_otherwise_are_noticed(store, scored: ScoredSnapshots) -> None:
    """A score from categories that the model does not count would be wrong in silence."""
    bundle, dates = scored.bundle, scored.snapshots["as_of"].to_numpy()
    values = dict(scored.table.iloc[0])
    other = {**values, **dict.fromkeys(bundle.catalogue.shares, 0.0)}
    (told,) = (one for one in unusual(bundle, other) if "categor" in one)
    assert f"({bundle.catalogue.categories[0]}" in told
    with open_ledger(store.dataset, store.settings) as ledger:
        assert not [one for one in cautions_of(bundle, ledger, None, dates) if "categor" in one]
        renamed = ledger.frame(f"SELECT * FROM {ledger.relation} LIMIT 500")
    renamed["category"] = renamed["category"].str.upper() + "!"
    with ledger_of(renamed, store.settings) as ledger:
        assert told in cautions_of(bundle, ledger, None, dates)


def test_attributes_that_the_model_cannot_read_are_counted(store) -> None:
    bundle = store.bundle("logistic")
    given = load_applications(store.dataset)
    assert strange_attributes(bundle, given) == ()
    number = next(one.name for one in bundle.attributes if one.kind == "number")
    level = next(one.name for one in bundle.attributes if one.kind == "category")
    texts = given[number].astype("str").where(given.index > 1, "10 900 EUR")
    other = given.assign(**{number: texts, level: given[level].str.upper()})
    told = sorted(strange_attributes(bundle, other))
    assert len(told) == 2
    assert f"2 of {len(given)} applications have a {number} that is no number ('10 900 EUR')" in (
        " ".join(told)
    )
    assert f"have a {level} that the model does not know" in " ".join(told)


def test_categories_that_occur_nowhere_are_named(store, scored: ScoredSnapshots) -> None:
    bundle, dates = scored.bundle, scored.snapshots["as_of"].to_numpy()
    first = bundle.catalogue.categories[0]
    with open_ledger(store.dataset, store.settings) as ledger:
        rows = ledger.frame(f"SELECT * FROM {ledger.relation}")
    rows["category"] = rows["category"].replace({first: "renamed"})
    with ledger_of(rows, store.settings) as ledger:
        (told,) = (
            one for one in cautions_of(bundle, ledger, None, dates) if "occur nowhere" in one
        )
    assert told.startswith(f"1 of the {len(bundle.catalogue.categories)} categories")
    assert f"({first})" in told


def test_families_add_up_to_the_score(store) -> None:
    scored = workflows.score(store.dataset, store.settings, store.bundle("lightgbm"))
    found = workflows.explanation(scored, 7, store.version("lightgbm"))
    assert found.base + sum(found.families().values()) == pytest.approx(found.score, abs=1e-9)
    assert {part.family for part in found.contributions} == set(found.families())


def test_sentences_of_many_are_those_of_each(scored: ScoredSnapshots) -> None:
    rows = np.arange(0, 600, 3)
    many = reason_sentences(scored.bundle, scored.scored, scored.table, rows)
    each = top_reasons(scored.bundle, scored.scored, scored.table, rows)
    assert many.shape == (200, MOST_REASONS)
    for found, reasons in zip(many, each, strict=True):
        assert [text for text in found if text] == [reason.sentence for reason in reasons]
        assert list(found) == sorted(found, key=lambda text: text == ""), "none in between"
    none = reason_sentences(scored.bundle, scored.scored, scored.table, rows[:0])
    assert none.shape == (0, MOST_REASONS)


def test_a_reason_names_a_category_as_it_is_written() -> None:
    share = build_catalogue(180, frozenset(BY_NAME), ("{odd} {value}",)).by_name["share_odd_value"]
    words = Words(share.name, share, 180)
    wanted = "25% of the transactions were in the category '{odd} {value}'"
    assert words.sentence(0.25) == wanted
    assert words.sentences(np.array([0.25])) == [wanted]


def test_thin_files_are_referred(scored: ScoredSnapshots) -> None:
    thin = (scored.table["transactions"] < 3).to_numpy()
    assert thin.any()
    decided = np.array(scored.decisions)
    assert (decided[thin] == REFER).all()
    assert set(decided[~thin]) == {"approve", "refer", "decline"}


def test_the_file_says_first_that_a_file_is_thin(scored: ScoredSnapshots) -> None:
    thin = (scored.table["transactions"] < 3).to_numpy()
    first = scored.frame("m", "1", all_reasons=False)["reason_1"]
    counted = scored.table["transactions"][thin].astype("int")
    assert list(first[thin]) == [
        f"Too few transactions to decide by: {n} in {scored.bundle.observation_days} days, at "
        "least 3 are needed"
        for n in counted
    ]
    assert not first[~thin].str.startswith("Too few").any()
    second = scored.frame("m", "1")["reason_2"].to_numpy()
    for row in np.flatnonzero(thin)[:20]:
        assert second[row] == next((r.sentence for r in scored.reasons[row]), "")


def test_a_circular_model_warns_wherever_it_scores(store) -> None:
    bundle = store.bundle("logistic")
    facts = {**bundle.facts, "checks": {**bundle.facts["checks"], "circular": True}}
    (warning,) = cautions(replace(bundle, facts=facts), None, np.array([], dtype="datetime64[us]"))
    assert warning.startswith("This model is circular")


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("There were {value} transactions in 12 months", "There was 1 transaction in 12 months"),
        ("There were transactions in {value} weeks", "There were transactions in 1 week"),
        ("{value} channels were used", "1 channel was used"),
        ("It fell into {value} categories", "It fell into 1 category"),
        ("It fell in {value} of the last 12 months", "It fell in 1 of the last 12 months"),
    ],
)
def test_one_is_said_in_the_singular(sentence: str, said: str) -> None:
    counted = Feature("x", "", "count", "", "either", "What.", sentence)
    assert Words("x", counted).sentence(1.0) == said
    assert Words("x", counted).sentence(2.0) == sentence.format(value="2")


def test_decisions_and_bands_follow_the_bundles_policy(scored: ScoredSnapshots) -> None:
    policy = scored.bundle.facts["policy"]
    points = scored.scored.points
    thick = (scored.table["transactions"] >= policy["thin_file_transactions"]).to_numpy()
    decided = np.array(scored.decisions)
    assert (points[thick & (decided == "approve")] >= policy["approve_from"]).all()
    assert (points[thick & (decided == "decline")] < policy["decline_below"]).all()
    for band in policy["bands"]:
        inside = points[np.array(scored.bands) == band["name"]]
        assert (inside >= (band["low"] or -np.inf)).all()
        assert (inside < (band["high"] or np.inf)).all()


def test_the_scores_file_has_the_columns_promised(scored: ScoredSnapshots) -> None:
    frame = scored.frame("default", "3")
    assert tuple(frame.columns) == SCORE_COLUMNS == (
        "customer_id", "as_of", "score", "risk", "band", "decision",
        "reason_1", "reason_2", "reason_3", "reason_4", "model", "model_version",
    )  # fmt: skip
    assert len(frame) == 600
    assert set(frame["model"]) == {"default"}
    assert frame["reason_1"].str.len().gt(0).sum() > 100


def test_a_file_without_a_needed_column_is_refused_by_name(store, settings) -> None:
    path = settings.home / "bare.csv"
    path.write_text("customer_id,timestamp,amount\nA,2024-01-05,1\nB,2024-02-05,2\n")
    bare = workflows.ingest(path, settings)
    bundle = store.bundle("logistic")
    with pytest.raises(InputError, match="application attributes"):
        workflows.score(bare, settings, bundle)
    proxy = workflows.score_dataset
    with pytest.raises(InputError, match="trained with the column"):
        proxy(bare, store.settings, model="disengagement")


def test_an_unknown_customer_and_a_date_before_the_ledger(store) -> None:
    bundle = store.bundle("xgboost")
    with pytest.raises(InputError, match="no customer 'nobody'"):
        workflows.score(store.dataset, store.settings, bundle, customers=["nobody"])
    with pytest.raises(InputError, match="No transaction lies before"):
        workflows.score_dataset(
            store.dataset,
            store.settings,
            model="disengagement",
            as_of=store.dataset.first - timedelta(days=3),
        )


def test_a_proxy_model_scores_everyone_seen_before_the_date(store) -> None:
    moment = store.dataset.first + timedelta(days=200)
    frame, version, warnings = workflows.score_dataset(
        store.dataset, store.settings, model="disengagement", as_of=moment
    )
    assert warnings == ()
    assert version.name == "disengagement"
    assert (frame["as_of"] == moment).all()
    assert frame["customer_id"].is_unique
    assert 100 < len(frame) < 600


def test_a_ledger_much_shorter_than_the_observation_window_is_scored_with_a_warning(store) -> None:
    """Measured from its first day to the date scored at, for each applicant."""
    version = store.proxy.versions[0]
    window = load_version(version).observation_days
    for share, warned in ((0.3, True), (0.64, True), (0.69, False)):
        days = round(share * window)
        moment = store.dataset.first.replace(hour=0, minute=0, second=0) + timedelta(days=days)
        given = {"model": version.reference, "as_of": moment}
        found = workflows.score_dataset(store.dataset, store.settings, **given)
        customer = str(found.frame["customer_id"].iloc[0])
        explained = workflows.explain(store.dataset, store.settings, customer, **given)
        assert explained.warnings == found.warnings
        thin = [f"{explained.too_few}."] if explained.thin_file else []
        assert explained.facts()["warnings"] == [*thin, *found.warnings]
        assert len(found.warnings) == warned
        if warned:
            says = f"The data reach back {days} days before the date scored at"
            assert found.warnings[0].startswith(says)
            assert f"looks back {window} days" in found.warnings[0]


def test_only_applicants_with_a_short_history_are_counted(store) -> None:
    bundle = store.bundle("logistic")
    begins = pd.Timestamp("2023-01-01")
    dates = (begins + pd.to_timedelta([20, 50, 400], unit="D")).to_numpy()
    (warning,) = short_history(bundle, begins.to_pydatetime(), dates)
    assert warning.startswith("For 2 of 3 customers the data reach back as little as 20 days")
    (lone,) = short_history(bundle, begins.to_pydatetime(), dates[:1] - np.timedelta64(19, "D"))
    assert lone.startswith("The data reach back 1 day before")
    assert short_history(bundle, None, dates) == ()


def test_an_explanation_is_the_batchs_row(store, scored: ScoredSnapshots) -> None:
    version = store.version(scored.bundle.family)
    customer = scored.snapshots["customer_id"].iloc[42]
    found = workflows.explain(store.dataset, store.settings, customer, model=version.reference)
    assert found.score == scored.scored.points[42]
    assert found.risk == scored.scored.risk[42]
    assert found.decision == scored.decisions[42]
    assert found.base + sum(c.points for c in found.contributions) == pytest.approx(
        found.score, abs=1e-6
    )
    assert list(found.reasons) == scored.reasons[42]
    parts = [part.points for part in found.contributions]
    assert parts == sorted(parts)


def feature(unit: str) -> Feature:
    return Feature("x", "", unit, "", "either", "What.", "It is {value}")


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        ("share", 0.256, "26%"),
        ("share", 0.0, "0%"),
        ("days", 1.2, "1 day"),
        ("days", 1234.0, "1,234 days"),
        ("money", 1234.5, "1,234.50"),
        ("money", -0.5, "-0.50"),
        ("count", 7.0, "7"),
        ("count", 7.25, "7.2"),
        ("count", 1200.0, "1,200"),
        ("ratio", 1.2345, "1.23"),
        ("money", float("nan"), "not known"),
    ],
)
def test_values_are_written_with_their_unit(unit: str, value: float, shown: str) -> None:
    assert Words("x", feature(unit)).show(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1169.0, "1,169"), ("car", "car"), (None, "not given"), (float("nan"), "not given")],
)
def test_attributes_are_written_as_given(value: object, shown: str) -> None:
    assert Words("x").show(value) == shown


def test_reasons_say_values_as_people_write_them(scored: ScoredSnapshots) -> None:
    for reason in scored.reasons[0] + scored.reasons[1] + scored.reasons[2]:
        assert not re.search(r"\d\.\d{5,}|e[+-]\d|nan", reason.sentence), reason.sentence
