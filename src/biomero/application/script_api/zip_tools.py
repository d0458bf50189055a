"""Packing and unpacking on the cluster, with whatever is there for it.

The scripts are constant; the tools are told names as arguments, and no shell ever expands a pattern.
"""

from __future__ import annotations

import posixpath

from biomero.errors import ConfigurationError, NoSpaceError, RemoteCommandError

_NO_TOOL = 81
_NO_SPACE = 85

# Python first: it keeps every name as it is. Others change what the locale cannot spell, and zip does not say
# in which alphabet it writes names.
_FIND = """
works() {
    command -v "$1" >/dev/null 2>&1 || return 1
    [ "${1##*/}" != python3 ] || "$1" -c 'import sys, zlib; sys.exit(sys.version_info < (3, 6))' 2>/dev/null
}
tool=
for candidate in $candidates; do
    if works "$candidate"; then tool=$candidate; break; fi
done
"""

_UNPACK_PYTHON = """
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    archive.extractall(sys.argv[2])
"""

_PACK_PYTHON = r"""
import os, sys, zipfile
target, skipped = sys.argv[1], 0
with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, True) as archive:
    for place, folders, names in os.walk("."):
        folders.sort()
        if place != ".":
            archive.write(place)
        for name in sorted(names):
            path = os.path.join(place, name)
            if os.path.islink(path) or not os.path.isfile(path):
                print("left out, as it is no regular file: %r" % path, file=sys.stderr)
                continue
            # Times before 1980 do not fit into a zip.
            info = zipfile.ZipInfo(os.path.relpath(path, "."), (1980, 1, 1, 0, 0, 0))
            try:
                info = zipfile.ZipInfo.from_file(path, info.filename)
            except ValueError:
                pass
            info.compress_type = zipfile.ZIP_DEFLATED
            with open(path, "rb") as source, archive.open(info, "w", force_zip64=True) as packed:
                while True:
                    block = source.read(1 << 20)
                    if not block:
                        break
                    packed.write(block)
"""

# $1 archive  $2 parent of everything  $3 name of the data folder  $4 unpacking program of the configuration
# $5 what Python runs  $6 KiB that are needed; on the input, each ending with NUL: the names to keep
UNPACK = (
    r"""
set -u
umask 077
candidates=$4
[ -n "$candidates" ] || candidates='python3 7z 7za 7zz unzip'
"""
    + _FIND
    + r"""
[ -n "$tool" ] || exit 81
cd -P -- "$2" || exit 1
[ ! -L "$3" ] || { echo "$3 is a symbolic link" >&2; exit 1; }
mkdir -p -- "$3" || exit 1
cd -P -- "./$3" || exit 1
staging=$PWD/.unpacking.$$
# What a killed attempt left, long ago: another one may be at work now.
find . -maxdepth 1 -name '.unpacking.*' -mtime +1 -exec rm -rf -- {} +
[ "$(df -Pk . | awk 'END { print $4 }')" -gt "$6" ] || { echo "there is no space for $6 KiB" >&2; exit 85; }
trap 'rm -rf -- "$staging"' EXIT
trap 'exit 143' HUP INT TERM PIPE
mkdir -- "$staging" "$staging/all" "$staging/in" || exit 1
case ${tool##*/} in
python*) "$tool" -c "$5" "$1" "$staging/all" ;;
unzip) "$tool" -q -o -d "$staging/all" -- "$1" </dev/null ;;
*) "$tool" x -y -bso0 -bsp0 "-o$staging/all" -- "$1" </dev/null ;;
esac >&2 || { echo "$tool could not unpack it" >&2; exit 82; }
[ -z "$(find "$staging/all" ! -type f ! -type d | head -n 1)" ] || { echo "it has links in it" >&2; exit 83; }
chmod -R u+rwX -- "$staging/all"
(
    cd -- "$staging/all" && xargs -0 sh -c '
        into=$1; shift
        for name do mv -T -- "./$name" "$into/$name" || exit 1; done' sh "$staging/in"
) || { echo "$tool gave names that are not those in the archive" >&2; exit 84; }
mkdir -p data/out data/gt || exit 1
if [ -d data/in ]; then
    for from in "$staging/in"/* "$staging/in"/.[!.]*; do
        [ -e "$from" ] || continue
        to=data/in/${from##*/}
        [ ! -e "$to" ] || mv -T -- "$to" "$staging/old.${from##*/}" || exit 1
        mv -T -- "$from" "$to" || exit 1
    done
else
    mv -T -- "$staging/in" data/in || exit 1
fi
printf 'biomero:tool %s\n' "$tool"
"""
)
"""Unpacks into a folder of its own, and then gives what is wanted its final names."""

