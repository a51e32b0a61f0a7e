"""Slips in a learner's file, in a real kernel: a message that says what to do, soon, and the kernel lives."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from autograder import registry
from autograder.refresh import stand_in
from autograder.sources import stub

SOON_S = 6
START_S = 120  # a first import of torch on a busy machine
HEAD = "import torch\n\n\n"
# What the file holds as long as an editor's changes are not saved.
STUB = stub((registry.ROOT / "solutions" / "floats.py").read_text(encoding="utf-8"))
SYNTAX = HEAD + "def ulp(x):\n    return (x\n"
LOOP = HEAD + "def ulp(x):\n    while True:\n        pass\n"
# A loop that the source does not show as one.
ENDLESS = HEAD + "def ulp(x):\n    return max(map(bool, iter(int, 1)))\n"
HUGE = HEAD + "def ulp(x):\n    return x + torch.zeros(2_700_000_000).sum()\n"
ATTRIBUTE = HEAD + "def ulp(x):\n    return torch.nextafterr(x, x)\n"
UNKNOWN = HEAD + "def ulp(x):\n    return torch.nextafter(x, y) - x\n"
RENAMED = HEAD + "def upl(x):\n    return x\n"


@dataclass
class Kernel:
    """A notebook's kernel over a folder of exercises."""

    manager: KernelManager
    client: Any
    exercises: Path

    def run(self, code: str) -> str:
        """Run a cell and return what it shows as text, errors included."""
        shown: list[str] = []

        def take(message) -> None:
            content = message["content"]
            shown.append(content.get("text") or content.get("data", {}).get("text/plain") or content.get("evalue", ""))

        self.client.execute_interactive(code, timeout=START_S, output_hook=take)
        return "".join(shown)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("kernel")
    path = (stand_in(registry.ROOT / "solutions", folder), registry.ROOT)
    changed = {"PYTHONPATH": os.pathsep.join(map(str, path)), "STABLE_LOGPROBS_STATE": str(folder / "state")}
    changed |= {"IPYTHONDIR": str(folder / "ipython")}
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(registry.ROOT / "notebooks"), env=os.environ | changed)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=START_S)
        made = Kernel(manager, client, folder / "exercises")
        made.run("%reload_ext autograder\nfrom autograder import check")
        shown = made.run('check("ulp")')
        assert shown.startswith("ulp: passed"), shown
        yield made
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def check(kernel: Kernel, source: str | None) -> tuple[str, float]:
    """Put a source into the file (None deletes it), check it, and return the report and the seconds it took."""
    path = kernel.exercises / "floats.py"
    path.unlink(missing_ok=True) if source is None else path.write_text(source)
    kernel.run("marker = 1")
    start = time.monotonic()
    report = kernel.run('check("ulp")')
    seconds = time.monotonic() - start
    assert kernel.run("print(marker + 1)") == "2\n"  # the same kernel, with all its names
    assert kernel.manager.is_alive()
    return report, seconds


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (SYNTAX, "floats.py line 5: SyntaxError: '(' was never closed: `return (x`"),
        (HUGE, "a worker has 1 GiB for itself; no case needs more than a few times its input"),
        (ATTRIBUTE, "floats.py line 5: AttributeError: module 'torch' has no attribute 'nextafterr'"),
        (UNKNOWN, "Nothing defines `y` there"),
        (RENAMED, "floats.py defines no ulp; it has upl: is that a slip?"),
        (None, "there is no file floats.py: "),
        (STUB, "ulp still raises NotImplementedError: write it, save the file, then check again"),
    ],
    ids=["syntax", "10 GB", "attribute", "name", "renamed", "deleted", "unsaved"],
)
def test_a_slip_is_a_message_and_the_kernel_lives(kernel, source, words):
    report, seconds = check(kernel, source)
    assert words in report
    assert seconds < SOON_S


@pytest.mark.parametrize(
    ("source", "words"), [(LOOP, "a `while` loop"), (ENDLESS, "`map` is a loop")], ids=["seen", "hidden"]
)
def test_an_endless_loop_is_a_message_and_the_kernel_lives(kernel, source, words):
    report, seconds = check(kernel, source)
    assert f"floats.py line 5: {words}" in report
    assert "no answer within" in report
    assert "The call does not end" in report
    assert seconds < SOON_S  # one meta run and one case wait for their limits, of 2 s each
