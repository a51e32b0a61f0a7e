"""Reads a page as a browser would: its tags, attributes and text, and whether every tag is closed."""

from html.parser import HTMLParser

VOID = {"meta", "rect", "line", "br", "img"}


class Page(HTMLParser):
    """Fails at once where tags are not balanced."""

    def __init__(self, text: str) -> None:
        """Read a whole page or a part of one."""
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "style" not in self._open[-1:]:
            self.words.append(data)

    @property
    def text(self) -> str:
        """All text but that of style sheets, as it stands."""
        return "".join(self.words)

    @property
    def spaced(self) -> str:
        """The same with one space between its parts, as a reader of cells and headings sees it."""
        return " ".join(" ".join(self.words).split())
