"""Records of a graded class, for the tests of reports and exports: written by hand from the record's contract."""

import json
from pathlib import Path
from typing import Any

SECRET = "the private answer is 42"


def case(name="normal numbers", status="passed", family="value", visibility="public", points=1.0, message="") -> dict:
    earned = points if status in ("passed", "inconclusive") else 0.0
    return {
        "name": name,
        "family": family,
        "visibility": visibility,
        "status": status,
        "points": earned,
        "max_points": points,
        "message": message,
    }


def exercise(name="logsumexp", stem="log_sums", status="passed", cases=None, **extra: Any) -> dict[str, Any]:
    found = [case()] if cases is None else cases
    judged = status in ("passed", "failed")
    counted = [c for c in found if not (judged and c["status"] == "skipped")]
    return {
        "name": name,
        "stem": stem,
        "status": status,
        "score": sum(c["points"] for c in counted) if judged else 0.0,
        "max_score": sum(c["max_points"] for c in counted),
        "honours": {},
        "problem": "",
        "diagnosis": None,
        "cases": found,
    } | extra


PASSED = exercise(
    honours={"1 ulp": True, "memory within 2": False},
    cases=[case(), case("wide rows", "inconclusive", "time", message="too busy to tell")],
)
FAILED = exercise(
    "logaddexp",
    status="failed",
    diagnosis={"mistake": "no_shift", "text": "You do not shift."},
    cases=[
        case(),
        case("broadcast", "failed", "shape", points=2.0, message="given     a\ngot       b\nexpected  c"),
        case("ties", "timeout", "extremes", message="no answer"),
        case(SECRET, "failed", "value", "private", message="a private case of the family 'value' failed"),
        case("far rows", "passed", "value", "private"),
        case("values on CUDA", "skipped", "device", message="there is no CUDA here"),
    ],
)
REFUSED = exercise(
    "softmax",
    "normalizers",
    "failed",
    cases=[
        case("nothing forbidden", "failed", "rules", message="normalizers.py line 3: `torch.softmax`"),
        case(status="failed", message="not judged: normalizers.py line 3: `torch.softmax`"),
        case("ties", "failed", "extremes", message="not judged: normalizers.py line 3: `torch.softmax`"),
    ],
)
UNWRITTEN = exercise("log_softmax", "normalizers", "not_written", cases=[case(status="skipped", points=3.0)])
ERROR = exercise(
    "ulp",
    "floats",
    "error",
    cases=[case(status="skipped", points=2.0)],
    problem="floats.py line 2: SyntaxError: '(' was never closed",
)


def record(student="ada", exercises=(PASSED, FAILED, REFUSED, UNWRITTEN, ERROR), **extra: Any) -> dict[str, Any]:
    return {
        "schema": "grade/1",
        "student": student,
        "key": "0" * 64,
        "files": {"log_sums.py": "0" * 64},
        "ignored": [],
        "problem": None,
        "wall": "full",
        "layers": ["session", "landlock"],
        "seed_id": "5eed",
        "versions": {"autograder": "0.1.0", "torch": "2.13.0"},
        "seconds": 2.5,
        "score": sum(e["score"] for e in exercises),
        "max_score": sum(e["max_score"] for e in exercises),
        "exercises": list(exercises),
    } | extra


def journal(folder: Path, *records: dict[str, Any]) -> Path:
    """Write records as `grade` does, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    return folder
