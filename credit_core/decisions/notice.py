"""The letter that tells an applicant the decision, the principal reasons and what they may do.

One structure gives the PDF and the HTML, so both say the same. It explains; it does not claim to
meet any law.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

_TITLES = {
    "approve": "Your application was approved",
    "refer": "A person will look at your application",
    "decline": "Your application was declined",
}
_BY_SCORE = {
    "approve": "it would have been approved",
    "refer": "a person would have looked at it first",
    "decline": "it would have been declined",
}
TOLD_OVERRIDES = {
    "documents": "documents were seen that the data does not show.",
    "data_error": "the data that the score was computed from is wrong or incomplete.",
    "policy_exception": "an exception that our policy provides for applies to your case.",
    "known_customer": "what we know from our earlier business with you.",
    "affordability": "whether you can afford the repayments was judged by more than the score.",
}
"""What an applicant is told of an override's reason code."""
_TEMPLATE = """
#let d = json(bytes(sys.inputs.letter))
#set document(title: d.title, author: d.lender, date: none)
#set page(paper: "a4", margin: (x: 25mm, y: 24mm),
  footer: text(8pt, fill: luma(90))[#d.footer])
#set text(font: ("Libertinus Serif", "New Computer Modern"), size: 10.5pt, lang: "en")
#set par(leading: 0.62em, spacing: 0.9em)
#show heading: it => block(above: 1.3em, below: 0.6em, text(11.5pt, weight: "bold", it.body))
#grid(columns: (1fr, auto), text(weight: "bold", d.lender), d.date)
#v(10mm)
#text(17pt, weight: "bold", d.title)
#v(1mm)
#text(9.5pt, fill: luma(70))[#d.reference]
#for section in d.sections [
  #heading(level: 1, section.heading)
  #for paragraph in section.paragraphs [#par[#paragraph]]
  #if section.items.len() > 0 [#enum(..section.items.map(item => [#item]))]
]
"""


@dataclass(frozen=True)
class Section:
    """A heading, its paragraphs, and a numbered list below them."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Notice:
    """A letter about one decision."""

    lender: str
    date: str
    title: str
    reference: str
    sections: tuple[Section, ...]
    footer: str

    def pdf(self) -> bytes:
        """Typeset the letter; the same letter gives the same bytes."""
        import typst

        # The words go in as data, so none of them can be read as markup.
        inputs = {"letter": json.dumps(asdict(self), ensure_ascii=False)}
        made = typst.compile(_TEMPLATE.encode("utf-8"), sys_inputs=inputs, format="pdf")
        assert isinstance(made, bytes)  # noqa: S101 - without an output path it returns bytes
        return made

    def html(self) -> str:
        """Return the letter as one page of HTML that needs nothing else."""
        body = [
            f"<header><b>{_text(self.lender)}</b><span>{_text(self.date)}</span></header>",
            f"<h1>{_text(self.title)}</h1><p class=small>{_text(self.reference)}</p>",
        ]
        for section in self.sections:
            body.append(f"<h2>{_text(section.heading)}</h2>")
            body += [f"<p>{_text(paragraph)}</p>" for paragraph in section.paragraphs]
            if section.items:
                items = "".join(f"<li>{_text(item)}</li>" for item in section.items)
                body.append(f"<ol>{items}</ol>")
        body.append(f"<footer>{_text(self.footer)}</footer>")
        return _PAGE.format(title=_text(self.title), body="\n".join(body))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 16px/1.5 Georgia, serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem;
  color: #1b2733; background: #fff; }}
header {{ display: flex; justify-content: space-between; }}
h1 {{ font-size: 1.6rem; margin: 2rem 0 0.2rem; }}
h2 {{ font-size: 1.05rem; margin: 1.6rem 0 0.3rem; }}
.small, footer {{ color: #5a6570; font-size: 0.85rem; }}
footer {{ margin-top: 2.5rem; border-top: 1px solid #d5dbe1; padding-top: 0.6rem; }}
</style></head>
<body>
{body}
</body></html>
"""


