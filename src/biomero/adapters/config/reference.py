"""The reference page and the sample file, made from the table of keys."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from biomero.adapters.config.keys import CLUSTER, SETTINGS, WORKFLOWS, Setting
from biomero.adapters.config.places import AUTHORITATIVE, FILES

_TITLES = {CLUSTER: "CLUSTER name"}
_ABOUT = {
    "SSH": "The way to the cluster.",
    "SLURM": "The cluster. Paths are absolute, or count from the account's home folder on the cluster. "
    "Runs on this machine (`--cluster local`) take none of it.",
    CLUSTER: "A further cluster, as many as there are. Such a section may have every key of [SSH] and "
    "[SLURM]; what it does not say, those two say. Where neither has a `host`, its name is the host of "
    "the SSH configuration.",
    "ANALYTICS": "The record of runs, and the tables that dashboards read.",
    "WORKER": "`biomero worker`, which drives everybody's runs.",
    "NOTIFY": "Whom a worker tells how runs end, by e-mail, by a webhook, or both.",
    "OMERO": "The OMERO server that images come from and results go to.",
    "CONVERTERS": "Container images that convert images for workflows.",
    WORKFLOWS: "Workflows by name. The name is the part before `_repo`; it may have `_`, `-` and digits. "
    "[MODELS] is the older name of this section; in one file, [WORKFLOWS] wins over it.",
}
_WIDTH = 100


def reference_markdown() -> str:
    """Return the reference page."""
    return "\n".join(_page()) + "\n"


def sample_ini() -> str:
    """Return a file of settings in which every key stands as a comment."""
    return "\n".join(_sample()) + "\n"


def _sections() -> Iterator[tuple[str, list[Setting]]]:
    for section in dict.fromkeys(setting.section for setting in SETTINGS):
        yield section, [setting for setting in SETTINGS if setting.section == section]


def _page() -> Iterator[str]:
    yield "<!-- Made by `biomero config reference`; do not edit. -->"
    yield "# Configuration: `slurm-config.ini`"
    yield ""
    yield from textwrap.wrap(
        f"Read in this order, where they exist: the file that comes with BIOMERO, "
        f"{', '.join(f'`{file}`' for file in FILES)}, and the file that a command names by `--config`. "
        "A later file overrides an earlier one, key by key; an empty value brings back the default.",
        _WIDTH,
    )
    yield ""
    yield from textwrap.wrap(
        f"`{AUTHORITATIVE}=/path/to/file` makes one file all there is: no other is read, and it is the one "
        "that `biomero config set` writes. Otherwise that writes the last of the usual ones.",
        _WIDTH,
    )
    yield ""
    yield from textwrap.wrap(
        "Where a key has variables of the environment, the first that is set and not empty overrides all "
        "files. A secret can also be given as a file that holds it: `<key>_file`, or the variable with "
        "`_FILE`.",
        _WIDTH,
    )
    yield ""
    yield from textwrap.wrap(
        "Keys are the same in upper and lower case. `%` is plain text. A comment has its own line. Lines "
        "that are indented belong to the value above them.",
        _WIDTH,
    )
    for section, settings in _sections():
        yield ""
        yield f"## [{_TITLES.get(section, section)}]"
        yield ""
        yield from textwrap.wrap(_ABOUT[section], _WIDTH)
        yield ""
        yield "| key | value | default | environment | meaning |"
        yield "| --- | --- | --- | --- | --- |"
        yield from map(_row, settings)


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default is not None else ""
    variables = ", ".join(f"`{name}`" for name in setting.variables)
    secret = " A secret." if setting.is_secret else ""
    cells = (f"`{setting.key}`", setting.kind.allowed, default, variables, setting.meaning + secret)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _sample() -> Iterator[str]:
    yield "# Settings of BIOMERO. Every key is here as a comment, with its default or an example."
    for section, settings in _sections():
        yield ""
        is_further = section == CLUSTER
        yield from _comment(_ABOUT[section])
        yield f"{'# ' if is_further else ''}[{_TITLES.get(section, section)}]"
        for setting in settings:
            yield ""
            yield from _comment(f"{setting.meaning} ({setting.kind.allowed})")
            line = setting.example or ""
            if not setting.is_pattern and setting.key != "remove":
                value = setting.default if setting.default is not None else setting.example
                line = f"{setting.key} = {value or ''}"
            yield f"#{line}"


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(text, _WIDTH):
        yield f"# {line}"
