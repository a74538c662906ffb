"""Compile the loops over large files ahead, so that none has to wait for that."""

from __future__ import annotations

from importlib import import_module

WITH_LOOPS = (
    "credit_core.data.cell_kernels",
    "credit_core.data.line_kernels",
    "credit_core.data.distinct",
    "credit_core.data.numbering",
    "credit_core.features.kernels",
    "credit_core.modelling.tree_kernels",
)
"""Modules whose loops are compiled as they are imported, and kept on disk."""


def main() -> None:
    for name in WITH_LOOPS:
        import_module(name)


if __name__ == "__main__":
    main()
