"""How often to look: soon after something has changed, seldom while nothing does."""

from __future__ import annotations

from dataclasses import dataclass, field

_GROWTH = 1.3


@dataclass(slots=True, kw_only=True)
class Pace:
    """The pause between two looks, in seconds: it grows look by look, and falls back when there is news.

    >>> pace = Pace(shortest_s=2, longest_s=3)
    >>> pace.after(changed=True), pace.after(changed=False), pace.after(changed=False)
    (2, 2.6, 3)
    """

    shortest_s: float
    longest_s: float
    pause_s: float = field(default=0.0)

    def after(self, *, changed: bool) -> float:
        """Return the pause after a look."""
        grown = max(self.pause_s * _GROWTH, self.shortest_s)
        self.pause_s = self.shortest_s if changed else min(grown, self.longest_s)
        return self.pause_s


CLUSTER_PACE = (2.0, 60.0)
"""A cluster is shared with others."""

LOCAL_PACE = (0.2, 2.0)
"""This machine is asked by reading a few files."""
