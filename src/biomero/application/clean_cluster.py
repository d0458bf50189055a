"""Use case: remove from a cluster what no run needs any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from biomero.application.errand_runs import open_errand
from biomero.application.ports.clusters import Cluster
from biomero.application.services import Services
from biomero.domain.leftovers import CleaningRule, Leftover, Place
from biomero.errors import RemoteCommandError, UnknownRunError, UnparsableOutputError

# A folder of runs without the folders of a run is somebody else's.
# Of a folder's age, what lies in it and just below counts; deeper files come and go with those.
_LIST = """
cd -- "$1" 2>/dev/null || exit 0
for place in runs cache; do
    [ -d "$place" ] && [ ! -L "$place" ] || continue
    for folder in "$place"/* "$place"/.removing.*; do
        [ -d "$folder" ] && [ ! -L "$folder" ] || continue
        case $folder in
        runs/.removing.*) ;;
        runs/*) [ -d "$folder/in" ] && [ -d "$folder/out" ] && [ -d "$folder/logs" ] || continue ;;
        esac
        changed=$(find "$folder" -maxdepth 2 -printf '%T@\\n' 2>/dev/null | sort -n | tail -n 1)
        size=$(du -skx -- "$folder" 2>/dev/null | head -n 1 | cut -f 1)
        printf 'biomero:%s|%s|%s\\0' "${changed%%.*}" "${size:-0}" "$folder"
    done
done
"""

# First out of the way by its name, so that nobody takes what is removed half-way for a run. What an earlier
# removal left is removed too.
_REMOVE = """
remove() { rm -rf --one-file-system -- "$1" || { chmod -R u+rwX "$1"; rm -rf --one-file-system -- "$1"; }; }
cd -- "$1" || exit
shift
for folder; do
    place=${folder%%/*} name=${folder#*/}
    case $place in runs | cache) ;; *) exit 64 ;; esac
    case $name in '' | . | .. | */*) exit 64 ;; esac
    if [ -L "$place" ] || [ -L "$folder" ]; then exit 64; fi
    gone=$place/.removing.$name
    if [ -d "$folder" ]; then
        remove "$gone" || exit
        mv -T -- "$folder" "$gone" || exit
    fi
    remove "$gone" || exit
    printf 'biomero:%s\\0' "$folder"
done
"""
_PREFIX = ".removing."
_TIMEOUT_S = 600.0
_BATCH = 50
_STRANGERS_REST = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Something that the rule chose, and why it stays."""

    leftover: Leftover
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """What is to go, and what stays although the rule chose it."""

    going: tuple[Leftover, ...]
    kept: tuple[Kept, ...] = ()

    @property
    def size(self) -> int:
        """How many bytes will be free."""
        return sum(leftover.size for leftover in self.going)


def plan_cleaning(cluster: Cluster, services: Services, rule: CleaningRule) -> Cleaning:
    """Say what a rule would remove; nothing is changed.

    The folder of a run stays while the run is open: by our record, or by a job of its that waits or runs.

    Raises
    ------
    ClusterError
        If the cluster or its scheduler cannot be asked.
    """
    leftovers = list_leftovers(cluster)
    chosen = rule.chosen(leftovers, now=services.clock.now())
    jobs = [job.name for job in cluster.scheduler.load().jobs] if chosen else []
    going, kept = [], []
    for leftover in chosen:
        reason = _why_kept(leftover, services, jobs, rule)
        if reason is None:
            going.append(leftover)
        else:
            kept.append(Kept(leftover=leftover, reason=reason))
    return Cleaning(going=tuple(going), kept=tuple(kept))


def clean_cluster(cluster: Cluster, services: Services, rule: CleaningRule) -> Cleaning:
    """Remove what a rule chooses, and return it.

    Whether a run is open is asked again just before its folder goes. What dies half-way is ended by the next
    cleaning.

    Raises
    ------
    RemoteCommandError
        If something cannot be removed; what was removed before is gone.
    ClusterError
        If the cluster or its scheduler cannot be asked.
    """
    plan = plan_cleaning(cluster, services, rule)
    going, kept = [], list(plan.kept)
    for start in range(0, len(plan.going), _BATCH):
        jobs = [job.name for job in cluster.scheduler.load().jobs]
        batch = []
        for leftover in plan.going[start : start + _BATCH]:
            reason = _why_kept(leftover, services, jobs, rule)
            if reason is None:
                batch.append(leftover)
            else:
                kept.append(Kept(leftover=leftover, reason=reason))
        _remove(cluster, batch)
        going.extend(batch)
    return Cleaning(going=tuple(going), kept=tuple(kept))


def list_leftovers(cluster: Cluster) -> list[Leftover]:
    """Return every folder of runs and of the cache, with its age and size; one remote command.

    Raises
    ------
    ClusterError
        If the cluster cannot be asked.
    """
    result = cluster.shell.run(("sh", "-c", _LIST, "sh", cluster.settings.data_path), timeout_s=_TIMEOUT_S)
    rows = result.stdout.partition("biomero:")
    found: dict[tuple[Place, str], Leftover] = {}
    for row in f"{rows[1]}{rows[2]}".split("\0"):
        if row:
            leftover = _leftover(row)
            found.setdefault((leftover.place, leftover.name), leftover)
    return list(found.values())


def _leftover(row: str) -> Leftover:
    changed, _, rest = row.removeprefix("biomero:").partition("|")
    size, _, path = rest.partition("|")
    place, _, name = path.partition("/")
    try:
        return Leftover(
            place=Place(place),
            name=name.removeprefix(_PREFIX),
            changed=datetime.fromtimestamp(int(changed), tz=UTC),
            size=int(size) * 1024,
            is_half_gone=name.startswith(_PREFIX),
        )
    except ValueError as exc:
        raise UnparsableOutputError(f"a folder of the cluster is listed as {row!r}") from exc


def _why_kept(
    leftover: Leftover, services: Services, jobs: Collection[str], rule: CleaningRule
) -> str | None:
    """Return why a folder must stay; ``None`` if it may go."""
    run_id = leftover.run_id
    if run_id is None or leftover.is_half_gone:
        return None
    if any(run_id in name for name in jobs):
        return "a job of it waits or runs"
    try:
        status = services.record.get(run_id).status
    except UnknownRunError:
        # Of another machine, which may be sending images just now, or of a record that is gone
        is_old = services.clock.now() - leftover.changed > _STRANGERS_REST
        if rule.older_than is not None and is_old:
            return None
        return "this machine has no record of it; it can go by its age only, after a day"
    if not status.is_final:
        return f"it is {status.value}"
    user = open_errand(run_id, services.record)
    return None if user is None else f"run {user.run_id} needs what it holds"


def _remove(cluster: Cluster, leftovers: Sequence[Leftover]) -> None:
    if not leftovers:
        return
    folders = [f"{leftover.place.value}/{leftover.name}" for leftover in leftovers]
    result = cluster.shell.run(
        ("sh", "-c", _REMOVE, "sh", cluster.settings.data_path, *folders), timeout_s=_TIMEOUT_S * 6
    )
    if not result.ok:
        gone = result.stdout.count("biomero:")
        raise RemoteCommandError(
            f"{folders[gone] if gone < len(folders) else 'a folder'} cannot be removed from "
            f"{cluster.settings.data_path} on {cluster.settings.name}: {result.stderr.strip()}"
        )
