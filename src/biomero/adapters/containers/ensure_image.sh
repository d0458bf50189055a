# Finds an image on a cluster, or pulls it. Prints "found" or "made" on one line, its path on the next
# and, as JSON, what it is on the last.
#
# Arguments:
#   mode           "look" to look only, "pull" to pull what is missing, "note" to write down where the image
#                  came from that stands there now
#   executable     apptainer or singularity
#   modules        environment modules to load first, separated by spaces
#   wait_s         how long another pull of the same image is waited for
#   temporary      where images are built; empty for the machine's own place
#   cache          where layers are kept; empty for a place of this pull only
#   folder         where images are kept
#   subfolder      the image's own folder below it, or empty
#   source         what to pull; empty where nothing may be pulled
#   name...        file names to look for; what is pulled gets the first that is free
#
# Exit statuses besides 0:
#   64 nothing there and nothing to pull   65 no such executable   66 the pull failed
#   67 not a whole image                   68 folder unusable      69 no space
#   75 waited in vain

mode=$1 executable=$2 modules=$3 wait_s=$4 temporary=$5 cache=$6 folder=$7 subfolder=$8 source=$9
shift 9

# Folders may be relative to the home folder, whatever folder a job works in.
cd -- "${HOME:-.}" || exit 68

for module in $modules; do
    module load "$module" >&2 || exit 65
done

# A SIF begins with a line for the kernel, its magic, and (little-endian) where its data starts and how long it is.
is_whole() {
    [ "$(dd if="$1" bs=1 skip=32 count=9 2>/dev/null)" = SIF_MAGIC ] || return 1
    set -- "$1" $(od -An -t u8 -j 112 -N 16 "$1")
    [ $# -eq 3 ] && [ "$(stat -L -c %s "$1")" -ge $(($2 + $3)) ]
}

note_of() { printf '%s.json' "${1%.sif}"; }

# An image whose note names another source is another image of the same name. What an admin put there is meant.
is_wanted() {
    [ -f "$1" ] || return 1
    note=$(note_of "$1")
    [ -n "$source" ] && [ -f "$note" ] || return 0
    grep -q -F -e "\"source\": \"$source\"" -e '"source": ""' -e '"source": "file:' "$note"
}

# Earlier versions kept each workflow's images in a folder of its own; two of one name cannot be told apart.
find_image() {
    found=
    for name; do
        for path in "$place/$name" "$folder/$name"; do
            is_wanted "$path" || continue
            found=$path
            return 0
        done
        for nested in "$folder"/*/"$name"; do
            is_wanted "$nested" || continue
            [ -z "$found" ] || { found=; break; }
            found=$nested
        done
        [ -z "$found" ] || return 0
    done
    return 1
}

# Where a program is that the command line names relative to it: images made from Docker's keep their settings,
# others may carry a label.
working_folder() {
    command -v "$executable" >/dev/null || return 0
    {
        for id in $("$executable" sif list "$1" 2>/dev/null | sed -n 's/^\([0-9]\{1,\}\) .*JSON.Generic.*/\1/p'); do
            "$executable" sif dump "$id" "$1" 2>/dev/null |
                sed -n -e '/^{"data"/d' -e 's/^{.*"WorkingDir":"\([^"\]*\)".*/\1/p'
        done
        "$executable" inspect --labels "$1" 2>/dev/null | sed -n 's/^biomero.working-folder: \(\/[^"\]*\)$/\1/p'
    } | head -n 1
}

is_described() {
    grep -q -F "\"size\": $(stat -L -c %s "$1"), \"modified\": $(stat -L -c %.9Y "$1")," "$(note_of "$1")" 2>/dev/null
}

describe() {
    printf '{"digest": "sha256:%s", "source": "%s", "size": %s, "modified": %s, "working_folder": "%s", "when": "%s"}\n' \
        "$(sha256sum <"$1" | cut -d ' ' -f 1)" "$2" "$(stat -L -c %s "$1")" "$(stat -L -c %.9Y "$1")" \
        "$(working_folder "$1")" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
}

# Writes down beside an image what it is, where that is allowed, so that hashing happens once.
note() {
    [ -w "${1%/*}" ] || return 0
    partial=$(note_of "$1").$$.partial
    { printf '%s\n' "$2" >"$partial" && mv -f "$partial" "$(note_of "$1")"; } 2>/dev/null || rm -f "$partial"
}

# Prints what is known; nobody may be there to read it, so that nothing comes after.
report() {
    if is_described "$found" && [ "$mode" != note ]; then
        text=$(cat "$(note_of "$found")")
    else
        text=$(describe "$found" "$2")
        note "$found" "$text"
    fi
    printf '%s\n' "$1" "$found" "$text"
}

report_found() {
    is_whole "$found" || { printf '%s\n' "$found" >&2; exit 67; }
    report found ""
    exit
}

