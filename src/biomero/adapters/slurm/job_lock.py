"""The lock of one job: who submits it, and who ends it before anybody heard that it is there."""

from __future__ import annotations

# Where the file system has no flock (some Lustre), a folder, which counts for 5 minutes. It is held until the
# shell ends; programs that are started meanwhile are to close 9, or they would hold it, too.
LOCK = r"""
lock() {
  (umask 077; LC_ALL=C; : >>"lock.$1") || return 1
  exec 9>>"lock.$1"
  flock -E 75 -w 90 9 2>/dev/null
  case $? in 0) return 0 ;; 75) return 75 ;; esac
  tries=90
  until mkdir "lock.$1.d" 2>/dev/null; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 75
    [ -z "$(find "lock.$1.d" -maxdepth 0 -mmin +5 2>/dev/null)" ] || rmdir "lock.$1.d"
    sleep 1
  done
  held=lock.$1.d
  trap 'rmdir "$held"' EXIT
}
"""
"""`lock KEY` in the job's folder returns 0 with the lock, 75 if others have it, 1 if it cannot be made."""
