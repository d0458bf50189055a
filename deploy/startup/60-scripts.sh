#!/usr/bin/env bash
# Puts BIOMERO's scripts where OMERO.server finds them, if the folder that both share is named.
set -euo pipefail

[ -n "${BIOMERO_SCRIPTS_FOLDER:-}" ] || exit 0
# runs go on without them, and the server may have those of an earlier start
biomero omero install-scripts "$BIOMERO_SCRIPTS_FOLDER" >&2 ||
    printf 'biomero: the scripts are not installed in %s\n' "$BIOMERO_SCRIPTS_FOLDER" >&2
