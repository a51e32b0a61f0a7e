"""Verdicts of every sort, for the tests of the reports."""

from autograder.judging.verdicts import CaseVerdict, Diagnosis, ExerciseVerdict, PackageVerdict

HOSTILE = "<script>alert('1')</script> & \"quotes\" <img src=x onerror=alert(1)>"


def case(name="normal numbers", status="passed", family="value", points=1.0, **extra) -> CaseVerdict:
    visibility = extra.pop("visibility", "public")
    return CaseVerdict(name, family, visibility, status, points, **extra)


PASSED = ExerciseVerdict(
    "logsumexp",
    "log_sums",
    True,
    (
        case("no loops, nothing forbidden", family="rules", points=2),
        case(measured="0.51 ulp"),
        case("values on CUDA", "skipped", "device", message="there is no CUDA here"),
        case("1 ulp", honours=True),
        case("memory within 2", "failed", "memory", honours=True, points=0),
        case("wide rows", "inconclusive", "time", message="the machine was too busy to tell; the points are given"),
    ),
)
FAILED = ExerciseVerdict(
    "logaddexp",
    "log_sums",
    True,
    (
        case("no loops, nothing forbidden", family="rules", points=2),
        case("broadcast", "failed", "shape", message="given     a\ngot       b\nexpected  c"),
        case("ties", "timeout", "extremes", message="no answer"),
        case("nan", "crashed", "extremes", message="died"),
        case("inf", "failed", "extremes", message="wrong"),
        case("hidden", "failed", "value", visibility="private", message="a private case of the family 'value' failed"),
    ),
    Diagnosis("no_shift", "You do not shift.\nAlso: you loop."),
)
REFUSED = ExerciseVerdict(
    "logmeanexp",
    "log_sums",
    True,
    (
        case("no loops, nothing forbidden", "failed", "rules", 2, message="log_sums.py line 3: `torch.logsumexp`"),
        case(status="failed", message="not judged: log_sums.py line 3: `torch.logsumexp`"),
        case("ties", "failed", message="not judged: log_sums.py line 3: `torch.logsumexp`"),
    ),
)
UNWRITTEN = ExerciseVerdict(
    "log1mexp", "log_sums", False, (case(status="skipped", message="not written yet"),), None, "not written yet"
)
ERROR = ExerciseVerdict(
    "logsubexp",
    "log_sums",
    True,
    (case(status="skipped"),),
    None,
    "log_sums.py line 2: SyntaxError: '(' was never closed",
)
ALL = PackageVerdict("exercises", (PASSED, FAILED, REFUSED, UNWRITTEN, ERROR), ("session", "landlock"))


def hostile() -> ExerciseVerdict:
    """Return a verdict in which everything that could come from a learner is markup."""
    bad = case(HOSTILE, "failed", message=HOSTILE, measured=HOSTILE)
    return ExerciseVerdict(HOSTILE, HOSTILE, True, (bad,), Diagnosis(HOSTILE, HOSTILE))
