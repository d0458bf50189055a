#!/usr/bin/env bash
# Turns variables into OMERO's configuration, as the official image does: CONFIG_omero_master_host is omero.master.host,
# and two underscores stand for one.
set -euo pipefail

OMERODIR=${OMERODIR:-/opt/omero/server/OMERO.server}
export OMERODIR
mkdir -p "$OMERODIR/etc/grid"

say() { printf 'biomero: %s\n' "$*" >&2; }
quoted() { printf "'%s'" "${1//\'/\'\"\'\"\'}"; }

# all are set by one `omero`, which takes seconds to start
commands=''
while IFS= read -r -d '' entry; do
    variable=${entry%%=*} value=${entry#*=}
    case $variable in CONFIG_?*) ;; *) continue ;; esac
    key=${variable#CONFIG_}
    key=${key//__/$'\n'}
    key=${key//_/.}
    key=${key//$'\n'/_}
    # the value is not shown: it may be a password
    say "$key is set from $variable"
    case $value in
    *$'\n'*) omero config set -- "$key" "$value" ;;
    *) commands+="config set -- $(quoted "$key") $(quoted "$value")"$'\n' ;;
    esac
done < <(env -0 | sort -z)
[ -z "$commands" ] || printf '%s' "$commands" | omero load
