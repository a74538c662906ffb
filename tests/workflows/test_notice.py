"""The letter says the decision, the true reasons and the kind of risk, on paper and on screen."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from pypdf import PdfReader

from app.text import OVERRIDE_REASONS
from credit_core import workflows
from credit_core.decisions.notice import TOLD_OVERRIDES
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
    letter = notice(found, "decline", store.settings)
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
    letter = notice(found, "approve", store.settings)
    assert "principal reasons" not in letter.html()
    assert "approved" in letter.title


@pytest.mark.parametrize("reason", ["documents", "other"])
@pytest.mark.parametrize("decision", ["approve", "refer", "decline"])
@pytest.mark.parametrize("recommended", ["approve", "decline"])
def test_an_override_is_said_and_its_reason(store, recommended: str, decision: str, reason) -> None:
    found = explained(store, "default", recommended)
    if decision == recommended:
        assert "decided otherwise" not in notice(found, decision, store.settings, reason).html()
        return
    words = notice(found, decision, store.settings, reason).html()
    alone = {"approve": "it would have been approved", "decline": "it would have been declined"}
    assert f"for scores alone {alone[recommended]}" in words
    assert "principal reasons" not in words, "a person's reason decided"
    assert ("documents were seen" in words) == (reason == "documents")
    assert ("ask us for it" in words) == (reason == "other")
    # What lowered the score is told where the score counted against the applicant.
    lowered = decision == "refer" and recommended == "decline"
    assert ("What lowered your score" in words) == lowered


def test_every_reason_code_has_words_for_the_applicant() -> None:
    assert set(OVERRIDE_REASONS) == {*TOLD_OVERRIDES, "other"}


def test_a_thin_file_is_told_the_true_reason_alone(store) -> None:
    frame = workflows.score_dataset(store.dataset, store.settings, model="default").frame
    thin = frame[frame["reason_1"].str.startswith("Too few transactions")]
    customer = str(thin["customer_id"].iloc[0])
    found = workflows.explain(store.dataset, store.settings, customer, model="default")
    assert found.thin_file
    assert thin["reason_1"].iloc[0] == found.too_few == found.facts()["warnings"][0].rstrip(".")
    letter = notice(found, "refer", store.settings)
    (why,) = (one for one in letter.sections if "reason" in one.heading)
    assert (why.paragraphs, why.items) == ((f"{found.too_few}.",), ())
    declined = notice(found, "decline", store.settings, "affordability").html()
    assert "judged by more than the score" in declined
    assert found.too_few not in declined, "a person's reason decided"


def test_the_letter_does_not_name_the_banks_files(store) -> None:
    found = explained(store, "default", "decline")
    assert store.dataset.name not in notice(found, "decline", store.settings).html()


def test_no_words_of_the_data_become_markup(store) -> None:
    hostile = '#panic("x") <script>alert(1)</script> *b* $x$'
    found = explained(store, "default", "decline")
    found = replace(
        found,
        customer_id=hostile,
        reasons=(Reason("x", hostile, -9.0, hostile, hostile, 9.0, "high"),),
    )
    letter = notice(found, "decline", store.settings)
    assert "<script>" not in letter.html()
    words, _ = of_pdf(letter.pdf())
    straight = words.replace("”", '"').replace("“", '"')
    assert '#panic("x") <script>alert(1)</script> *b* $x$' in straight
