"""Every rule of the gate both ways: an honest source passes, a dishonest one is found in its line."""

import pytest
import torch
import torch.nn.functional as F

from autograder.running.gate import Report, examine, is_stub
from autograder.running.references import read
from autograder.spec import Forbidden, Rules

FORBIDDEN = Forbidden(
    (torch.logsumexp, torch.Tensor.logsumexp, torch.special.logsumexp, F.log_softmax, torch.nn.Softmax)
)
HEAD = "import math\nimport torch\nimport torch.nn.functional as F\nfrom torch import Tensor\n"  # 4 lines


def report(source: str, allows: tuple[str, ...] = (), **siblings: str) -> Report:
    rules = Rules(FORBIDDEN, {name: "a reason" for name in allows})
    return examine({"log_sums": source, **siblings}, "log_sums", "f", rules)


def function(body: str) -> str:
    """Return a module whose `f` has this body, which begins in line 6."""
    return HEAD + "def f(x, dim=-1):\n" + "".join(f"    {line}\n" for line in body.splitlines())


def found(source: str, *allows: str, **siblings: str) -> list[tuple[str, int, bool]]:
    return [(f.kind, f.line, f.refuse) for f in report(source, allows, **siblings).findings]


# What breaks each rule, beside honest code that looks like it: honest, dishonest, and what is found in which line.
BODIES = {
    "for": ("return x.sum(dim)", "y = x\nfor row in x:\n    y = row\nreturn y", ("loop", 7, False)),
    "while": ("return x.sum(dim)", "while True:\n    return x", ("loop", 6, False)),
    "comprehension": (
        "shape = [n for n in x.shape]\nreturn x.reshape(shape)",
        "return torch.stack([row.sum() for row in x])",
        ("comprehension", 6, False),
    ),
    "comprehension over rows by number": (
        "return [x.sum(d) for d in range(x.dim())]",
        "return [x[i] for i in range(x.shape[0])]",
        ("comprehension", 6, False),
    ),
    "generator": (
        "return sum(x.sum(d) for d in (0, 1))",
        "return sum(row.sum() for row in x.unbind(0))",
        ("comprehension", 6, False),
    ),
    "map": (
        "a, b = map(torch.exp, (x, -x))\nreturn a + b",
        "return list(map(torch.sum, x))",
        ("comprehension", 6, False),
    ),
    "apply_": ("return x.exp()", "return x.apply_(math.exp)", ("comprehension", 6, False)),
    "vectorize": ("return x", "import numpy as np\nreturn np.vectorize(math.exp)(x)", ("comprehension", 7, False)),
    "inner recursion": (
        "def inner(y):\n    return y.exp()\nreturn inner(x)",
        "def inner(y):\n    return inner(y[1:])\nreturn inner(x)",
        ("recursion", 6, False),
    ),
    "forbidden function": (
        "return x.exp().sum(dim).log()",
        "y = x\nreturn torch.logsumexp(y, dim)",
        ("forbidden-direct", 7, True),
    ),
    "forbidden alias": (
        "e = torch.exp\nreturn e(x)",
        "g = torch.logsumexp\nreturn g(x, dim)",
        ("forbidden-direct", 6, True),
    ),
    "forbidden in another module": (
        "return F.softplus(x)",
        "return F.log_softmax(x, dim)",
        ("forbidden-direct", 6, True),
    ),
    "forbidden import": (
        "from torch import exp\nreturn exp(x)",
        "from torch import logsumexp as exp\nreturn exp(x, dim)",
        ("forbidden-direct", 7, True),
    ),
    "forbidden class": ("return torch.nn.ReLU()(x)", "return torch.nn.Softmax(dim)(x)", ("forbidden-direct", 6, True)),
    "forbidden method": ("return x.exp()", "return x.logsumexp(dim)", ("forbidden-method", 6, True)),
    "forbidden method unbound": ("return torch.Tensor.exp(x)", "return torch.Tensor.logsumexp(x, dim)", None),
    "getattr": (
        'return getattr(x, "exp")()',
        'return getattr(torch, "log" + "sumexp")(x, dim)',
        ("forbidden-getattr", 6, True),
    ),
    "getattr of a joined name": (
        'return getattr(torch, "exp")(x)',
        'return getattr(torch, "".join(["logsum", "exp"]))(x, dim)',
        ("forbidden-getattr", 6, True),
    ),
    "getattr of an unknown name": (
        'return getattr(x, "exp")()',
        "name = str(dim)\nreturn getattr(torch, name)(x)",
        ("forbidden-getattr", 7, True),
    ),
    "exec": ('raise ValueError("exec")', 'exec("y = 1")\nreturn x', ("hidden", 6, True)),
    "globals": ("return math.pi * x", 'return globals()["f"]', ("hidden", 6, True)),
    "three-argument type": ("return x if type(dim) is int else -x", 'return type("A", (), {})', ("hidden", 6, True)),
    "torch.ops": ("return torch.special.expm1(x)", "return torch.ops.aten.exp(x)", ("hidden", 6, True)),
    "torch.jit": ("return torch.func.vmap(torch.exp)(x)", "return torch.jit.script(torch.exp)(x)", ("hidden", 6, True)),
    "private name": ("_y = x\nreturn _y", "return torch._C._nn(x)", ("hidden", 6, True)),
    "dunder": ("return type(x).__name__", "return x.__class__", ("hidden", 6, True)),
    "dunder in a string": ('return f"a __ b {dim}"', 'return "{0.__class__}".format(x)', None),
    "meta": ('return "mean"', 'return torch.zeros(2, device="meta")', ("hidden", 6, True)),
    "is_meta": ("return x.is_cuda", "return x.is_meta", ("hidden", 6, True)),
    "frames": ("return x.T", "return x.f_globals", ("hidden", 6, True)),
    "patching": (
        "y = x.clone()\ny.requires_grad = False\nreturn y",
        "torch.exp = torch.log\nreturn x",
        ("hidden", 6, True),
    ),
    "patching a parameter": (
        "def note(state):\n    state.top = x\n    return state\nreturn x",
        "def patch(owner):\n    owner.untyped_storage = None\npatch(torch.Tensor)\nreturn x",
        ("hidden", 7, True),
    ),
    "patching under a name like self": (
        "def train(p):\n    p.grad = None\nreturn x",
        "def patch(self):\n    self.__getitem__ = None\npatch(torch.Tensor)\nreturn x",
        ("hidden", 7, True),
    ),
    "a list of numbers": ("return x.flatten()", "return torch.tensor(x.tolist())", ("list", 6, False)),
    "a key": (
        "first = sorted(('b', 'a'), key=len)\nreturn x",
        "return sorted(x.unbind(), key=torch.sum)",
        ("comprehension", 6, False),
    ),
    "with": (
        "with torch.no_grad():\n    return x",
        "with torch.autograd.profiler.profile():\n    return x",
        ("hidden", 6, True),
    ),
    "open": ("print(x)\nreturn x", "open('/etc/passwd')\nreturn x", ("process", 6, False)),
    "yield": ("return x", "yield x", ("process", 6, False)),
    "foreign import": ("import math\nreturn x", "import os\nreturn x", ("process", 6, False)),
    "hiding import": ("import torch.special\nreturn x", "import importlib\nreturn x", ("hidden", 6, True)),
    "star import": ("from torch.special import expm1\nreturn expm1(x)", "return x", None),
    "numpy": ("return x.exp()", "import numpy as np\nreturn np.exp(x)", ("numpy", 7, False)),
}


