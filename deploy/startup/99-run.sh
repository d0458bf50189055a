#!/usr/bin/env bash
# Runs a worker in the same network as OMERO.server: all find each other by the addresses that names have there.
set -uo pipefail
[ "${OMERO_WORKER_KIND:-internal}" = internal ] || exit 0
# shellcheck source=deploy/startup/lib/worker.sh
. "${BIOMERO_STARTUP:-$(dirname -- "$0")}/lib/worker.sh"

check_names
# the name that others know this worker by; where there is none, the host's own
own=${OMERO_WORKER_HOST:-$OMERO_WORKER_NAME}
address=$(address_of "$own")
[ -n "$address" ] || address=$(address_of "$(hostname)")
[ -n "$address" ] || die "neither '$own' nor '$(hostname)' resolves: set OMERO_WORKER_HOST to this worker's name in the network"
ENDPOINTS="IceGrid.Node.Endpoints=tcp -h $address"
await_master
write_files
supervise
