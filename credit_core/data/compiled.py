"""Loops compiled by Numba when their module is first imported, and kept on disk afterwards."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

Loop = TypeVar("Loop", bound=Callable[..., Any])
Text = NDArray[np.uint8]
"""Bytes that a function reads by their `address`."""


def _folder() -> Path | None:
    """Return the folder in which compiled loops are kept; None where there is none.

    Numba compiles a loop anew when the file that it stands in changes. Parts of loops, and numbers
    that are compiled into them, stand in other files: when one of these changes, the folder is
    another one.
    """
    here = Path(__file__)
    shared = b"".join(here.with_name(name).read_bytes() for name in _SHARED)
    name = f"loops-{hashlib.sha256(shared).hexdigest()[:16]}"
    chosen = numba.config.CACHE_DIR
    own = [here.with_name("__pycache__"), Path.home() / ".cache" / "candor"]
    for parent in [Path(chosen)] if chosen else own:
        try:
            (parent / name).mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=parent / name).close()
        except OSError:
            continue
        return parent / name
    return None


_SHARED = ("compiled.py", "cell_kernels.py", "contract.py")
_FOLDER = _folder()


@contextmanager
def _kept() -> Iterator[None]:
    """Let Numba keep what it compiles in the folder for it."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_FOLDER or before)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def compiled(*arguments: Any, returns: Any = types.void) -> Callable[[Loop], Loop]:
    """Return a decorator that compiles a function for arguments of these Numba types.

    It runs without holding the interpreter's lock. Where nothing can be kept on disk it is compiled
    anew by each process.
    """

    def decorated(function: Loop) -> Loop:
        with _kept():
            signature = returns(*arguments)
            return numba.njit(signature, nogil=True, cache=_FOLDER is not None)(function)

    return decorated


def given(kind: Any, dimensions: int = 1) -> Any:
    """Return the type of an array that is only read."""
    return types.Array(kind, dimensions, "C", readonly=True)


def filled(kind: Any, dimensions: int = 1) -> Any:
    """Return the type of an array that is written to."""
    return types.Array(kind, dimensions, "C")


def pointer(kind: Any) -> Any:
    """Return the type of an `address`."""
    return types.CPointer(kind)


def inlined(function: Callable[..., Any]) -> Any:
    """Make a function that says how to generate code out of one that loops may call."""
    return intrinsic(function)


@inlined
def address(typing_context: Any, array: Any) -> Any:
    """Return where an array's numbers stand, from which on they are read by their place.

    Functions are handed this and not arrays: that somebody holds an array is counted at every call,
    which costs more than a cell, and its indices are asked whether they are below 0.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), generate


@inlined
def eight_bytes(typing_context: Any, text: Any, position: Any) -> Any:
    """Return the eight bytes from a position on, all of which are there, as one number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        begin = builder.gep(arguments[0], [arguments[1]])
        return builder.load(builder.bitcast(begin, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(text, types.int64), generate


@inlined
def put_eight_bytes(typing_context: Any, text: Any, position: Any, word: Any) -> Any:
    """Write eight bytes from a position on, where there is room for all of them."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        begin = builder.gep(arguments[0], [arguments[1]])
        builder.store(arguments[2], builder.bitcast(begin, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(text, types.int64, types.uint64), generate


@inlined
def fetch(typing_context: Any, numbers: Any, place: Any) -> Any:
    """Let a core's cache fetch the line that a number stands in, to be written to soon."""
    to_write, near, data = (ir.Constant(ir.IntType(32), hint) for hint in (1, 3, 1))
    byte = ir.IntType(8).as_pointer()

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        line = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte] + [to_write.type] * 3)
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        builder.call(function, [line, to_write, near, data])
        return context.get_dummy_value()

    return types.void(numbers, types.int64), generate


@inlined
def marks(typing_context: Any, text: Any, position: Any, one: Any, other: Any) -> Any:
    """Look at 64 bytes at once: bit i is set where byte ``position + i`` is one of two values.

    All of the bytes must be there.
    """
    wide = ir.VectorType(ir.IntType(8), 64)
    nothing = ir.Constant(wide, ir.Undefined)
    first = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        begin = builder.gep(arguments[0], [arguments[1]])
        block = builder.load(builder.bitcast(begin, wide.as_pointer()), align=1)
        hits = []
        for value in arguments[2:]:
            only = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
            everywhere = builder.shuffle_vector(only, nothing, first)
            hits.append(builder.icmp_unsigned("==", block, everywhere))
        return builder.bitcast(builder.or_(*hits), ir.IntType(64))

    return types.uint64(text, types.int64, types.uint8, types.uint8), generate


@inlined
def first_bit(typing_context: Any, word: Any) -> Any:
    """Return the place of the lowest bit that is set in a 64-bit number, of which one is."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@inlined
def count_bits(typing_context: Any, word: Any) -> Any:
    """Return how many bits of a 64-bit number are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate
