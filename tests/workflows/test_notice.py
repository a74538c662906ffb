"""The letter says the decision, the true reasons and the kind of risk, on paper and on screen."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from pypdf import PdfReader

from credit_core import workflows
from credit_core.decisions.reasons import Reason
from credit_core.labels.wording import claims
from credit_core.workflows.notice import notice


def explained(store, question: str, decision: str):
    frame = workflows.score_dataset(store.dataset, store.settings, model=question).frame
    customer = str(frame.loc[frame["decision"] == decision, "customer_id"].iloc[0])
    return workflows.explain(store.dataset, store.settings, customer, model=question)


def flat(words: str) -> str:
    return re.sub(r"\s+", " ", words)


def of_pdf(data: bytes) -> tuple[str, int]:
    reader = PdfReader(io.BytesIO(data))
    return flat(" ".join(page.extract_text() for page in reader.pages)), len(reader.pages)


@pytest.mark.parametrize("question", ["default", "disengagement"])
def test_the_letter_gives_the_principal_reasons_on_one_page(store, question: str) -> None:
    found = explained(store, question, "decline")
    letter = notice(found, "decline", store.dataset, store.settings)
    words, pages = of_pdf(letter.pdf())
    assert pages == 1
    assert "Your application was declined" in words
    assert found.reasons
    for reason in found.reasons:
        assert flat(reason.sentence) in words
        assert reason.sentence.split("'")[0] in letter.html()
    assert f"{found.score:.0f} points" in words
    assert "ask that a person look at this decision" in words
    if question == "disengagement":
        assert claims(words) == []
        assert "no estimate of whether you would repay" in words
    else:
        assert f"{found.risk:.1%}" in words
        assert "95% interval" in words
    assert "protected" not in words
    assert letter.pdf() == letter.pdf(), "the same letter, the same bytes"


def test_an_approval_names_no_reasons_against(store) -> None:
    found = explained(store, "default", "approve")
    letter = notice(found, "approve", store.dataset, store.settings)
    assert "principal reasons" not in letter.html()
    assert "approved" in letter.title


def test_no_words_of_the_data_become_markup(store) -> None:
    hostile = '#panic("x") <script>alert(1)</script> *b* $x$'
    found = explained(store, "default", "decline")
    found = replace(
        found,
        customer_id=hostile,
        reasons=(Reason("x", hostile, -9.0, hostile, hostile, 9.0, "high"),),
    )
    letter = notice(found, "decline", store.dataset, store.settings)
    assert "<script>" not in letter.html()
    words, _ = of_pdf(letter.pdf())
    straight = words.replace("”", '"').replace("“", '"')
    assert '#panic("x") <script>alert(1)</script> *b* $x$' in straight
