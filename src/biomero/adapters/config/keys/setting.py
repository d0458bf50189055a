"""What is known of a key: where it stands, what it may hold, what it means."""

from __future__ import annotations

import re
from dataclasses import dataclass

from biomero.adapters.config.kinds import Kind

WORKFLOWS = "WORKFLOWS"
OLD_WORKFLOWS = "MODELS"
CLUSTER = "CLUSTER "
"""What the name of a further cluster's section begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key, or a pattern of keys.

    Parameters
    ----------
    key
        With a part such as ``<option>`` where any name may stand.
    meaning
        One sentence for the reference.
    default
        What holds where nothing is said, as it would be written.
    variables
        Variables of the environment that override it; the first that is set counts.
    example
        A value for the sample file.
    is_secret
        Never shown whole; can also be given as the name of a file, by ``<key>_file`` or ``<VARIABLE>_FILE``.
    """

    section: str
    key: str
    kind: Kind
    meaning: str
    default: str | None = None
    variables: tuple[str, ...] = ()
    example: str | None = None
    is_secret: bool = False

    @property
    def is_pattern(self) -> bool:
        """Its key stands for many."""
        return "<" in self.key

    def matches(self, key: str) -> bool:
        """Say whether a key of a file is meant."""
        if not self.is_pattern:
            return key == self.key or (self.is_secret and key == f"{self.key}_file")
        parts = re.split(r"<[^>]+>", self.key)
        return re.fullmatch(".+".join(map(re.escape, parts)), key) is not None

    def matches_section(self, section: str) -> bool:
        """Say whether it may stand in a section; a further cluster's has what [SSH] and [SLURM] have."""
        if section.startswith(CLUSTER):
            return self.section in {CLUSTER, "SSH", "SLURM"}
        return self.section == (WORKFLOWS if section == OLD_WORKFLOWS else section)
