# Finds a workflow's folder and its Python on a cluster, or makes the environment. Prints the folder, the
# interpreter, its version, a hash of the packages it has and "found" or "made", one a line.
#
# Arguments:
#   folder         where workflows and environments are kept; made if missing
#   workflow       name of the workflow's folder, with the hash of its content
#   arrived        "arrived" if the workflow's files have just been sent, all of them
#   requirements   what the environment is made from, in the workflow's folder: requirements.txt,
#                  pyproject.toml, or empty for no environment
#   key            hash of what the environment is made from
#   python         the interpreter to use as it is; empty for the machine's own and an environment
#   wait_s         how long another making of the same environment is waited for
#
# Exit statuses besides 0:
#   64 the workflow's files are not there   65 no such interpreter   66 no environment can be made
#   67 the packages cannot be installed     68 folder unusable       69 no space
#   75 waited in vain

folder=$1 workflow=$2 arrived=$3 requirements=$4 key=$5 python=$6 wait_s=$7

# Other people's settings must not choose what is found.
unset PYTHONPATH PYTHONHOME

mkdir -p -- "$folder/workflows" "$folder/environments" && folder=$(CDPATH= cd -- "$folder" && pwd) || exit 68
code=$folder/workflows/$workflow

base=$("${python:-python3}" -c 'import sys; print(sys.executable)') || exit 65
version=$("$base" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])') || exit 65

[ "$arrived" != arrived ] || : >"$code/.complete" || exit 68
[ -f "$code/.complete" ] || exit 64

packages_of() {
    "$1" -c '
import hashlib
from importlib.metadata import distributions
found = sorted({"%s==%s" % (d.metadata["Name"], d.version) for d in distributions()})
print(hashlib.sha256("\n".join(found).encode()).hexdigest())
'
}

report() {
    printf '%s\n' "$code" "$1" "$version" "$2" "$3"
    exit 0
}

if [ -n "$python" ] || [ -z "$requirements" ]; then
    packages=$(packages_of "$base") || exit 65
    report "$base" "$packages" found
fi

# Environments hold their own path, so that they are made in place; the mark at the end says that one is whole.
environment=$folder/environments/$key-$version
report_environment() {
    [ -f "$environment/.complete" ] && "$environment/bin/python" -c '' || return 0
    report "$environment/bin/python" "$(cat "$environment/.complete")" found
}
report_environment

exec 9>"$folder/environments/.$key-$version.lock" || exit 68
# Inherited by the tools below, so that an installation which outlives this script still keeps others waiting.
flock -E 75 -w "$wait_s" 9
case $? in
0) ;;
75) exit 75 ;;
*) exit 68 ;; # flock is missing or the file system has no locks, as stderr says
esac
report_environment

cd "$code" || exit 68
if [ "$requirements" = pyproject.toml ]; then
    set -- .
else
    set -- -r "$requirements"
fi

has_space() {
    probe=$1/.space.$$
    dd if=/dev/zero of="$probe" bs=1048576 count=16 2>/dev/null
    set -- $?
    rm -f -- "$probe"
    return "$1"
}

said=
# A full disk fails every tool in a way of its own, but all say it in the system's words, in English by LC_ALL.
fail() {
    [ -d "${TMPDIR-}" ] || TMPDIR=/tmp
    { has_space "$folder/environments" && has_space "$TMPDIR"; } || set -- 69
    case $said in *[Nn]'o space left on device'* | *[Dd]'isk quota exceeded'*) set -- 69 ;; esac
    printf '%s\n' "$said" >&2
    rm -rf -- "$environment"
    exit "$1"
}

export LC_ALL=C.UTF-8
with_uv() {
    command -v uv >/dev/null || return 1
    uv venv --quiet --python "$base" "$environment" >&2 &&
        uv pip install --quiet --python "$environment/bin/python" "$@" >&2
}

with_pip() {
    rm -rf -- "$environment"
    said=$("$base" -m venv "$environment" 2>&1) || fail 66
    said=$("$environment/bin/python" -m pip install --quiet --no-input --disable-pip-version-check "$@" 2>&1) || fail 67
}

rm -rf -- "$environment"
with_uv "$@" </dev/null || with_pip "$@" </dev/null
packages=$(packages_of "$environment/bin/python") || fail 67
printf '%s\n' "$packages" >"$environment/.complete" || fail 69
report "$environment/bin/python" "$packages" made
