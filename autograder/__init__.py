"""The autograder of the course: `from autograder import check, hint, predict, verdict, break_it`.

These names are imported on first use: the processes that run learners' code import this package too, and must hold
neither a reference nor a verdict.
"""

from typing import Any

__all__ = ["break_it", "check", "hint", "load_ipython_extension", "predict", "verdict"]


def __getattr__(name: str) -> Any:
    """Import what a notebook uses, on first use."""
    if name in __all__:
        from autograder import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module 'autograder' has no attribute {name!r}")
