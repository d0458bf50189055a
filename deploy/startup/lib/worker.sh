# shellcheck shell=bash
# What both kinds of worker share: names, waiting for the master, files of IceGrid, and the two processes.

OMERODIR=${OMERODIR:-/opt/omero/server/OMERO.server}
OMERO_WORKER_NAME=${OMERO_WORKER_NAME:-}
MASTER=${CONFIG_omero_master_host:-${OMERO_MASTER_HOST:-}}
REGISTRY_PORT=${OMERO_REGISTRY_PORT:-4061}
ROUTER_PORT=${OMERO_ROUTER_PORT:-4063}
MASTER_TIMEOUT_S=${OMERO_MASTER_TIMEOUT_S:-600}
TEMPLATES=${BIOMERO_TEMPLATES:-$(dirname -- "${BASH_SOURCE[0]}")/../templates}

say() { printf 'biomero: %s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}

# As the first process of a container a shell ignores what it has no trap for: it could not be stopped while it waits.
trap 'say "told to end"; exit 0' TERM INT HUP

# The names that an administrator must have given.
check_names() {
    [ -n "$MASTER" ] || die "no master is named: set CONFIG_omero_master_host to the host of OMERO.server"
    [ -n "$OMERO_WORKER_NAME" ] ||
        die "this worker has no name: set OMERO_WORKER_NAME to its node in CONFIG_omero_server_nodedescriptors"
    case $OMERO_WORKER_NAME in
    *[!A-Za-z0-9._-]*) die "OMERO_WORKER_NAME: '$OMERO_WORKER_NAME' may hold letters, digits, '.', '_' and '-'" ;;
    master) die "OMERO_WORKER_NAME: 'master' is the name of OMERO.server's own node" ;;
    esac
    [ -d "$OMERODIR" ] || die "$OMERODIR is no folder: set OMERODIR to where the node shall have its files"
}

# Print the address of a host; nothing if its name is not known.
address_of() { getent ahostsv4 "$1" | awk 'NR == 1 { print $1 }'; }

# Print this worker's address by its name: of several (a container in several networks has them), the one that the
# master sees it come from. The others may be out of the master's reach, as is loopback: Debian gives a machine's own name
# 127.0.1.1.
own_address_of() {
    local towards
    towards=$(python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 4061))
print(s.getsockname()[0])' "$MASTER_ADDRESS" 2>/dev/null)
    getent ahostsv4 "$1" |
        awk -v towards="$towards" 'NR == 1 { first = $1 } $1 == towards { found = 1 }
            END { print towards != "" && (found || first ~ /^127\./) ? towards : first }'
}

# Wait until the registry answers, with pauses that grow, and say what for; sets MASTER_ADDRESS.
await_master() {
    local pause=1 began=$SECONDS what
    while :; do
        MASTER_ADDRESS=$(address_of "$MASTER")
        if [ -z "$MASTER_ADDRESS" ]; then
            what="the name '$MASTER' (CONFIG_omero_master_host) does not resolve"
        elif timeout 5 bash -c "exec 3<>/dev/tcp/$MASTER_ADDRESS/$REGISTRY_PORT" 2>/dev/null; then
            say "the registry answers at $MASTER ($MASTER_ADDRESS), port $REGISTRY_PORT"
            return
        else
            what="no registry answers at $MASTER ($MASTER_ADDRESS), port $REGISTRY_PORT"
        fi
        if [ $((SECONDS - began + pause)) -gt "$MASTER_TIMEOUT_S" ]; then
            die "$what; given up after $((SECONDS - began)) s: is OMERO.server up, and its port $REGISTRY_PORT open?"
        fi
        say "waiting for OMERO.server: $what; next try in $pause s"
        # a trap waits for the end of a program, but not of `wait`
        sleep "$pause" &
        wait "$!"
        pause=$((pause < 30 ? pause * 2 : 30))
    done
}

# End with a message if something listens at a port of this machine already.
check_port_is_free() {
    python3 -c 'import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], int(sys.argv[2])))' "$1" "$2" 2>/dev/null ||
        die "port $2 at $1 cannot be used ($3): another process has it, or the address is not this machine's"
}

# Write a file of IceGrid from its template.
fill() {
    local text
    text=$(<"$TEMPLATES/$1")
    text=${text//@MASTER@/$MASTER_ADDRESS}
    text=${text//@REGISTRY_PORT@/$REGISTRY_PORT}
    text=${text//@ROUTER_PORT@/$ROUTER_PORT}
    text=${text//@NAME@/$OMERO_WORKER_NAME}
    text=${text//@ENDPOINTS@/$ENDPOINTS}
    printf '%s\n' "$text" >"$OMERODIR/etc/$2"
}

write_files() {
    mkdir -p "$OMERODIR/etc" "$OMERODIR/var/log" "$OMERODIR/var/$OMERO_WORKER_NAME"
    fill worker.cfg "$OMERO_WORKER_NAME.cfg"
    fill internal.cfg internal.cfg
    fill ice.config ice.config
    # `python -m runProcessor` looks in the node's folder first, which may be read-only and hold it already
    cmp -s "$TEMPLATES/../runProcessor.py" "$OMERODIR/runProcessor.py" ||
        cp -- "$TEMPLATES/../runProcessor.py" "$OMERODIR/runProcessor.py"
}

# Start the node and the engine; end with both as soon as one of them ends, or when we are told to.
supervise() {
    local engine=${BIOMERO_ENGINE-biomero worker} node_pid engine_pid='' told='' code=0
    cd "$OMERODIR" || die "$OMERODIR cannot be entered"
    export OMERO_WORKER_NAME OMERODIR
    icegridnode "--Ice.Config=etc/internal.cfg,etc/$OMERO_WORKER_NAME.cfg" --nochdir &
    node_pid=$!
    if [ -n "$engine" ]; then
        read -ra engine <<<"$engine"
        "${engine[@]}" &
        engine_pid=$!
    fi
    # a signal between here and `wait` must end it, too
    trap 'told=yes; kill -TERM "$node_pid" $engine_pid 2>/dev/null' TERM INT HUP
    say "node $OMERO_WORKER_NAME runs${engine_pid:+, and the engine}"
    # shellcheck disable=SC2086 # there may be no engine
    wait -n "$node_pid" $engine_pid || code=$?
    if [ -n "$told" ]; then
        say "told to end"
        code=0
    elif kill -0 "$node_pid" 2>/dev/null; then
        say "the engine has ended (exit code $code); the node ends, too"
        [ "$code" -ne 0 ] || code=1
    else
        say "the node has ended (exit code $code; see $OMERODIR/var/log); the engine ends, too"
        [ "$code" -ne 0 ] || code=1
    fi
    # shellcheck disable=SC2086 # told to end, both know it
    [ -n "$told" ] || kill -TERM "$node_pid" $engine_pid 2>/dev/null
    end_of "$node_pid" 60
    [ -z "$engine_pid" ] || end_of "$engine_pid" 45
    return "$code"
}

# Wait for the end of a process; kill it if that takes too long.
end_of() {
    local deadline=$((SECONDS + $2))
    while kill -0 "$1" 2>/dev/null; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            say "process $1 did not end within $2 s; it is killed"
            kill -KILL "$1" 2>/dev/null
            return
        fi
        sleep 0.2
    done
}
