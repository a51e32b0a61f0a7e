"""What can go wrong with a learner's file, in a real kernel: a message that says what to do, soon, and the kernel lives."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from autograder import registry
from autograder.refresh import stand_in
from autograder.sources import stub

SOON_S = 6
START_S = 120  # a first import of torch on a busy machine
HEAD = "import torch\n\n\n"
STUB = stub((registry.ROOT / "solutions" / "floats.py").read_text(encoding="utf-8"))
SYNTAX = HEAD + "def ulp(x):\n    return (x\n"
LOOP = HEAD + "def ulp(x):\n    while True:\n        pass\n"
# A loop that the source does not show as one.
ENDLESS = HEAD + "def ulp(x):\n    return max(map(bool, iter(int, 1)))\n"
HUGE = HEAD + "def ulp(x):\n    return x + torch.zeros(2_700_000_000).sum()\n"
NAME = HEAD + "def ulp(x):\n    return torch.nextafterr(x, x) + xx\n"
UNKNOWN = HEAD + "def ulp(x):\n    return torch.nextafter(x, y) - x\n"
RENAMED = HEAD + "def upl(x):\n    return x\n"


@dataclass
class Kernel:
    """A notebook's kernel over a folder of exercises."""

    manager: KernelManager
    client: object
    exercises: Path

    def run(self, code: str, limit_s: float = START_S) -> str:
        """Run a cell and return what it shows as text, errors included."""
        shown: list[str] = []

        def take(message) -> None:
            content = message["content"]
            shown.append(content.get("text") or content.get("data", {}).get("text/plain") or content.get("evalue", ""))

        self.client.execute_interactive(code, timeout=limit_s, output_hook=take)
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
        made.run("%reload_ext autograder\nfrom autograder import check, hint")
        assert made.run('check("ulp")').startswith("ulp: passed")
        yield made
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def check(kernel: Kernel, source: str | None) -> tuple[str, float]:
    """Put a source into the file (None deletes it), check it, and return the report and the seconds it took."""
    path = kernel.exercises / "floats.py"
    path.unlink() if source is None else path.write_text(source)
    kernel.run("marker = 1")
    start = time.monotonic()
    report = kernel.run('check("ulp")')
    seconds = time.monotonic() - start
    assert kernel.run("print(marker + 1)") == "2\n"  # the same kernel, with all its names
    assert kernel.manager.is_alive()
    if source is None:
        path.write_text(STUB)
    return report, seconds


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (SYNTAX, ()), (LOOP, ()), (ENDLESS, ()), (HUGE, ()), (NAME, ()), (UNKNOWN, ()), (RENAMED, ()), (None, ()), (STUB, ()), 
    ],
)
def test_show(kernel, source, words):
    print("=====", source)
    print(*check(kernel, source), sep="\n-- ")
