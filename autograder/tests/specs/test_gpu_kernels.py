"""The judges of the stopwatch, other honest kernels, and kernels compiled for GPUs that are not here."""

import subprocess
import sys

import pytest

from autograder import desk, registry
from autograder.sources import stub

SOLUTION = (registry.ROOT / "solutions" / "gpu_kernels.py").read_text(encoding="utf-8")
HEAD = SOLUTION[: SOLUTION.index("LARGEST_BLOCK")]


def judged(source: str, name: str):
    return desk.judge_package({"gpu_kernels": source}, [name], "p", clock=False).exercises[0]


def failed(verdict) -> list[str]:
    return [f"{c.family}: {c.name}: {c.message}" for c in verdict.graded if c.status != "passed"]


CLOCKS = {
    "events made beforehand": (
        "    for _ in range(5):\n        fn()\n"
        "    torch.cuda.synchronize()\n"
        "    marks = [torch.cuda.Event(enable_timing=True) for _ in range(21)]\n"
        "    marks[0].record()\n"
        "    for mark in marks[1:]:\n        fn()\n        mark.record()\n"
        "    marks[-1].synchronize()\n"
        "    times = [a.elapsed_time(b) for a, b in zip(marks, marks[1:])]\n"
        "    return torch.tensor(times).median().item()\n"
    ),
    "a wait after each call": (
        "    fn()\n"
        "    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)\n"
        "    times = []\n"
        "    for _ in range(30):\n"
        "        torch.cuda.synchronize()\n"
        "        start.record(torch.cuda.current_stream())\n        fn()\n        end.record()\n"
        "        end.synchronize()\n"
        "        times.append(start.elapsed_time(end))\n"
        "    times.sort()\n"
        "    return (times[14] + times[15]) / 2\n"
    ),
}
REFUSAL = "    if not torch.cuda.is_available():\n        raise RuntimeError('this needs CUDA')\n"


@pytest.mark.parametrize("way", CLOCKS)
def test_other_honest_stopwatches_pass(way):
    source = HEAD + "def cuda_time_ms(fn):\n" + REFUSAL + CLOCKS[way]
    assert failed(judged(source, "cuda_time_ms")) == []


def test_a_refusal_that_names_nothing_is_not_enough():
    source = (
        HEAD + "def cuda_time_ms(fn):\n" + REFUSAL.replace("this needs CUDA", "no") + CLOCKS["a wait after each call"]
    )
    assert [line.split("\n")[0] for line in failed(judged(source, "cuda_time_ms"))] == [
        "extremes: no CUDA: given     no CUDA"
    ]


# As Triton's own tutorials write it: strides, keyword options, a helper of tl's, a masked store.
TUTORIAL = """
@triton.jit
def _kernel(x, out, stride, n: tl.int32, BLOCK: tl.constexpr):
    pid = tl.program_id(axis=0)
    cols = tl.arange(0, BLOCK)
    m = -float("inf")
    s = 0.0
    for i in tl.range(0, tl.cdiv(n, BLOCK)):
        v = tl.load(x + pid * stride + i * BLOCK + cols, mask=i * BLOCK + cols < n, other=-float("inf")).to(tl.float32)
        new = tl.maximum(m, v.max(axis=0))
        safe = tl.where((new == float("inf")) | (new == -float("inf")), 0.0, new)
        s = s * tl.math.exp(m - safe) + tl.exp(v - safe).sum(axis=0)
        m = new
    tl.store(out + pid, tl.where((m == float("inf")) | (m == -float("inf")), 0.0, m) + tl.log(s))


def triton_logsumexp(x):
    rows = x.reshape(-1, x.shape[-1]) if x.numel() else x.reshape(x.shape[:-1].numel(), x.shape[-1])
    rows = rows if rows.stride(-1) == 1 else rows.contiguous()
    out = x.new_empty(rows.shape[0])
    grid = lambda meta: (rows.shape[0],)
    with torch.no_grad():
        _kernel[grid](rows, out, rows.stride(0), rows.shape[1], BLOCK=4096, num_warps=8)
    return out.view(x.shape[:-1])
"""


def test_the_way_of_the_tutorials_passes():
    pytest.importorskip("triton")
    bad = failed(judged(HEAD + TUTORIAL, "triton_logsumexp"))
    # float32 throughout: what float64 asks for is all that is missing.
    assert [line.split(": ")[1] for line in bad] == ["float64"]


@pytest.mark.parametrize("text", [SOLUTION, stub(SOLUTION)], ids=["model answer", "stub"])
def test_the_file_can_be_imported_without_triton(text):
    code = f"import sys\nsys.modules['triton'] = None\nexec({text!r}, {{}})"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True).stderr == ""


COMPILE = """
import sys
import triton, triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from solutions import gpu_kernels as g

for capability in (75, 90):
    for kind, wide in (("*fp32", tl.float32), ("*fp16", tl.float32), ("*fp64", tl.float64)):
        kept = "*fp64" if kind == "*fp64" else "*fp32"
        options = {"BLOCK": "constexpr", "WIDE": "constexpr"}
        row = {"x_ptr": kind, "out_ptr": kind, "n": "i32", **options}
        loss = {"x_ptr": kind, "target_ptr": "*i64", "loss_ptr": kept, "lse_ptr": kept, "n": "i32", **options}
        slope = {"x_ptr": kind, "target_ptr": "*i64", "lse_ptr": kept, "scale_ptr": kept, "grad_ptr": kind}
        slope |= {"n": "i32", **options}
        for kernel, types in ((g._logsumexp, row), (g._softmax, row), (g._loss, loss), (g._loss_gradient, slope)):
            source = ASTSource(fn=kernel, signature=types, constexprs={"BLOCK": 2048, "WIDE": wide})
            made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 4})
            assert made.asm["cubin"], (kernel, capability, kind)
print("compiled")
"""


@pytest.mark.slow
def test_the_kernels_compile_for_gpus_that_are_not_here(tmp_path):
    pytest.importorskip("triton")
    environment = {"PYTHONPATH": str(registry.ROOT), "TRITON_CACHE_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", COMPILE], check=False, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "compiled", done.stderr[-2000:]
