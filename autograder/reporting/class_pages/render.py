"""Templates to text: everything is escaped, and what steers a screen is spelled."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from autograder.reporting.text import points
from autograder.reporting.visible import visible


def _shown(value: Any) -> Any:
    """Spell what steers in each value that a template prints; markup of our own stays."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def environment() -> Environment:
    """Return the templates' environment: escaping on, an unknown name is an error."""
    env = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["points"] = lambda value: points(round(float(value), 2))
    env.filters["percent"] = lambda part: f"{100 * part:.0f} %"
    return env
