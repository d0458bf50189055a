"""Convert the images of a data folder on the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from biomero.application.engine.convert import conversion_resources
from biomero.application.script_api.converters import Item, converter_for
from biomero.application.script_api.hand_over import check_folder, hand_over, new_key
from biomero.application.script_api.run import bind_environment
from biomero.application.script_api.session import DataFolder, ScriptSession
from biomero.application.script_api.submitted_job import SubmittedJob
from biomero.domain.file_names import check_name
from biomero.domain.job import JobResources
from biomero.domain.job_script import JobScript
from biomero.domain.resources import merge_resources
from biomero.errors import InputError

_MOST_TASKS = 1000
"""Slurm takes 1001 tasks in an array where nobody said otherwise."""
_TIME_MIN = 20
_MEMORY_MB = 1024

_LIST = 'cd -- "$1" && find . -mindepth 1 -maxdepth 1 -printf "%y/%P\\0"'

# $1 folder of the images  $2 where results are; then, for each image, its number and name.
# An image is taken away when its result stands under its final name, in one move that cannot be half done.
_PUBLISH = r"""
in=$1 staging=$2
shift 2
is_tiff() {
    [ -f "$1" ] && [ ! -L "$1" ] || return 1
    case $(head -c 4 -- "$1" | od -An -tx1 | tr -d ' \n') in
    49492a00 | 4d4d002a | 49492b00 | 4d4d002b) return 0 ;;
    esac
    return 1
}
while [ $# -gt 1 ]; do
    made=0
    for result in "$staging/$1"/*.tif "$staging/$1"/*.tiff; do
        [ -e "$result" ] || continue
        is_tiff "$result" || { printf '%s is no TIFF; %s stays\n' "$result" "$2" >&2; exit 3; }
        made=$((made + 1))
    done
    [ "$made" -gt 0 ] || { printf 'nothing came out of %s; it stays\n' "$2" >&2; exit 3; }
    for result in "$staging/$1"/*.tif "$staging/$1"/*.tiff; do
        [ -e "$result" ] || continue
        mv -f -T -- "$result" "$in/${result##*/}" || exit 1
    done
    mkdir -p -- "$staging/done.$1" && mv -T -- "$in/$2" "$staging/done.$1/image" || exit 1
    rm -rf -- "$staging/done.$1" "$staging/$1"
    shift 2
done
rmdir -- "$staging" 2>/dev/null || :
"""


def convert_data(
    session: ScriptSession,
    name: str,
    *,
    source_format: str = "zarr",
    target_format: str = "tiff",
    identity: str | None = None,
) -> SubmittedJob | None:
    """Submit the conversion of every image of a format in a data folder, as an array with a task an image.

    An image is removed when what was made of it was checked, and a task whose image cannot be converted fails
    and leaves it where it is. Images within images (label images in a store) are no images of their own.

    Returns
    -------
    SubmittedJob or None
        ``None`` where there is nothing to convert: the formats are the same, or all images are of the wanted
        one already.

    Raises
    ------
    InputError
        If the folder has no images.
    ConfigurationError
        If nothing converts between these formats.
    UsageError, ClusterError
        As `hand_over` and `ContainerRuntime.prepare` raise.
    """
    source, target = source_format.lower(), target_format.lower()
    if source == target:
        return None
    folder = check_folder(session, name)
    items = _items(session, folder, source, target)
    if not items:
        return None
    key = new_key(f"conversion-{source}-{target}", identity)
    converter = converter_for(session, folder, key, source=source, target=target)
    settings = session.cluster.settings
    resources = merge_resources(
        JobResources(time_limit_min=_TIME_MIN), conversion_resources(settings, JobResources())
    )
    staging = f"{folder.data}/.{key}"
    tasks = min(len(items), _MOST_TASKS)
    commands = converter.commands(items, staging, tasks=tasks, memory_mb=resources.memory_mb or _MEMORY_MB)
    script = JobScript(
        key=key,
        folder=folder.jobs,
        array_commands=tuple(commands),
        array_checks=tuple(_check(folder, staging, items[task::tasks]) for task in range(tasks)),
        environment={**bind_environment(settings), **converter.environment},
        prologue=settings.prologue,
    )
    return hand_over(
        session,
        folder,
        script,
        kind="conversion",
        resources=resources,
        comment=f"biomero conversion {source} to {target}",
    )


def _check(folder: DataFolder, staging: str, items: Sequence[Item]) -> tuple[str, ...]:
    words = [word for item in items for word in (str(item.index), item.source)]
    return ("sh", "-c", _PUBLISH, "sh", folder.input, staging, *words)


def _items(session: ScriptSession, folder: DataFolder, source: str, target: str) -> list[Item]:
    """Return what is to be converted, each with a name that nothing else has."""
    listed = session.run(_LIST, folder.input)
    if not listed.ok:
        raise InputError(f"{folder.input} cannot be read on the cluster: {listed.stderr.strip()}")
    entries = [entry.partition("/") for entry in listed.stdout.split("\0") if entry]
    kind = "d" if source == "zarr" else "f"
    wanted = sorted(name for found, _, name in entries if found == kind and name.endswith(f".{source}"))
    if not wanted:
        endings = (".tif", ".tiff") if target in {"tif", "tiff"} else (f".{target}",)
        if any(name.lower().endswith(endings) for _, _, name in entries):
            return []
        raise InputError(f"{folder.input} has no image of the format {source}")
    taken = {name for _, _, name in entries}
    items = []
    for index, name in enumerate(wanted):
        result = next(n for n in _names(name, source, target) if n not in taken)
        taken.add(result)
        items.append(Item(index=index, source=check_name(name), target=result))
    return items


def _names(name: str, source: str, target: str) -> Iterable[str]:
    """Yield names for the result, the best first: scripts find a result by how its image's name begins."""
    ending = "tif" if target == "tiff" else target
    plain = name.removesuffix(f".{source}")
    yield f"{plain.removesuffix('.ome')}.{ending}"
    yield f"{plain}.{ending}"
    yield f"{name}.{ending}"
    number = 2
    while True:
        yield f"{name}.{number}.{ending}"
        number += 1