# $1 the folder that is packed  $2 folder of the archive  $3 name of the archive  $4 program  $5 for Python
PACK = (
    r"""
set -u
umask 077
candidates=$4
[ -n "$candidates" ] || candidates='python3 7z 7za 7zz zip'
"""
    + _FIND
    + r"""
[ -n "$tool" ] || exit 81
[ -d "$1" ] && [ ! -L "$1" ] || { echo "there is no folder $1" >&2; exit 1; }
cd -P -- "$1" || exit 1
target=$2/$3 part=$2/.packing.$$.zip
trap 'rm -f -- "$part"' EXIT
trap 'exit 143' HUP INT TERM PIPE
case ${tool##*/} in
python*) "$tool" -c "$5" "$part" ;;
zip) "$tool" -q -r -y "$part" . ;;
*) "$tool" a -y -snl -tzip -bso0 -bsp0 "$part" . ;;
esac </dev/null || { echo "$tool could not pack it" >&2; exit 82; }
mv -f -T -- "$part" "$target" || exit 1
printf 'biomero:tool %s\n' "$tool"
"""
)
"""Packs a folder under a temporary name, links never followed, and then gives the archive its final one."""

PACK_PYTHON = _PACK_PYTHON
UNPACK_PYTHON = _UNPACK_PYTHON

_SIBLINGS = {"zip": "unzip", "unzip": "unzip"}
_OLD_DEFAULT = "$(command -v 7z || command -v 7za)"
"""What BIOMERO 2 documented for "whatever is there"; no shell reads it here."""
_KNOWN = ("7z", "7za", "7zz", "7zr", "zip", "unzip", "python3")


def packer(zip_command: str | None) -> str:
    """Return the program that packs, as the configuration has it; empty where it says nothing.

    Raises
    ------
    ConfigurationError
        If it is no program that is known here, or more than its name or path.
    """
    if not zip_command or zip_command == _OLD_DEFAULT:
        return ""
    name = posixpath.basename(zip_command)
    if name not in _KNOWN or any(c.isspace() or c in "$`;&|<>*?[]'\"\\" for c in zip_command):
        raise ConfigurationError(
            f"slurm_zip_cmd = {zip_command}: give the name or path of one of {', '.join(_KNOWN)}, "
            "or leave it out to take what is there"
        )
    return zip_command


def unpacker(zip_command: str | None) -> str:
    """Return the program that unpacks; beside ``zip`` that is ``unzip``.

    Raises
    ------
    ConfigurationError
        As `packer` does.
    """
    program = packer(zip_command)
    folder, name = posixpath.split(program)
    return posixpath.join(folder, _SIBLINGS.get(name, name))


def tool_error(status: int, said: str, what: str) -> RemoteCommandError | NoSpaceError:
    """Return the error of a script of this file that ended with another status than 0."""
    if status == _NO_SPACE:
        return NoSpaceError(f"{what}: {said.strip()}")
    if status == _NO_TOOL:
        return RemoteCommandError(
            f"{what}: the cluster has none of python3, 7z, 7za, zip with unzip for commands without a "
            "terminal; name one in [SLURM] slurm_zip_cmd"
        )
    return RemoteCommandError(f"{what} failed: {said.strip() or f'status {status}'}")
