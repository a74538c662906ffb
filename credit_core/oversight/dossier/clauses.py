"""Which clause of which rule asks for which evidence, and where a dossier has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).with_name("clauses.yaml")


@dataclass(frozen=True)
class Answer:
    """A clause and what is on record about it.

    ``found`` are the sections that hold evidence, ``missing`` the evidence that none does.
    """

    framework: str
    clause: str
    asks: str
    found: tuple[str, ...]
    missing: tuple[str, ...]


def load_clauses() -> dict[str, Any]:
    """Return the map: ``frameworks`` with their clauses, and the evidence ``kept_elsewhere``."""
    found: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return found


def answers(found: Mapping[str, str]) -> list[Answer]:
    """Return an answer for every clause; ``found`` is the section of each evidence on record."""
    content = load_clauses()
    made = []
    for framework in content["frameworks"]:
        for clause in framework["clauses"]:
            sections = {found[name] for name in clause["evidence"] if name in found}
            made.append(
                Answer(
                    framework["framework"],
                    clause["clause"],
                    clause["asks"],
                    tuple(sorted(sections, key=lambda title: int(title.split()[0]))),
                    tuple(
                        _words(name, name in content["kept_elsewhere"])
                        for name in clause["evidence"]
                        if name not in found
                    ),
                )
            )
    return made


def _words(name: str, elsewhere: bool) -> str:
    return name.replace("_", " ") + (" (not kept by this software)" if elsewhere else "")
