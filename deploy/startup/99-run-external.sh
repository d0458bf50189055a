#!/usr/bin/env bash
# Runs a worker outside of OMERO.server's network: it is called at an address and ports of its own, through NAT.
set -uo pipefail
[ "${OMERO_WORKER_KIND:-external}" = external ] || exit 0
# shellcheck source=deploy/startup/lib/worker.sh
. "${BIOMERO_STARTUP:-$(dirname -- "$0")}/lib/worker.sh"

check_names
[ -n "${OMERO_WORKER_ADDRESS:-}" ] ||
    die "set OMERO_WORKER_ADDRESS to the address or name at which OMERO.server reaches this worker"
address=$(address_of "$OMERO_WORKER_ADDRESS")
[ -n "$address" ] || die "the name '$OMERO_WORKER_ADDRESS' (OMERO_WORKER_ADDRESS) does not resolve"
port=${OMERO_WORKER_PORT:-4062}
processor_port=${OMERO_PROCESSOR_PORT:-4066}
inside=${OMERO_WORKER_BIND:-0.0.0.0}
check_port_is_free "$inside" "$port" OMERO_WORKER_PORT
check_port_is_free "$inside" "$processor_port" OMERO_PROCESSOR_PORT
ENDPOINTS="IceGrid.Node.Endpoints=tcp -h $inside -p $port
IceGrid.Node.PublishedEndpoints=tcp -h $address -p $port"
# the master's descriptor says "any port" for the server of scripts; ours wins where it runs
export BIOMERO_PROCESSOR_ENDPOINTS="tcp -h $inside -p $processor_port"
export BIOMERO_PROCESSOR_PUBLISHED="tcp -h $address -p $processor_port"
await_master
write_files
supervise
