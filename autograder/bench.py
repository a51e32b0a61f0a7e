"""Measures the figures that README states: `python -m autograder bench WHAT ...`, where `main` knows what.

Times are printed as ratios measured side by side; the absolute ones beside them are this machine's.
"""

import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from autograder import desk, registry
from autograder.benching import speed
from autograder.classroom.bench import grade, growth
from autograder.exact import log_sums as exact
from autograder.judging import truth
from autograder.sources import SourceError, read_package

SOLUTIONS = registry.ROOT / "solutions"
COLD = 5
ROUNDS = 100
HOGS = (0, 2)  # other processes that never rest
SLOWER, BEYOND = 6, 2  # how many times a slowed answer does its work at least, and how far over its budgets it is


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def check() -> bool:
    """Time a cold and a warm check of logsumexp, the clock's cases included."""
    command = [sys.executable, "-m", "autograder", "check", "logsumexp", "--package", str(SOLUTIONS)]
    pairs = [(_seconds([sys.executable, "-c", "import torch"]), _seconds(command)) for _ in range(COLD)]
    torch_s, cold_s = (min(column) for column in zip(*pairs, strict=True))
    print(
        f"cold check logsumexp: {cold_s:.2f} s, {cold_s / torch_s:.2f} times `import torch` ({torch_s:.2f} s); bar 3.5"
    )
    sources = read_package(SOLUTIONS)
    desk.judge_package(sources, ["logsumexp"], "solutions")
    warm = []
    for _ in range(COLD):
        start = time.perf_counter()
        desk.judge_package(sources, ["logsumexp"], "solutions")
        warm.append(time.perf_counter() - start)
    print(f"warm check logsumexp: median {statistics.median(warm):.2f} s, largest {max(warm):.2f} s; bar 1 s")
    return cold_s <= 3.5 * torch_s and statistics.median(warm) <= 1


def _spin(parent: int) -> None:
    while os.getppid() == parent:  # whoever started it may be killed
        math.sqrt(2.0)


def _loaded(hogs: int, work: Callable[[], None]) -> None:
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=_spin, args=(os.getpid(),), daemon=True) for _ in range(hogs)]
    for other in others:
        other.start()
    try:
        work()
    finally:
        for other in others:
            other.kill()
            other.join()


def _slower(sources: Mapping[str, str], name: str) -> int:
    """Return how many times an answer has to do its work in order to be slow: one that beats torch, many times."""
    budgets = {t.name: t.budget for t in registry.find(name)[1].times}
    (verdict,) = desk.judge_package(sources, [name], "solutions", "public").exercises
    cases = [c for c in verdict.cases if c.family == "time"]
    for case in cases:
        if not case.measured:
            raise SourceError(f"{name}, {case.name}: the model answer was not timed: {case.message or verdict.problem}")
    ratios = {c.name: float(c.measured.split()[0]) for c in cases}
    return max(SLOWER, *(math.ceil(BEYOND * budgets[case] / ratio) for case, ratio in ratios.items()))


def _slowed(text: str, name: str, times: int) -> str:
    """Return the model answers with one function that does its work several times over."""
    again = "    result = _once(*args, **kwargs)\n" * times
    return text.replace(f"def {name}(", "def _once(") + f"\n\ndef {name}(*args, **kwargs):\n{again}    return result\n"


