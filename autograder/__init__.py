"""The autograder of the course: `from autograder import check, hint, predict, verdict, break_it`.

These names are imported on first use: the processes that run learners' code import this package too, and must hold
neither a reference nor a verdict.
"""

import importlib
from typing import Any

# Where each name that a notebook uses is defined; a module of that name would take the place of the function.
HOMES = {
    "atlas": "error_atlas",
    "break_it": "notebook",
    "calibration": "predictions",
    "card": "performance_card",
    "check": "notebook",
    "hint": "notebook",
    "load_ipython_extension": "notebook",
    "predict": "predictions",
    "save": "saving",
    "solution": "notebook",
    "verdict": "predictions",
}
__all__ = list(HOMES)


def __getattr__(name: str) -> Any:
    """Import what a notebook uses, on first use."""
    if name in HOMES:
        return getattr(importlib.import_module(f"autograder.{HOMES[name]}"), name)
    raise AttributeError(f"module 'autograder' has no attribute {name!r}")
