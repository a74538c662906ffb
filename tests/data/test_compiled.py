"""Compiled loops are kept until a part of them changes, and work where they cannot be kept."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import credit_core
from app.loops import WITH_LOOPS
from credit_core.data import compiled

_PARTS = """
from numba import types
from rooms.compiled import compiled

@compiled(types.int64, returns=types.int64)
def part(number):
    return {factor} * number
"""
_NOT_IN_LOOPS = {"credit_core.data.numbering": {"credit_core.data.ledger"}}
"""What these modules take from elsewhere for what stands beside their loops."""
_LOOP = """
from numba import types
from rooms.cell_kernels import part
from rooms.compiled import compiled

@compiled(types.int64, returns=types.int64)
def loop(number):
    return part(number) + 1

print(loop(4), sum(loop.stats.cache_hits.values()))
"""


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    """A package with one loop, whose part stands in another file."""
    folder = tmp_path / "rooms"
    folder.mkdir()
    shutil.copy(compiled.__file__, folder / "compiled.py")
    for name in ("__init__.py", *compiled._SHARED[1:]):
        (folder / name).touch()
    (folder / "cell_kernels.py").write_text(_PARTS.format(factor=2))
    (folder / "loop.py").write_text(_LOOP)
    return folder


def run(rooms: Path, **environment: str) -> list[str]:
    """Return what the loop says in a process of its own, and how often it was found kept."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "rooms.loop"],
        cwd=rooms.parent,
        env={"PATH": "", "HOME": str(rooms), **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()


def test_a_loop_is_kept_until_a_part_of_it_in_another_file_changes(rooms: Path) -> None:
    assert run(rooms) == ["9", "0"]
    assert run(rooms) == ["9", "1"]
    (rooms / "cell_kernels.py").write_text(_PARTS.format(factor=3))
    assert run(rooms) == ["13", "0"]


def test_loops_are_kept_where_they_are_told_to(rooms: Path, tmp_path: Path) -> None:
    run(rooms, NUMBA_CACHE_DIR=str(tmp_path / "kept"))
    assert list((tmp_path / "kept").rglob("*.nbi"))
    assert not list(rooms.rglob("*.nbi"))


def test_loops_are_compiled_anew_where_there_is_no_folder_for_them(rooms: Path) -> None:
    nowhere = rooms / "file"
    nowhere.touch()
    for _ in range(2):
        assert run(rooms, NUMBA_CACHE_DIR=str(nowhere)) == ["9", "0"]


def test_loops_share_parts_of_these_files_alone() -> None:
    """What Numba would not notice is watched: parts of loops in files other than their own."""
    kernels = {}
    for path in Path(credit_core.__file__).parent.rglob("*.py"):
        text = path.read_text()
        if "@compiled(" in text:
            module = ".".join(path.relative_to(Path(credit_core.__file__).parents[1]).parts)
            kernels[module.removesuffix(".py")] = ast.parse(text)
    watched = {f"credit_core.data.{Path(name).stem}" for name in compiled._SHARED}
    for module, tree in kernels.items():
        used = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        ours = {name for name in used if name and name.startswith("credit_core")}
        assert ours <= watched | _NOT_IN_LOOPS.get(module, set()), module
    assert kernels.keys() == set(WITH_LOOPS), "all are compiled ahead"