@pytest.mark.parametrize("name", BODIES)
def test_honest_code_passes(name):
    assert found(function(BODIES[name][0])) == []


@pytest.mark.parametrize("name", [name for name, row in BODIES.items() if row[2]])
def test_dishonest_code_is_found_in_its_line(name):
    _, dishonest, expected = BODIES[name]
    assert expected in found(function(dishonest))


def test_an_unbound_method_is_forbidden_too():
    assert report(function(BODIES["forbidden method unbound"][1])).refused


def test_a_format_string_reaches_for_no_attribute():
    assert report(function(BODIES["dunder in a string"][1])).refused


def test_a_star_import_is_found():
    assert ("process", 1, False) in found("from torch import *\n" + function("return x"))


CLASSES = {
    "class": (
        "class A(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x\n",
        "class A(torch.utils._python_dispatch.TorchDispatchMode):\n    pass\n",
        5,
    ),
    "metaclass": ("class A:\n    pass\n", "class A(metaclass=type):\n    pass\n", 5),
    "dunder method": (
        "class A:\n    def __init__(self):\n        self.y = 1\n",
        "class A:\n    def __torch_function__(self):\n        pass\n",
        6,
    ),
}


@pytest.mark.parametrize("name", CLASSES)
def test_classes_both_ways(name):
    honest, dishonest, line = CLASSES[name]
    use = "\n\ndef f(x):\n    return A\n"
    assert found(HEAD + honest + use) == []
    assert ("hidden", line, True) in found(HEAD + dishonest + use)


