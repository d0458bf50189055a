# Runs in a job, in the job's folder: looks at the node and leaves what it saw in the file `answer`.
#
# Arguments:
#   executable     the container runtime, by name or path; empty where none is needed
#   modules        environment modules to load first, separated by spaces
say() { printf 'biomero:%s %s\n' "$1" "$2"; }
umask 077
executable=$1 modules=$2
{
    say node "${SLURMD_NODENAME:-$(uname -n)}"
    say time "$(date +%s)"
    say token "$(cat token)"
    say python "$(python3 -c 'import sys; print(sys.version.split()[0])' 2>/dev/null)"
    # free blocks and their size
    say room "$(stat -f -c '%a %S' "${TMPDIR:-/tmp}")"
    for module in $modules; do module load "$module" >&2 || say module "$module"; done
    if [ -n "$executable" ] && command -v "$executable" >/dev/null; then
        say runtime "$("$executable" --version 2>&1 | head -n 1)"
    fi
} >answer.part
mv -f answer.part answer
