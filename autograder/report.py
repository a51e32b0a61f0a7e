"""What a notebook's calls return."""

from autograder.judging.verdicts import ExerciseVerdict


class Report:
    """What a notebook shows: text in a terminal and in tests, HTML in JupyterLab."""

    def __init__(self, text: str, html: str | None = None, verdicts: tuple[ExerciseVerdict, ...] = ()) -> None:
        """Hold both forms."""
        self.text, self.html, self.verdicts = text, html, verdicts

    @property
    def passed(self) -> bool:
        """Whether every exercise of this report passed."""
        return bool(self.verdicts) and all(v.status == "passed" for v in self.verdicts)

    def __repr__(self) -> str:
        """Return the text form."""
        return self.text

    def _repr_html_(self) -> str | None:
        return self.html
