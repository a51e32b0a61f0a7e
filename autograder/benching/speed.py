"""Runs the contests and says who won: `python -m autograder bench speed [--out FOLDER]`."""

import datetime
import functools
import json
import os
import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autograder.benching.contests import Bar, Contest, everything, load
from autograder.benching.peak import Peak, cpu_peak, cuda_peak
from autograder.benching.rounds import Timed, cpu_seconds, cuda_seconds, interleaved

SECONDS = 8.0  # a contest's rounds, for each number of threads
ROWS = 64  # as many are compared with the exact answer
ERROR_UNIT = 2.0**-23
ERROR_BAR = 1.5  # of the fast variants, in that unit times max(1, |result|)
GRADIENT_BAR = 1e-5


@dataclass(frozen=True)
class Line:
    """One form in one contest, in units of the first form: time and peak; both in absolute units as well.

    `error` is in units of 2**-23 max(1, |result|) for values, and relative to the largest for gradients.
    """

    contest: str
    form: str
    threads: int
    time_s: float
    ratio: float
    spread: float
    noisy: bool
    page_faults: int | None
    peak_bytes: int
    passing_bytes: int
    error: float | None
    gib_per_s: float


def machine(device: torch.device) -> dict[str, str]:
    """Return what the figures depend on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {
        "device": f"{name}, {os.cpu_count()} cores" if device.type == "cpu" else name,
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "date": datetime.date.today().isoformat(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )


def _compiles() -> bool:
    """Whether torch.compile can work here: on the CPU it calls a C++ compiler."""
    return any(shutil.which(name) for name in ("g++", "clang++", "cl"))


def _values_error(mine: Tensor, exact: Tensor) -> float:
    size = exact.abs().clamp(min=1.0)
    return float(((mine.double() - exact).abs() / (ERROR_UNIT * size)).max())


def _gradients_error(mine: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    pairs = zip(mine, theirs, strict=True)
    return max(float((m - t).abs().max() / t.abs().max()) for m, t in pairs)


def errors(contest: Contest, inputs: tuple[Tensor, ...]) -> dict[str, float | None]:
    """Return how far each form is from the truth, or from the first form where gradients are compared."""
    if contest.gradients:
        theirs = next(iter(contest.forms.values()))(*inputs)
        return {name: _gradients_error(form(*inputs), theirs) for name, form in contest.forms.items()}
    if contest.exact is None:
        return dict.fromkeys(contest.forms)
    rows = tuple(x[:ROWS] if x.dim() > 1 else x for x in inputs)
    exact = contest.exact(*(x.double() for x in rows))
    found = {}
    for name, form in contest.forms.items():
        answer = form(*inputs)
        answer = answer[:ROWS] if answer.dim() else answer
        found[name] = _values_error(answer, exact) if answer.shape == exact.shape else None
    return found


def _lines(
    contest: Contest,
    threads: int,
    timed: dict[str, Timed],
    peaks: dict[str, Peak],
    off: dict[str, float | None],
    touched: int,
) -> list[Line]:
    first = next(iter(contest.forms))
    return [
        Line(
            contest.name,
            name,
            threads,
            t.least_s,
            t.least_s / timed[first].least_s,
            t.median_s / t.least_s,
            t.noisy,
            t.page_faults,
            peaks[name].most,
            peaks[name].passing,
            off[name],
            touched / t.least_s / 2**30,
        )
        for name, t in timed.items()
    ]


def run(contest: Contest, device: torch.device, threads: Sequence[int], seconds: float) -> list[Line]:
    """Let the forms of one contest compete, with each number of threads."""
    inputs = contest.make(device)
    calls: dict[str, Callable[[], Any]] = {n: functools.partial(f, *inputs) for n, f in contest.forms.items()}
    peak_of, seconds_of = (cuda_peak, cuda_seconds) if device.type == "cuda" else (cpu_peak, cpu_seconds)
    for call in calls.values():
        call()  # what is made once, a compiled function or a cache, is no part of a call's peak
    peaks = {name: peak_of(call) for name, call in calls.items()}
    off = errors(contest, inputs)
    touched = sum(x.nbytes for x in inputs)
    lines: list[Line] = []
    before = torch.get_num_threads()
    try:
        for count in threads:
            torch.set_num_threads(count)
            lines += _lines(contest, count, interleaved(calls, seconds, seconds_of), peaks, off, touched)
    finally:
        torch.set_num_threads(before)
    return lines


def missed(bar: Bar, lines: Sequence[Line]) -> list[str]:
    """Return what a form promised and did not keep, with one thread."""
    alone = {line.form: line for line in lines if line.threads == 1}
    mine, other = alone.get(bar.form), alone.get(bar.versus or lines[0].form)
    if mine is None or other is None:
        return []
    found = []
    if bar.time is not None and mine.time_s > bar.time * other.time_s:
        found.append(f"{mine.form}: {mine.time_s / other.time_s:.2f} times {other.form}; bar {bar.time:.2g}")
    if bar.peak is not None and mine.peak_bytes > bar.peak * other.peak_bytes:
        found.append(f"{mine.form}: {mine.peak_bytes / other.peak_bytes:.2f} of {other.form}'s peak; bar {bar.peak:g}")
    if bar.passing is not None and mine.passing_bytes > bar.passing * bar.unit:
        found.append(f"{mine.form}: passing peak {mine.passing_bytes / bar.unit:.3f}; bar {bar.passing:g}")
    return found


def inaccurate(contest: Contest, lines: Sequence[Line]) -> list[str]:
    """Return our fast forms whose error is beyond its bound."""
    bar = GRADIENT_BAR if contest.gradients else ERROR_BAR
    ours = {line.form: line.error for line in lines if line.form.startswith("ours")}
    return [
        f"{name}: error {error:.3g}; bar {bar:g}" for name, error in ours.items() if error is not None and error > bar
    ]


def table(lines: Sequence[Line]) -> str:
    """Return one contest as a Markdown table."""
    several = sorted({line.threads for line in lines})
    heads = " | ".join(f"time, {n} thread{'s' * (n > 1)}" for n in several)
    rows = [f"| form | {heads} | peak MiB | error |", "|---|" + "---|" * (len(several) + 2)]
    for name in dict.fromkeys(line.form for line in lines):
        own = {line.threads: line for line in lines if line.form == name}
        one = own[several[0]]
        times = " | ".join(f"{own[n].ratio:.2f} ({_duration(own[n].time_s)}){' noisy' * own[n].noisy}" for n in several)
        error = "" if one.error is None else f"{one.error:.2g}"
        rows.append(f"| {name} | {times} | {one.peak_bytes / 2**20:.4g} | {error} |")
    return "\n".join(rows)


def _duration(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"


def main(package: str, out: Path | None, only: Sequence[str] = (), seconds: float = SECONDS) -> bool:
    """Run the contests whose names contain one of `only`, print and write them; return whether all bars hold."""
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    cores = 1 if cuda else torch.get_num_threads()
    facts, compiled = machine(device), _compiles()
    print("; ".join(facts.values()) + ("" if compiled else "; no C++ compiler: torch.compile is left out"), flush=True)
    texts, records, bad = [], [], []
    for contest in everything(load(package, cuda), compiled, cuda):
        if only and not any(word in contest.name for word in only):
            continue
        lines = run(contest, device, sorted({1, cores}), seconds)
        text = f"### {contest.name}\n\n{table(lines)}\n"
        print(f"\n{text}", flush=True)
        broken = [m for bar in contest.bars for m in missed(bar, lines)] + inaccurate(contest, lines)
        print("".join(f"MISSED  {line}\n" for line in broken), end="", flush=True)
        bad += broken
        texts.append(text)
        records += [asdict(line) for line in lines]
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "speed.json").write_text(json.dumps({"machine": facts, "lines": records}, indent=1), encoding="utf-8")
        head = "Ratios to the first form of each table, least time over interleaved rounds; " + "; ".join(
            facts.values()
        )
        (out / "speed.md").write_text("\n".join([head, "", *texts]), encoding="utf-8")
        print(f"written: {out / 'speed.json'}, {out / 'speed.md'}")
    return not bad
