#!/usr/bin/env bash
# Copies SSH keys and settings from where they are mounted to where ssh looks, with the permissions that it wants.
# What is mounted may be read-only, from Windows (no permissions, CR at line ends), and have sub-folders.
set -euo pipefail
umask 077

SOURCE=${BIOMERO_SSH_SOURCE:-/tmp/.ssh}
TARGET=${BIOMERO_SSH_TARGET:-$HOME/.ssh}

say() { printf 'biomero: %s\n' "$*" >&2; }

if [ ! -d "$SOURCE" ]; then
    say "nothing is mounted at $SOURCE; the SSH configuration in $TARGET stays as it is"
    exit 0
fi

copy() {
    local from=$1 to=$2 mode
    if ! [ -r "$from" ]; then
        say "$from cannot be read by $(id -un) and is left out"
        return
    fi
    case ${to##*/} in
    *.pub | known_hosts | known_hosts[0-9]) mode=644 ;;
    *) mode=600 ;;
    esac
    # a name of its own until it is whole: ssh may be reading the one from last time
    tr -d '\r' <"$from" >"$to.new"
    chmod "$mode" "$to.new"
    mv -f -- "$to.new" "$to"
    if is_private_key "$to" && [ -n "$(find -L "$from" -maxdepth 0 -perm /077)" ]; then
        say "warning: $from can be read by others than its owner; give it mode 600 where it is mounted from"
    fi
}

is_private_key() { grep -q -m 1 -e '^-----BEGIN .*PRIVATE KEY-----' -- "$1"; }

mkdir -p "$TARGET"
chmod 700 "$TARGET"
# folders and files behind links, too: Kubernetes mounts secrets so; what begins with two dots is its own
while IFS= read -r -d '' path; do
    name=${path#"$SOURCE"/}
    if [ -d "$path" ]; then
        mkdir -p "$TARGET/$name"
        chmod 700 "$TARGET/$name"
    else
        copy "$path" "$TARGET/$name"
    fi
done < <(find -L "$SOURCE" -mindepth 1 -name '..*' -prune -o \( -type d -o -type f \) -print0)
# the status of `find`, of which the loop knows nothing
wait "$!" || say "warning: not all of $SOURCE could be listed; keys may be missing in $TARGET"
say "the SSH configuration of $SOURCE is in $TARGET"
