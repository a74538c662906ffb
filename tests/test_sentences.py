"""What the core says is read on screens, in the API and on the command line alike."""

from __future__ import annotations

import ast

from credit_core.settings import PROJECT_ROOT

CORE = sorted((PROJECT_ROOT / "credit_core").rglob("*.py"))


def spoken(tree: ast.Module) -> list[str]:
    """Return every text of a module that is no docstring."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


def test_no_sentence_names_an_option_of_the_command_line() -> None:
    paths = [path for path in CORE if path.stem != "mapping"]
    assert len(paths) > 40
    found = {
        f"{path.name}: {sentence}"
        for path in paths
        for sentence in spoken(ast.parse(path.read_text(encoding="utf-8")))
        if " --" in sentence or "(--" in sentence or "candor " in sentence
    }
    assert found == set()
