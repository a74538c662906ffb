"""A document as data: sections of paragraphs, tables and figures; typeset as PDF, HTML, Markdown.

Words go into every form as data, so none of them can be read as markup.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_TEMPLATE = """
#let d = json(bytes(sys.inputs.document))
#set document(title: d.title, author: "Candor", date: none)
#set page(paper: "a4", margin: (x: 22mm, top: 22mm, bottom: 20mm), numbering: "1 of 1",
  footer: context grid(columns: (1fr, auto), text(8pt, fill: luma(90))[#d.footer],
    text(8pt, fill: luma(90))[#counter(page).display("1 of 1", both: true)]))
#set text(font: ("Libertinus Serif", "New Computer Modern"), size: 10pt, lang: "en")
#set par(leading: 0.6em, spacing: 0.85em)
#set heading(numbering: "1")
#show heading.where(level: 1): it => block(above: 1.6em, below: 0.7em, sticky: true,
  text(14pt, weight: "bold", it))
#show heading.where(level: 2): it => block(above: 1.2em, below: 0.6em, sticky: true,
  text(10pt, weight: "bold", it))
#let red = rgb("#b3261e")
#let missing(body) = block(fill: rgb("#fdecea"), stroke: (left: 2pt + red), inset: 6pt,
  width: 100%, text(fill: red, weight: "bold")[Missing evidence: #body])
#let cell(value) = if value.at("red", default: false) { text(fill: red, weight: "bold", value.text)
  } else { [#value.text] }
#let block-of(b) = {
  if b.kind == "text" { par[#b.text] }
  else if b.kind == "strong" { block(fill: luma(240), inset: 8pt, width: 100%,
    text(weight: "bold")[#b.text]) }
  else if b.kind == "missing" { missing(b.text) }
  else if b.kind == "heading" { heading(level: 2, numbering: none, outlined: false)[#b.text] }
  else if b.kind == "list" { list(..b.items.map(i => [#i])) }
  else if b.kind == "figure" { figure(image(bytes(b.svg), format: "svg"),
    caption: [#b.text], supplement: none, numbering: none) }
  else if b.kind == "table" {
    set text(8.5pt)
    block(width: 100%, table(
      columns: b.widths.map(w => if w == 0 { auto } else { w * 1fr }),
      align: (x, y) => if b.numeric.at(x) { right + horizon } else { left + horizon },
      stroke: (x, y) => (bottom: if y == 0 { 0.7pt } else { 0.3pt + luma(200) }),
      inset: (x: 4pt, y: 3pt),
      table.header(..b.columns.map(c => strong[#c])),
      ..b.rows.flatten().map(c => cell(c))))
    if b.text != "" { text(8pt, fill: luma(80))[#b.text] }
  }
}
#v(8mm)
#text(22pt, weight: "bold", d.title)
#v(-3mm)
#text(11pt, fill: luma(70), d.subtitle)
#v(2mm)
#for b in d.front { block-of(b) }
#v(4mm)
#outline(title: [Contents], depth: 1)
#pagebreak()
#for s in d.sections [
  = #s.title
  #for b in s.blocks { block-of(b) }
]
"""


@dataclass(frozen=True)
class Cell:
    """A table's cell; ``red`` marks evidence that is missing."""

    text: str
    red: bool = False


@dataclass(frozen=True)
class Block:
    """One piece of a section: kind text, strong, missing, heading, list, table or figure.

    ``widths`` are shares of a table's free width, 0 = as wide as needed; ``numeric`` says which
    columns are set to the right.
    """

    kind: str
    text: str = ""
    items: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    widths: tuple[int, ...] = ()
    numeric: tuple[bool, ...] = ()
    svg: str = ""


@dataclass(frozen=True)
class Section:
    """A titled part of a document."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A title page's words and the sections after it."""

    title: str
    subtitle: str
    front: tuple[Block, ...]
    sections: tuple[Section, ...]
    footer: str = field(default="")

    def pdf(self) -> bytes:
        """Typeset; the same document gives the same bytes."""
        import typst

        inputs = {"document": json.dumps(self, default=vars, ensure_ascii=False)}
        made = typst.compile(_TEMPLATE.encode("utf-8"), sys_inputs=inputs, format="pdf")
        assert isinstance(made, bytes)  # noqa: S101 - without an output path it returns bytes
        return made

    def html(self) -> str:
        """Return one page of HTML that needs nothing else."""
        contents = "".join(
            f'<li><a href="#s{i}">{_text(section.title)}</a></li>'
            for i, section in enumerate(self.sections, 1)
        )
        body = [
            f"<h1>{_text(self.title)}</h1><p class=small>{_text(self.subtitle)}</p>",
            *[_html(block) for block in self.front],
            f"<nav><h2>Contents</h2><ol>{contents}</ol></nav>",
        ]
        for i, section in enumerate(self.sections, 1):
            body.append(f'<h2 id="s{i}">{i} {_text(section.title)}</h2>')
            body += [_html(block) for block in section.blocks]
        body.append(f"<footer>{_text(self.footer)}</footer>")
        return _PAGE.format(title=_text(self.title), body="\n".join(body))

    def markdown(self) -> str:
        """Return Markdown without the figures."""
        lines = [f"# {_escaped(self.title)}", "", _escaped(self.subtitle), ""]
        for block in self.front:
            lines += _markdown(block)
        for section in self.sections:
            lines += [f"## {_escaped(section.title)}", ""]
            for block in section.blocks:
                lines += _markdown(block)
        lines += ["---", _escaped(self.footer)]
        return "\n".join(lines).rstrip() + "\n"


def text(words: str) -> Block:
    """Return a paragraph."""
    return Block("text", words)


def strong(words: str) -> Block:
    """Return a paragraph that stands out."""
    return Block("strong", words)


def missing(words: str) -> Block:
    """Return evidence that is not there, in red."""
    return Block("missing", words)


def heading(words: str) -> Block:
    """Return a heading inside a section."""
    return Block("heading", words)


def bullets(items: Sequence[str]) -> Block:
    """Return a list."""
    return Block("list", items=tuple(items))


def figure(svg: str, words: str) -> Block:
    """Return a drawing with what it says."""
    return Block("figure", words, svg=svg)


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str | Cell]],
    widths: Sequence[int],
    note: str = "",
) -> Block:
    """Return a table; a column whose width is 0 holds numbers and is set to the right."""
    cells = tuple(
        tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row) for row in rows
    )
    numeric = tuple(width == 0 for width in widths)
    return Block(
        "table", note, columns=tuple(columns), rows=cells, widths=tuple(widths), numeric=numeric
    )


def _text(words: str) -> str:
    return html.escape(words)


def _html(block: Block) -> str:
    if block.kind == "list":
        return "<ul>" + "".join(f"<li>{_text(item)}</li>" for item in block.items) + "</ul>"
    if block.kind == "figure":
        data = base64.b64encode(block.svg.encode("utf-8")).decode("ascii")
        return (
            f'<figure><img alt="{_text(block.text)}" src="data:image/svg+xml;base64,{data}">'
            f"<figcaption>{_text(block.text)}</figcaption></figure>"
        )
    if block.kind == "table":
        kinds = ["num" if numeric else "txt" for numeric in block.numeric]
        head = "".join(
            f'<th class="{kind}" scope="col">{_text(name)}</th>'
            for name, kind in zip(block.columns, kinds, strict=True)
        )
        rows = "".join(
            "<tr>"
            + "".join(
                f'<td class="{kind}{" red" if cell.red else ""}">{_text(cell.text)}</td>'
                for cell, kind in zip(row, kinds, strict=True)
            )
            + "</tr>"
            for row in block.rows
        )
        note = f"<p class=small>{_text(block.text)}</p>" if block.text else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{note}"
    if block.kind == "heading":
        return f"<h3>{_text(block.text)}</h3>"
    if block.kind == "missing":
        return f"<p class=missing>Missing evidence: {_text(block.text)}</p>"
    return f"<p{' class=strong' if block.kind == 'strong' else ''}>{_text(block.text)}</p>"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:;
 style-src 'unsafe-inline'">
<style>
body {{ font: 16px/1.5 Georgia, serif; max-width: 52rem; margin: 3rem auto; padding: 0 1rem;
  color: #1b2733; background: #fff; }}
h1 {{ font-size: 1.8rem; margin-bottom: 0.2rem; }}
h2 {{ font-size: 1.2rem; margin: 2rem 0 0.5rem; }}
h3 {{ font-size: 1rem; margin: 1.2rem 0 0.4rem; }}
table {{ border-collapse: collapse; width: 100%; font-size: 0.85rem; }}
th, td {{ border-bottom: 1px solid #d5dbe1; padding: 0.25rem 0.4rem; text-align: left;
  vertical-align: top; }}
.num {{ text-align: right; }}
.small, footer, figcaption {{ color: #5a6570; font-size: 0.85rem; }}
.strong {{ background: #eef1f4; padding: 0.6rem; font-weight: bold; }}
.missing, .red {{ color: #b3261e; font-weight: bold; }}
.missing {{ background: #fdecea; border-left: 3px solid #b3261e; padding: 0.5rem; }}
figure {{ margin: 1rem 0; }} img {{ max-width: 100%; }}
</style></head>
<body>
{body}
</body></html>
"""


def _escaped(words: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|!])", r"\\\1", words)


def _markdown(block: Block) -> list[str]:
    if block.kind == "list":
        return [*[f"- {_escaped(item)}" for item in block.items], ""]
    if block.kind == "figure":
        return []
    if block.kind == "table":
        rows = [[_escaped(cell.text) for cell in row] for row in block.rows]
        head = [_escaped(name) for name in block.columns]
        lines = [head, ["---:" if numeric else "---" for numeric in block.numeric], *rows]
        note = [_escaped(block.text), ""] if block.text else []
        return [*[f"| {' | '.join(line)} |" for line in lines], "", *note]
    if block.kind == "heading":
        return [f"### {_escaped(block.text)}", ""]
    if block.kind == "missing":
        return [f"**Missing evidence:** {_escaped(block.text)}", ""]
    words = _escaped(block.text)
    return [f"**{words}**" if block.kind == "strong" else words, ""]
