#!/usr/bin/env bash
# Starts the stock image of OMERO.server with its passwords from files; it knows them as variables only.
set -euo pipefail
# shellcheck source=deploy/startup/lib/secrets.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/secrets.sh"

ROOTPASS=$(secret_of "OMERO's root" "${ROOTPASS_FILE:?}")
CONFIG_omero_db_pass=$(secret_of "OMERO's database" "${OMERO_DB_PASSWORD_FILE:?}")
export ROOTPASS CONFIG_omero_db_pass
exec /usr/local/bin/entrypoint.sh "$@"
