"""Says how far a run is: one line that changes on a terminal, a line now and then elsewhere."""

import time
from typing import TextIO

EVERY_S = {True: 0.2, False: 10.0}


class Progress:
    """Counts what is done of `total` and prints the rate and the time left."""

    def __init__(self, total: int, stream: TextIO) -> None:
        """Start the clock."""
        self.total, self.done = total, 0
        self._stream, self._live = stream, stream.isatty()
        self._start = time.monotonic()
        self._shown = self._start

    def step(self, student: str) -> None:
        """Note that one more is done."""
        self.done += 1
        now = time.monotonic()
        if now - self._shown >= EVERY_S[self._live] or self.done == self.total:
            self._shown = now
            self._print(self.line(now), student)

    def line(self, now: float) -> str:
        """Return the line for a moment."""
        rate = self.done / max(now - self._start, 1e-9)
        left = (self.total - self.done) / rate if rate else 0.0
        pace = f"{rate:.1f} a second" if rate >= 1 else f"{1 / rate:.1f} s each" if rate else "-"
        return f"graded {self.done} of {self.total}, {pace}, {clock(left)} left"

    def _print(self, text: str, student: str) -> None:
        if self._live:
            print(
                f"\r\x1b[K{text}  {student[:40]}",
                end="\n" if self.done == self.total else "",
                file=self._stream,
                flush=True,
            )
        else:
            print(text, file=self._stream, flush=True)


def clock(seconds: float) -> str:
    """Return "0:07", "1:02:03"."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
