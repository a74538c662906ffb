"""Pieces that pages share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import streamlit as st

from app import sign_in, state, text
from credit_core.data.store import Dataset
from credit_core.decisions.scoring import ScoredSnapshots
from credit_core.errors import CandorError
from credit_core.oversight import access
from credit_core.oversight.access import Permission
from credit_core.oversight.registry import ModelVersion
from credit_core.settings import SAMPLE_NAME
from credit_core.workflows.scoring import fits


def context() -> None:
    """Show in the sidebar which data and which model every page is about."""
    stored = state.datasets()
    if stored:
        names = dataset_names()
        _restore(state.DATA_KEY, st.session_state.pop("choose_data", None), list(names))
        _notice_missed(state.DATA_KEY, names)
        st.session_state[_kept(state.DATA_KEY)] = st.selectbox(
            "Data",
            list(names),
            key=state.DATA_KEY,
            bind="query-params",
            on_change=lambda: _keep(state.DATA_KEY),
            format_func=lambda fingerprint: names[fingerprint],
            help="Datasets are named by the hash of their content.",
        )
        _say_missed(state.DATA_KEY, text.NO_SUCH_DATA)
    known = state.versions()
    if known:
        usable = [version for version in known if not version.circular]
        references = [version.reference for version in champions_first(usable)]
        # A label goes into links, so it must not change when another model becomes champion.
        labels = {version.reference: _label(version) for version in usable}
        if references:
            _restore(state.MODEL_KEY, st.session_state.pop("choose_model", None), references)
            _notice_missed(state.MODEL_KEY, labels)
            st.session_state[_kept(state.MODEL_KEY)] = st.selectbox(
                "Model",
                references,
                key=state.MODEL_KEY,
                bind="query-params",
                on_change=lambda: _keep(state.MODEL_KEY),
                format_func=lambda reference: labels[reference],
                help="Scores on every page come from this model. The champion comes first.",
            )
            _say_missed(state.MODEL_KEY, text.NO_SUCH_MODEL)
            found = state.model()
            if found is not None:
                champion = "Champion. " if found.champion else ""
                st.caption(f"{champion}Answers: {text.QUESTION[found.name]}")


def _kept(key: str) -> str:
    return f"kept {key}"


def _keep(key: str) -> None:
    st.session_state[_kept(key)] = st.session_state[key]
    st.session_state.pop(f"missed {key}", None)


def _notice_missed(key: str, labels: Mapping[str, str]) -> None:
    """Remember what the address names and is not here: a bound widget falls back in silence."""
    asked = st.query_params.get(key)
    if asked is not None and asked not in {*labels, *labels.values()}:
        st.session_state[f"missed {key}"] = asked


def _say_missed(key: str, sentence: str) -> None:
    """Say that something else is shown than the address asked for, until another is chosen."""
    asked = st.session_state.get(f"missed {key}")
    if asked is not None:
        st.warning(sentence.format(asked=escaped(asked[:80])), icon=":material/link_off:")


def _restore(key: str, chosen: str | None, options: list[str]) -> None:
    """Put back a choice that the address has lost, before its widget is drawn.

    Another page opened while this one is still being drawn starts with an address that names
    nothing, and a bound widget then falls back on its first option: other data, unasked.
    """
    kept = chosen if chosen or key in st.query_params else st.session_state.get(_kept(key))
    if kept in options:
        st.session_state[key] = kept


def who() -> None:
    """Say in the sidebar who acts, where that is not simply the one at this machine."""
    settings = state.settings()
    signed_in = sign_in.asked_for()
    if signed_in or settings.role != "admin":
        st.caption(escaped(f"{settings.actor}: {text.ROLE[settings.role]}"))
    if signed_in:
        st.button("Sign out", on_click=sign_in.leave, icon=":material/logout:")


def action(label: str, permission: Permission, *, form: bool = False, **given: Any) -> bool:
    """Draw the button of something that needs a permission; True where it was pressed.

    Who may not press it sees it, greyed, and who may. What refuses is the core, not this button.
    """
    role = state.settings().role
    draw = st.form_submit_button if form else st.button
    if access.may(role, permission):
        return bool(draw(label, **given))
    draw(label, **{**given, "disabled": True})
    st.caption(access.refusal(role, permission))
    return False


def champions_first(versions: Iterable[ModelVersion]) -> list[ModelVersion]:
    """Return versions with champions before others, PDs before proxies, the newest before older."""
    return sorted(
        versions,
        key=lambda found: (not found.champion, found.name != "default", -int(found.version)),
    )


def describe(version: ModelVersion) -> str:
    """Return 'default 3, LightGBM (champion)'."""
    return _label(version) + (" (champion)" if version.champion else "")


def _label(version: ModelVersion) -> str:
    return f"{version.name} {version.version}, {text.FAMILY[version.family]}"


def banner(version: ModelVersion) -> None:
    """Say what question a score answers; on every page that shows one."""
    if version.circular:
        st.error(text.CIRCULAR_BANNER, icon=":material/block:")
    elif version.name == "disengagement":
        st.warning(text.PROXY_BANNER, icon=":material/info:")
    else:
        st.info(text.OBSERVED_BANNER + _simulated(version), icon=":material/verified:")


def _simulated(version: ModelVersion) -> str:
    if dataset_names().get(version.dataset) != SAMPLE_NAME:
        return ""
    return f" {text.SIMULATED}"


def warnings(sentences: Iterable[str]) -> None:
    """Say what speaks against trusting the scores shown."""
    for sentence in sentences:
        st.warning(escaped(sentence), icon=":material/warning:")


def interval(metrics: dict[str, float], name: str = "auc") -> str:
    """Return 'AUC 0.825 (0.817 to 0.833, n 23,570)'."""
    return (
        f"{metrics[name]:.3f} ({metrics[f'{name}_low']:.3f} to {metrics[f'{name}_high']:.3f}, "
        f"n {metrics['n']:,.0f})"
    )


def escaped(data: str) -> str:
    """Return text that markdown shows as it is: no link, no picture, no formula.

    >>> escaped("![x](http://a)")
    '\\\\!\\\\[x\\\\]\\\\(http\\\\:\\\\/\\\\/a\\\\)'
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", data)


