"""A JupyterLab for all browser tests; without a browser they are skipped, or fail where one is required."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.tests.browser.lab import Lab, serve
from autograder.tests.browser.page import chromium

AT_ONCE = 2  # notebooks


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """Return a running JupyterLab over a copy of the course."""
    missing = "Chromium is not installed" if chromium() is None else ""
    if importlib.util.find_spec("playwright") is None:
        missing = "Playwright is not installed: pip install -r requirements.txt"
    if missing and os.environ.get("STABLE_LOGPROBS_BROWSER") == "require":
        pytest.fail(f"{missing}, and STABLE_LOGPROBS_BROWSER=require demands the browser tests")
    if missing:
        pytest.skip(missing)
    with serve(tmp_path_factory.mktemp("lab"), AT_ONCE) as running:
        yield running


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """Return the folder for screenshots: the one that STABLE_LOGPROBS_SCREENSHOTS names, or a temporary one."""
    named = os.environ.get("STABLE_LOGPROBS_SCREENSHOTS")
    return Path(named) if named else tmp_path_factory.mktemp("screenshots")
