#!/usr/bin/env bash
# Runs a worker in the same network as OMERO.server: all find each other by the addresses that names have there.
set -uo pipefail
[ "${OMERO_WORKER_KIND:-internal}" = internal ] || exit 0
# shellcheck source=deploy/startup/lib/worker.sh
. "${BIOMERO_STARTUP:-$(dirname -- "$0")}/lib/worker.sh"

check_names
# the name that others know this worker by; where there is none, the host's own
own=${OMERO_WORKER_HOST:-$OMERO_WORKER_NAME}
[ -n "$(address_of "$own")" ] || own=$(hostname)
[ -n "$(address_of "$own")" ] ||
    die "neither '${OMERO_WORKER_HOST:-$OMERO_WORKER_NAME}' nor '$own' resolves: set OMERO_WORKER_HOST to this worker's name in the network"
await_master
address=$(own_address_of "$own")
ENDPOINTS="IceGrid.Node.Endpoints=tcp -h $address"
# the master's descriptor says "all addresses", and OMERO would wait for those that it does not reach
export BIOMERO_PROCESSOR_ENDPOINTS="tcp -h $address"
write_files
supervise
