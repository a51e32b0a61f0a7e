"""Verdicts as the JSON object `check/1`."""

from typing import Any

from autograder.judging.verdicts import ExerciseVerdict, PackageVerdict

SCHEMA = "check/1"


def exercise_json(verdict: ExerciseVerdict) -> dict[str, Any]:
    """Return one exercise as JSON values."""
    diagnosis = None
    if verdict.diagnosis:
        diagnosis = {"mistake": verdict.diagnosis.mistake, "text": verdict.diagnosis.text}
    return {
        "name": verdict.name,
        "stem": verdict.stem,
        "status": verdict.status,
        "score": verdict.score,
        "max_score": verdict.max_score,
        "honours": verdict.honours,
        "problem": verdict.problem,
        "diagnosis": diagnosis,
        "cases": [
            {
                "name": case.name,
                "family": case.family,
                "visibility": case.visibility,
                "status": case.status,
                "points": case.points,
                "max_points": case.max_points,
                "message": case.message,
            }
            for case in verdict.cases
            if not case.honours
        ],
    }


def package_json(verdict: PackageVerdict) -> dict[str, Any]:
    """Return all exercises as one JSON object."""
    return {
        "schema": SCHEMA,
        "package": verdict.package,
        "score": verdict.score,
        "max_score": verdict.max_score,
        "wall": list(verdict.wall),
        "exercises": [exercise_json(exercise) for exercise in verdict.exercises],
    }