ALLOWED = {
    "loops": ("for i in range(0, len(x), 4):\n    x[i]\nreturn [y for y in x]", "loop"),
    "numpy": ("import numpy as np\nreturn np.exp(x)", "numpy"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_the_spec_allows_is_no_finding(name):
    body, kind = ALLOWED[name]
    assert kind in {k for k, _, _ in found(function(body))}
    assert found(function(body), name) == []


def test_recursion_is_a_loop():
    assert ("recursion", 1, False) in found("def f(x):\n    return f(x[1:]) + x[0]\n")


def test_mutual_recursion_is_a_loop():
    source = "def f(x):\n    return g(x[1:])\n\n\ndef g(x):\n    return f(x)\n"
    assert {("recursion", 1, False), ("recursion", 5, False)} <= set(found(source))


def test_a_call_of_itself_in_another_dtype_is_no_loop():
    assert found("def f(x):\n    return f(x.float()).half() if x.is_floating_point() else x\n") == []
    assert found("def f(x):\n    return f(x[0].float())\n") != []


def test_code_that_the_exercise_does_not_reach_does_not_count():
    other = "\n\ndef other(x):\n    for row in x:\n        torch.logsumexp(row, -1)\n    return open(x)\n"
    assert found(function("return x.exp()") + other) == []


def test_code_that_the_exercise_reaches_counts_whatever_the_way():
    helper = "\n\ndef helper(x):\n    return torch.logsumexp(x, -1)\n"
    for body in ("return helper(x)", "g = helper\nreturn g(x)", "return [helper][0](x)", "return again(x)"):
        source = function(body) + helper + "\n\ndef again(x):\n    return TABLE['h'](x)\n\n\nTABLE = {'h': helper}\n"
        assert [k for k, _, refuse in found(source) if refuse] == ["forbidden-direct"], body


def test_methods_of_a_class_that_is_reached_count():
    source = (
        HEAD
        + "class A:\n    def go(self, x):\n        return torch.logsumexp(x, -1)\n\n\ndef f(x):\n    return A().go(x)\n"
    )
    assert ("forbidden-direct", 7, True) in found(source)


def test_a_learners_own_name_is_no_forbidden_function():
    own = "\n\ndef log_softmax(x):\n    return x - x.exp().sum().log()\n"
    assert found(function("return log_softmax(x)") + own) == []
    assert found(function("logsumexp = x.exp()\nreturn logsumexp")) == []


@pytest.mark.parametrize(
    "line",
    [
        "from .floats import helper",
        "from . import floats",
        "from exercises.floats import helper",
        "from exercises import floats",
        "import exercises.floats as floats",
    ],
)
def test_siblings_are_followed(line):
    call = "floats.helper(x)" if line.endswith("floats") else "helper(x)"
    source = f"{line}\n\n\ndef f(x):\n    return {call}\n"
    honest = "import torch\n\n\ndef helper(x):\n    return torch.exp(x)\n"
    dishonest = honest.replace("torch.exp(x)", "torch.logsumexp(x, -1)")
    assert report(source, floats=honest).findings == ()
    (finding,) = report(source, floats=dishonest).findings
    assert (finding.stem, finding.line, finding.refuse) == ("floats", 5, True)


def test_a_sibling_that_is_missing_or_broken_is_said():
    source = "from .floats import helper\n\n\ndef f(x):\n    return helper(x)\n"
    assert ("process", 1, False) in found(source)
    (finding,) = report(source, floats="def helper(:\n").findings
    assert (finding.kind, finding.stem, finding.line) == ("syntax", "floats", 1)


@pytest.mark.parametrize(
    "statement",
    [
        "exec('1')",
        "_ = exec('1')",
        "_: int = exec('1')",
        "if exec('1'):\n    pass",
        "def unused(y=exec('1')):\n    pass",
        "def unused(y: exec('1')):\n    pass",
        "@exec('1')\ndef unused():\n    pass",
        "class Unused:\n    y = exec('1')",
        "class Unused(exec('1')):\n    pass",
        "def helper():\n    exec('1')\n\n\n_ = helper()",
        "def helper(g):\n    exec('1')\n\n\n@helper\ndef unused():\n    pass",
        "class A:\n    def __init_subclass__(cls):\n        exec('1')\n\n\nclass B(A):\n    pass",
        "class A:\n    @staticmethod\n    def unused(y=exec('1')):\n        pass",
    ],
)
def test_what_an_import_runs_is_read(statement):
    source = f"{statement}\n\n\ndef f(x):\n    return x\n"
    assert "hidden" in {kind for kind, _, _ in found(source)}
    sibling = report("from . import floats\n\n\ndef f(x):\n    return floats.g(x)\n", floats=source + "\n\ng = f\n")
    assert "hidden" in {f.kind for f in sibling.findings}


@pytest.mark.parametrize(
    "other",
    [
        "TABLE = {'a': torch.logsumexp, 'b': torch.Tensor.logsumexp}\n",
        "LOG2 = [math.log(k + 1) for k in range(1000)]\n",
        "@torch.jit.script\ndef other(x):\n    return x\n",
        "@torch.compile\ndef other(x):\n    for y in x:\n        open(y)\n",
        "class Other(torch.jit.ScriptModule):\n    '__doc__'\n\n    @property\n    def a(self):\n        eval('1')\n",
        "def other(x: 'Tensor' = torch.zeros(1), *, y=math.inf):\n    return eval(y)\n",
    ],
)
def test_what_an_import_runs_may_be_honest(other):
    assert found(HEAD + other + "\n\ndef f(x):\n    return x\n") == []


def test_a_main_block_is_not_run_by_an_import():
    block = '\n\nif __name__ == "__main__":\n    exec("1")\n    for i in range(9):\n        print(i)\n'
    assert found(function("return x") + block) == []
    assert found('__name__ = "__main__"\n' + function("return x") + block) != []


def test_the_last_definition_counts():
    stub = "def f(x):\n    raise NotImplementedError\n\n\n"
    written = "def f(x):\n    return x\n\n\n"
    assert report(stub + written).state == "written"
    assert report(written + stub).state == "not_written"


@pytest.mark.parametrize(
    ("source", "stub"),
    [
        ('def f(x):\n    """Say."""\n    raise NotImplementedError("f")', True),
        ("def f(x):\n    raise NotImplementedError", True),
        ("def f(x):\n    ...\n    raise NotImplementedError", True),
        ("def f(x):\n    pass", False),
        ("def f(x):\n    raise ValueError", False),
        ("def f(x):\n    y = 1\n    raise NotImplementedError", False),
        ("def f(x):\n    raise", False),
        ('class A:\n    """Say."""\n\n    def g(self):\n        raise NotImplementedError("g")', True),
        ("class A:\n    def g(self):\n        return 1", False),
        ('class A:\n    """Say."""', False),
        ("f = 1", False),
    ],
)
def test_stubs(source, stub):
    assert is_stub(read("a", source, frozenset()).tree.body[0]) == stub


def test_states():
    assert examine({}, "log_sums", "f", Rules()).state == "missing"
    assert report("def g():\n    pass\n").state == "missing"
    assert report("def f(:\n").state == "unreadable"
    assert report("def f():\n    return 1\n").state == "written"


@pytest.mark.parametrize(
    ("source", "line", "text"),
    [
        ("x = 1\ndef f(:\n", 2, "SyntaxError"),
        ("def f():\n\treturn 1\n        return 2\n", 3, "TabError"),
        ("x = '\0'\n", 0, "null byte"),
        ("x = " + "(" * 5000 + ")" * 5000, None, "Error"),
        ("x = " + "-" * 100000 + "1", None, "Error"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(source, line, text):
    result = report(source)
    assert result.state == "unreadable"
    (finding,) = result.findings
    assert text in finding.text
    assert line is None or finding.line == line


@pytest.mark.parametrize(
    "body",
    [
        "return " + " + ".join(["x"] * 3000),
        "return getattr(x, " + " + ".join(["'a'"] * 3000) + ")",
        "return x" + ".T" * 900,
        "return " + "[" * 80 + "x" + "]" * 80,
    ],
)
def test_a_source_nested_deeply_ends_the_gate_with_a_report(body):
    assert report(function(body)).state in ("written", "unreadable")


def test_refusals_come_first_and_nothing_is_said_twice():
    source = function("for row in x:\n    torch.logsumexp(x, dim), torch.logsumexp(x, dim)\nreturn x")
    assert found(source) == [("forbidden-direct", 7, True), ("loop", 6, False)]


def test_docstrings_may_say_anything():
    assert found(function('"""__class__"""\nreturn x')) == []


STOPWATCH = "import gc\nimport statistics\nfrom time import perf_counter\nimport time\n"


def test_what_an_exercise_allows_may_be_imported_at_the_head_of_its_file():
    source = STOPWATCH + function("gc.disable()\nreturn time.time(), perf_counter(), statistics.mean([1.0])")
    assert found(source, "time") == []
    assert {kind for kind, _, _ in found(source)} == {"process"}


@pytest.mark.parametrize("reach", ["gc.get_objects()", "statistics.sys.modules", "time.__loader__"])
def test_what_leads_out_of_an_allowed_module_is_refused(reach):
    assert ("hidden", 11, True) in found(STOPWATCH + function(f"y = x\nreturn {reach}"), "time")


KERNEL = """import torch
import triton
import triton.language as tl


@triton.jit
def _kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    for start in range(0, n, BLOCK):
        tl.store(out_ptr + start, tl.sum(tl.load(x_ptr + start + tl.arange(0, BLOCK)), 0))


def f(x):
    out = torch.empty_like(x)
    _kernel[(triton.cdiv(x.shape[0], 4),)](x, out, x.shape[-1], BLOCK=triton.next_power_of_2(4))
    return out
"""


def test_a_loop_in_a_kernel_is_none_of_pythons():
    pytest.importorskip("triton")
    assert found(KERNEL, "triton") == []
    looped = KERNEL.replace("    return out", "    for row in x:\n        out = row\n    return out")
    assert found(looped, "triton") == [("loop", 15, False)]


def test_a_function_with_another_decorator_is_no_kernel():
    pytest.importorskip("triton")
    plain = KERNEL.replace("@triton.jit", "@torch.no_grad()")
    assert ("loop", 8, False) in found(plain, "triton")


def test_triton_is_out_of_bounds_where_it_is_not_allowed():
    pytest.importorskip("triton")
    assert {(kind, refuse) for kind, _, refuse in found(KERNEL)} == {("hidden", True), ("loop", False)}


def test_an_import_that_may_fail_costs_nothing():
    stand_in = "    class triton:\n        jit = staticmethod(lambda k: k)\n\n\n"
    guarded = f"try:\n    import triton\nexcept ImportError:\n\n{stand_in}"
    assert found(guarded + function("return x.sum(dim)")) == []