remove() { [ ! -e "$1" ] || { chmod -R u+rwX "$1" && rm -rf -- "$1"; } 2>/dev/null; }

has_space() {
    probe=$1/.space.$$
    dd if=/dev/zero of="$probe" bs=1048576 count=16 2>/dev/null
    set -- $?
    rm -f -- "$probe"
    return "$1"
}

if [ "$mode" = pull ] && [ -n "$source" ]; then
    mkdir -p -- "$folder" || exit 68
fi
[ -d "$folder" ] || exit 64
folder=$(CDPATH= cd -- "$folder" && pwd) || exit 68
place=$folder${subfolder:+/$subfolder}
if [ "$mode" = note ]; then
    found=$place/$1
    [ -f "$found" ] || exit 64
    is_whole "$found" || { printf '%s\n' "$found" >&2; exit 67; }
    report made "$source"
    exit
fi
work=$place/.$1.pull
if find_image "$@" && is_described "$found"; then
    # What an attempt left that died when it had its image is removed by those who hold the lock
    [ "$mode" = pull ] && [ -d "$work" ] || report_found
fi
if [ "$mode" != pull ] || { [ -z "$source" ] && [ -z "$found" ]; }; then
    [ -n "$found" ] || exit 64
    report_found
fi

[ -n "$found" ] || mkdir -p -- "$place" || exit 68
if [ -w "$place" ]; then
    exec 9>"$place/.$1.lock" || exit 68
    # Inherited by the tools below, so that a pull which outlives this script still keeps others waiting.
    flock -E 75 -w "$wait_s" 9
    case $? in
    0) ;;
    75) exit 75 ;;
    *) exit 68 ;; # flock is missing or the file system has no locks, as stderr says
    esac
elif [ -z "$found" ]; then
    printf '%s is not writable\n' "$place" >&2
    exit 68
fi

if find_image "$@"; then
    [ ! -w "$place" ] || remove "$work"
    report_found
fi
[ -n "$source" ] || exit 64
command -v "$executable" >/dev/null || exit 65

for name; do
    target=$place/$name
    [ -e "$target" ] || break
done

# All that a pull makes is below these two folders, whose names the next attempt knows. Layers that arrived are
# kept for it, where no other place is named for them.
[ -d "${TMPDIR-}" ] || TMPDIR=/tmp
case $temporary in
'') base=$TMPDIR ;;
*)
    mkdir -p -- "$temporary" || exit 68
    base=$(CDPATH= cd -- "$temporary" && pwd) || exit 68
    ;;
esac
build=$base/biomero-pull-$(id -u)-$(printf '%s' "$work" | sha256sum | cut -c -16)
# Others may write to the machine's temporary folder; what is in our place must be our own.
if [ -L "$build" ] || { [ -e "$build" ] && [ ! -O "$build" ]; }; then
    printf '%s belongs to somebody else\n' "$build" >&2
    exit 68
fi
remove "$build"
mkdir -m 700 -- "$build" || exit 68
mkdir -p -- "$work" && rm -rf -- "$work/image.sif" "$work"/cache/cache/*/tmp_* && : >"$work/log" || { remove "$build"; exit 69; }
trap 'remove "$build"; rm -f -- "$work/image.sif"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

case ${executable##*/} in
singularity) prefix=SINGULARITY ;;
*) prefix=APPTAINER ;;
esac
export "${prefix}_TMPDIR=$build" "${prefix}_CACHEDIR=${cache:-$work/cache}"
mkdir -p -- "${cache:-$work/cache}" || exit 68

# Kept here too, as a full disk has no room for the log. Its words are the system's own, in English by LC_ALL.
export LC_ALL=C
said=$({
    "$executable" pull "$work/image.sif" "$source" </dev/null 2>&1
    printf '\nended %s\n' "$?"
} | tee -- "$work/log" 2>/dev/null)
if [ "${said##*ended }" != 0 ]; then
    status=66
    printf '%s\n' "${said%ended *}" | tail -n 20 >&2
    { has_space "$work" && has_space "$build"; } 2>/dev/null || status=69
    case $said in *[Nn]'o space left on device'* | *[Dd]'isk quota exceeded'*) status=69 ;; esac
    # Layers that arrived are worth keeping, unless there is no room for them
    if [ "$status" = 69 ] || [ -z "$(find "$work/cache" -path '*/blobs/sha256/*' -type f 2>/dev/null)" ]; then
        remove "$work"
    fi
    exit "$status"
fi
is_whole "$work/image.sif" || { printf '%s\n' "$work/image.sif" >&2; exit 67; }
# On the disk before it has its name, so that a machine which loses power leaves no empty image.
sync -- "$work/image.sif" 2>/dev/null
found=$target
note "$target" "$(describe "$work/image.sif" "$source")"
mv -f -- "$work/image.sif" "$target" || exit 68
remove "$build"
remove "$work"
report made "$source"
