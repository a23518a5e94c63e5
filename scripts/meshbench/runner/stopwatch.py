"""Where the time of a job goes, part by part."""

import time
from typing import Literal

from meshbench.results.records import Spent

Part = Literal["opening_s", "evidence_s", "vpn_s", "preparing_s", "measuring_s"]


class Stopwatch:
    """Gives all time to one part until it is told of the next one."""

    def __init__(self, part: Part) -> None:
        self._part: Part = part
        self._since = time.monotonic()
        self._seconds: dict[Part, float] = {}

    def turn(self, part: Part) -> None:
        """Give the time from here on to this part."""
        at = time.monotonic()
        self._seconds[self._part] = self._seconds.get(self._part, 0.0) + at - self._since
        self._part, self._since = part, at

    def read(self) -> Spent:
        """The seconds of every part so far."""
        self.turn(self._part)
        return Spent(**{part: round(seconds, 6) for part, seconds in self._seconds.items()})
