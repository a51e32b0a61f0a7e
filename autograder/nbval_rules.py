"""A pytest plugin for nbval (`-p autograder.nbval_rules`): what holds for the course's notebooks."""

import functools
import importlib.util

import pytest

GPU = "gpu"  # the tag of a cell that needs CUDA
TRITON = "triton"  # the tag of one that needs Triton
UNCOMPARED = "text/html"  # a report's HTML holds measured figures; the notebooks store its text only
BUSY = r"\n +inconclusive: [^\n]*"  # what a report says on a machine too busy to time: no other verdict


@functools.cache
def has_cuda() -> bool:
    """Return whether torch sees a GPU."""
    import torch

    return torch.cuda.is_available()


@functools.cache
def has_triton() -> bool:
    """Return whether Triton is installed."""
    return importlib.util.find_spec("triton") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the cells that need what this machine lacks, and compare texts only."""
    for item in items:
        cell = getattr(item, "cell", None)
        if cell is None:
            continue
        book = item.parent
        if UNCOMPARED not in book.skip_compare:  # type: ignore[union-attr]
            book.skip_compare = (*book.skip_compare, UNCOMPARED)  # type: ignore[union-attr]
            book.sanitize_patterns[BUSY] = ""  # type: ignore[union-attr]
        tags = cell.metadata.get("tags", ())
        if GPU in tags and not has_cuda():
            item.add_marker(pytest.mark.skip(reason="there is no CUDA here"))
        if TRITON in tags and not has_triton():
            item.add_marker(pytest.mark.skip(reason="triton is not installed"))
