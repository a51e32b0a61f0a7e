"""File names for learners' pages: safe on every file system, whatever the id holds."""

import hashlib
import re
import unicodedata


def page_name(student: str, nth: int = 0) -> str:
    """Return the name of a learner's page; `nth` tells records of one id apart."""
    plain = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:40].strip("-") or "learner"
    # Ids that differ only in case, accents or signs share a slug; the hash tells them apart.
    seed = student.encode("utf-8", "surrogatepass") + (b"\0%d" % nth if nth else b"")
    return f"{slug}-{hashlib.sha256(seed).hexdigest()[:12]}.html"


PATTERN = re.compile(r"[a-z0-9-]+-[0-9a-f]{12}\.html")
