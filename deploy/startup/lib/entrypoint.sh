#!/usr/bin/env bash
# Prepares SSH and the configuration, then becomes what the container is for: a worker of OMERO, or a command.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

# shellcheck source=deploy/startup/lib/secrets.sh
. "$here/lib/secrets.sh"
check_database_password

"$here/10-mount-ssh.sh"
case ${OMERO_WORKER_KIND:-none} in
none) ;;
internal | external)
    "$here/50-config.sh"
    "$here/60-scripts.sh"
    ;;
*) refuse "OMERO_WORKER_KIND: '$OMERO_WORKER_KIND' is none of internal, external, none" ;;
esac

if [ "$#" -gt 0 ]; then
    exec "$@"
fi
case ${OMERO_WORKER_KIND:-none} in
internal) exec "$here/99-run.sh" ;;
external) exec "$here/99-run-external.sh" ;;
*) refuse "nothing to run was given, and OMERO_WORKER_KIND is 'none'" ;;
esac
