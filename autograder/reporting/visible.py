"""Makes what a learner wrote harmless to read: characters that steer a screen or turn the line around are spelled."""

import re

# Controls but for tab and line end, line separators, marks of direction and invisible joiners, lone surrogates.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def _spell(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """Return a text in which every character that steers is spelled as in Python, `\\x1b` or `\\u202e`."""
    return _STEERING.sub(_spell, text)


def line(text: str) -> str:
    """Return a text on one line, visible."""
    return visible(" ".join(text.split()))