def verdicts(chapters: Sequence[str] = (), rounds: int = ROUNDS) -> bool:
    """Judge the model answers again and again, idle and with both cores loaded; a slowed one must never pass."""
    sources = read_package(SOLUTIONS)
    names = desk.select(chapters)
    timed = [name for name in names if registry.find(name)[1].times]
    slowed = {}
    for name in timed:
        stem, times = registry.find(name)[0], _slower(sources, name)
        slowed[name] = sources | {stem: _slowed(sources[stem], name, times)}
        print(f"{name}: slow where it does its work {times} times", flush=True)
    good = True
    for hogs in HOGS:
        seen: Counter[str] = Counter()
        slow: Counter[str] = Counter()

        def work(seen: Counter[str] = seen, slow: Counter[str] = slow) -> None:
            for seed in range(rounds):
                verdict = desk.judge_package(sources, names, "solutions", "all", seed)
                bad = [f"{e.name} {c.name}" for e in verdict.exercises for c in e.graded if c.status == "failed"]
                seen["full marks" if verdict.passed and not bad else f"not full: {bad}"] += 1
                seen["inconclusive"] += sum(c.status == "inconclusive" for e in verdict.exercises for c in e.cases)
                name = timed[seed % len(timed)]
                late = desk.judge_package(slowed[name], [name], "slowed", "public", seed).exercises[0]
                slow.update(f"{name} {c.status}" for c in late.cases if c.family == "time")

        _loaded(hogs, work)
        print(f"{hogs} other busy processes, {rounds} checks of {len(names)} model answers: {dict(seen)}", flush=True)
        print(f"{hogs} other busy processes, time cases of slowed answers: {dict(slow)}", flush=True)
        good &= seen["full marks"] == rounds and not any("passed" in key for key in slow)
    return good


def _worst(actual: torch.Tensor, exact: torch.Tensor) -> float:
    return float(((actual.double() - exact).abs() / truth.ulp(exact, actual.dtype)).max())


def accuracy() -> bool:
    """Print the largest error of the model logsumexp and of torch, in ulps, family by family."""
    scope: dict[str, object] = {}
    exec(compile((SOLUTIONS / "log_sums.py").read_text(encoding="utf-8"), "log_sums.py", "exec"), scope)
    ours: Callable[..., torch.Tensor] = scope["logsumexp"]  # type: ignore[assignment]
    k = torch.arange(1.0, 81.0)
    thousand = -k[:, None].expand(80, 1001).contiguous()
    thousand[:, 0] = 0
    draw = torch.Generator().manual_seed(0)
    families = {
        "[0, -k], k = 1..80": torch.stack([torch.zeros_like(k), -k], -1),
        "0 beside a thousand -k": thousand,
        "normal rows of 64": torch.randn(4096, 64, generator=draw),
        "normal rows + 1e4": torch.randn(4096, 64, generator=draw) + 1e4,
        "normal rows + 1e6": torch.randn(4096, 64, generator=draw) + 1e6,
    }
    for name, x in families.items():
        right = exact.logsumexp(x)
        mine, theirs = _worst(ours(x), right), _worst(torch.logsumexp(x, -1), right)
        print(f"{name:24} ours {mine:10.3g} ulp   torch {theirs:10.3g} ulp")
    near = torch.randn(4096, 8, generator=draw) * 3
    near = near - exact.logsumexp(near, keepdim=True).float()
    off = float((ours(near).double() - exact.logsumexp(near)).abs().max())
    print(f"outputs of log_softmax   ours {off:.3g} absolute; bar {2**-22:.3g}")
    return True


def main(
    what: Sequence[str],
    only: Sequence[str] = (),
    rounds: int = ROUNDS,
    package: str = "solutions",
    out: Path | None = None,
) -> int:
    """Run the named measurements, or the quick ones; return 1 where a bar is missed.

    `only` and `rounds` limit the verdicts to some chapters, `only` the speed to contests whose names contain a word.
    `package` is the one whose speed is measured, and `out` the folder for these figures.
    """
    known: dict[str, Callable[[], bool]] = {
        "accuracy": accuracy,
        "check": check,
        "grade": grade,
        "growth": growth,
        "speed": lambda: speed.main(package, out, only),
        "verdicts": lambda: verdicts(only, rounds),
    }
    unknown = [name for name in what if name not in known]
    if unknown:
        raise KeyError(f"bench knows {', '.join(known)}, not {unknown[0]!r}")
    good = [known[name]() for name in what or ("accuracy", "check")]
    return 0 if all(good) else 1