def problem(error: Exception) -> None:
    """Show an error's sentence, which may quote a file's own words."""
    st.error(escaped(str(error)), icon=":material/error:")


def headline(version: ModelVersion) -> tuple[str, dict[str, float]]:
    """Return the sample nearest to use (out of time, else cross-validated) and its metrics."""
    sample = "out_of_time" if "out_of_time" in version.metrics else "cross_validation"
    return text.SAMPLE[sample], version.metrics[sample]


def scored_or_stop(dataset: Dataset, version: ModelVersion) -> ScoredSnapshots:
    """Return the dataset's scores, or say why this model cannot score it and stop the page."""
    with offering_another(dataset):
        return state.scored(dataset, version)


@contextmanager
def offering_another(dataset: Dataset) -> Iterator[None]:
    """Say what is wrong, offer a model that can score these data, and stop the page."""
    try:
        yield
    except CandorError as error:
        problem(error)
        _offer_another(dataset)
        st.stop()


def can_score(dataset: Dataset, version: ModelVersion) -> bool:
    """Say so where a model cannot score these data, and offer one that can."""
    if fits(dataset, state.bundle(version)):
        return True
    st.warning(text.CANNOT_SCORE.format(model=describe(version)), icon=":material/error:")
    _offer_another(dataset)
    return False


def _offer_another(dataset: Dataset) -> None:
    """Offer the first model that can score this data, champions before others."""
    for other in champions_first(state.versions()):
        if not other.circular and fits(dataset, state.bundle(other)):
            st.button(
                f"Score with {describe(other)}",
                type="primary",
                on_click=state.choose_model,
                args=(other.reference,),
            )
            st.caption(f"It reads nothing that this data lacks. {text.QUESTION[other.name]}.")
            return
    st.caption("No model here reads only what this data has: train one on it.")
    st.page_link("../pages/train.py", label="Go to Train", icon=":material/arrow_forward:")


def tabs(key: str, drawn: Mapping[str, Callable[[], None]]) -> None:
    """Draw what the open tab shows; the others wait until they are opened.

    Everything at once would take the browser seconds where the tabs hold figures.
    """
    for tab, draw in zip(
        st.tabs(list(drawn), key=key, on_change="rerun"), drawn.values(), strict=True
    ):
        if tab.open:
            with tab:
                draw()


def figure(made: Any, finding: str) -> None:
    """Draw a Plotly figure without its toolbar; ``finding`` is what a screen reader says."""
    headed(made)
    st.plotly_chart(made, config={"displayModeBar": False}, alt=finding)


def headed(made: Any) -> None:
    """Write a figure's title above it."""
    from app.charts.base import take_title  # not every page needs Plotly, which takes long to load

    if title := take_title(made):
        st.markdown(f"**{escaped(title)}**")


def ink() -> str:
    """Return the theme's text colour, for figures whose words must not be grey."""
    return "#E6EBF0" if st.context.theme.type == "dark" else "#0E1822"


def dataset_names() -> dict[str, str]:
    """Return the stored datasets' names by fingerprint; where two share one, it is added."""
    stored = state.datasets()
    often = Counter(dataset.name for dataset in stored)
    return {
        found.fingerprint: found.name
        if often[found.name] == 1
        else f"{found.name} ({found.fingerprint[:6]})"
        for found in stored
    }