def _text(words: str) -> str:
    return html.escape(words)


@dataclass(frozen=True)
class Told:
    """What a letter is made of.

    ``recommended`` is what the score's policy says; where a person decided otherwise,
    ``reason_code`` says why. ``is_pd`` says that the score stands for a probability observed in
    recorded outcomes; ``band`` is (its scores in words, n, bads, low, high) of the score's band in
    development, None where nothing was seen in it. ``too_few`` says that there were too few
    transactions to decide by, "" where there were enough.
    """

    decision: str
    recommended: str
    reason_code: str
    customer_id: str
    as_of: date | None
    score: float
    approve_from: float
    risk: float
    is_pd: bool
    band: tuple[str, int, int, float, float] | None
    reasons: Sequence[str]
    too_few: str
    data: Sequence[str]
    model: str


def write_notice(told: Told, lender: str, contact: str, today: date) -> Notice:
    """Return the letter about a decision, in plain English."""
    dated = f", as of {told.as_of:%d %B %Y}" if told.as_of else ""
    sections = [Section("The decision", tuple(_decision(told)))]
    overridden = told.decision != told.recommended
    if "approve" not in (told.decision, told.recommended) and not (told.too_few and overridden):
        sections.append(_reasons(told))
    sections += [
        Section("Your score", tuple(_score(told))),
        Section("What was looked at", tuple(told.data)),
        Section(
            "If you disagree",
            (
                "You may ask that a person look at this decision again, have wrong or missing data "
                "put right, or ask what is stored about you and how the score was worked out. "
                f"Write to {contact} and name the reference above.",
            ),
        ),
    ]
    return Notice(
        lender=lender,
        date=f"{today:%d %B %Y}",
        title=_TITLES[told.decision],
        reference=f"Reference: customer {told.customer_id}{dated}",
        sections=tuple(sections),
        footer=f"Score by model {told.model}. This letter explains a decision; it is not advice.",
    )


def _decision(told: Told) -> list[str]:
    said = {
        "approve": "We have approved your application.",
        "refer": "Your application was not decided by its score; a person will look at it.",
        "decline": "We cannot approve your application at this time.",
    }[told.decision]
    if told.decision == told.recommended:
        return [said]
    why = TOLD_OVERRIDES.get(told.reason_code, "ask us for it, at the address below.")
    return [
        said,
        f"By the rules for scores alone {_BY_SCORE[told.recommended]}; a member of our staff "
        f"decided otherwise. The reason: {why}",
    ]


def _reasons(told: Told) -> Section:
    by_score = told.decision == told.recommended
    heading = "The principal reasons" if by_score else "What lowered your score"
    if told.too_few:
        return Section("The principal reason", (f"{told.too_few}.",))
    if not told.reasons:
        return Section(
            heading,
            ("No single factor in the data held the score down; ask us for the reason.",),
        )
    return Section(
        heading,
        (
            "These factors lowered your score most, compared with the average customer whose "
            "application is approved:",
        ),
        tuple(told.reasons),
    )


def _score(told: Told) -> list[str]:
    said = [
        f"Your score is {told.score:.0f} points. Scores are drawn from 300 to 850; higher is "
        f"safer. By the score alone applications are approved from {told.approve_from:.0f} points."
    ]
    if not told.is_pd:
        said.append(
            "This score says how likely a customer is to stop being active (a disengagement "
            "risk). It is no estimate of whether you would repay: it was learnt from nobody's "
            "repayment."
        )
        return said
    words = f"It stands for an estimated chance of {told.risk:.1%} that such a debt goes bad."
    if told.band is not None:
        scores, n, bads, low, high = told.band
        words += (
            f" Among {n:,} past applicants with scores {scores} {bads:,} did ({low:.1%} to "
            f"{high:.1%}, 95% interval)."
        )
    return [*said, words]
