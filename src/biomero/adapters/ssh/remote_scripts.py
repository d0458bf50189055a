"""What transfers run at the far end: POSIX sh, GNU coreutils, find and tar; no Python.

The scripts never change; names and numbers come as their arguments or on their input. Names of files are
never read by a shell where `find`, `tar` and `mv` can take them as they are.
"""

from __future__ import annotations

# Errors of the operating system are told by their text in the C locale, which is fixed; names are bytes.
_SETTING = """
set -eu
LC_ALL=C
export LC_ALL
unset TAR_OPTIONS POSIXLY_CORRECT CDPATH
"""

# Sizes first, as `find` prints them; then hashes, where GNU escapes backslashes and line feeds in names.
_REPORT = r"""
report() {
    find . -name '.biomero-staging-*' -prune -o -type f -printf '%s %P\0'
    printf '\0'
    find . -name '.biomero-staging-*' -prune -o -type f -exec sha256sum -- {} +
}
"""

RECEIVE = (
    _SETTING
    + _REPORT
    + r"""
# $1 folder  $2 name of the staging folder in it; the files come as a tar stream
mkdir -p -- "$1"
cd -P -- "$1"
mkdir -m 700 -- "$2"
whole=no
trap 'test "$whole" = yes || rm -rf -- "$2"' EXIT
trap 'exit 143' HUP INT TERM PIPE
# --touch: clusters purge scratch space by age, and an image may be years old
if tar --extract --touch --no-same-owner --no-same-permissions --directory="$2" --file=-; then :; else
    status=$?
    # tar tells a disk that became full in the middle of a block as a short write, without the reason
    dd if=/dev/zero of="$2/.probe" bs=1048576 count=1 status=none || true
    exit "$status"
fi
( cd -- "$2" && report )
whole=yes
"""
)
"""Takes files in under temporary names and reports on what arrived."""

PUBLISH = (
    _SETTING
    + r"""
# $1 folder  $2 name of the staging folder in it
cd -P -- "$1"
trap 'rm -rf -- "$2"' EXIT
trap 'exit 143' HUP INT TERM PIPE
merge() {
    find "$1" -mindepth 1 -maxdepth 1 -type f -exec mv -f -t "$2" -- {} +
    for from in "$1"/*/ "$1"/.[!.]*/ "$1"/..?*/; do
        test -d "$from" || continue
        from=${from%/}
        to=$2/${from##*/}
        if test -L "$to"; then
            echo "biomero: refused: $to is a symbolic link" >&2
            exit 79
        elif test -d "$to"; then
            merge "$from" "$to"
        else
            mv -T -- "$from" "$to"
        fi
    done
}
merge "./$2" .
"""
)
"""Gives what arrived its final names: whole folders at once where they are new, else files one by one."""

DISCARD = (
    _SETTING
    + r"""
cd -P -- "$1"
rm -rf -- "$2"
"""
)
"""Removes a staging folder."""

LISTING = (
    _SETTING
    + _REPORT
    + r"""
# $1 folder
ls -d -- "$1" >/dev/null || exit 78
cd -P -- "$1"
report
"""
)
"""Reports on every regular file below a folder; ends with 78 and `ls`'s words if it cannot be seen."""

SEND = (
    _SETTING
    + r"""
# $1 folder  $2 how many bytes of the input name folders, the rest names files; all end with NUL
cd -P -- "$1"
head -c "$2" | xargs -0 sh -c '
    for folder do
        if test -L "$folder"; then
            printf "biomero: refused: %s is a symbolic link\n" "$folder" >&2
            exit 255
        fi
    done' sh || exit 79
# 1: a file changed while it was read, as logs of running jobs do; what came is whole by its header's size
tar --create --format=gnu --blocking-factor=512 --hard-dereference --no-recursion --file=- \
    --null --no-unquote --files-from=- || test $? = 1
"""
)
"""Sends files as a tar stream; ends with 79 if one would be reached through a symbolic link."""

UNSAFE_STATUS = 79
MISSING_STATUS = 78

PART = (
    _SETTING
    + r"""
# $1 file
if test -f "$1" && ! test -L "$1"; then
    wc -c <"$1"
    sha256sum <"$1"
else
    echo 0
fi
"""
)
"""Reports size and hash of what an earlier attempt left."""

APPEND = (
    _SETTING
    + r"""
# $1 folder of the file  $2 file  $3 'continue' or 'anew'; the bytes come on the input
mkdir -p -- "$1"
test "$3" = continue || rm -f -- "$2"
cat >>"$2"
wc -c <"$2"
sha256sum <"$2"
"""
)
"""Takes bytes in at the end of a file and reports its size and hash."""

RENAME = (
    _SETTING
    + r"""
mv -f -T -- "$1" "$2"
"""
)

REMOVE = (
    _SETTING
    + r"""
rm -f -- "$1"
"""
)

PREFIX = (
    _SETTING
    + r"""
# $1 file  $2 bytes
wc -c <"$1"
head -c "$2" <"$1" | sha256sum
"""
)
"""Reports the size of a file and the hash of its first bytes."""

REST = (
    _SETTING
    + r"""
# $1 file  $2 number of the first byte to send, from 1
tail -c "+$2" <"$1"
sha256sum <"$1"
"""
)
"""Sends the rest of a file, then its whole hash."""


def script(text: str, *arguments: str) -> tuple[str, ...]:
    """Return the argv that runs a script with arguments."""
    return ("sh", "-c", text, "sh", *arguments)
