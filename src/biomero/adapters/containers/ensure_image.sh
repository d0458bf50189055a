# Finds the image of a workflow on a cluster, or pulls it. Prints its path on one line and, as JSON, what
# it is on the next.
#
# Arguments:
#   executable     apptainer or singularity
#   modules        environment modules to load first, separated by spaces
#   wait_s         how long another pull of the same image is waited for
#   folder         where images are kept; made if missing
#   source         what to pull; empty where nothing may be pulled
#   name...        file names to look for; what is pulled gets the first that is free
#
# Exit statuses besides 0:
#   64 nothing there and nothing to pull   65 no such executable   66 the pull failed
#   67 not a whole image                   68 folder unusable      75 waited in vain

executable=$1 modules=$2 wait_s=$3 folder=$4 source=$5
shift 5

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

# An image whose note names another source is another image of the same name.
is_wanted() {
    [ -f "$1" ] || return 1
    note=$(note_of "$1")
    [ -n "$source" ] && [ -f "$note" ] || return 0
    grep -q -F -e "\"source\": \"$source\"" -e '"source": ""' "$note"
}

# Earlier versions kept each workflow's images in a folder of its own; two of one name cannot be told apart.
find_image() {
    for name; do
        if is_wanted "$folder/$name"; then
            found=$folder/$name
            return 0
        fi
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

# Prints what is known; writes it down where that is allowed, so that hashing happens once.
report() {
    printf '%s\n' "$found"
    if is_described "$found"; then
        cat "$(note_of "$found")"
        return
    fi
    text=$(describe "$found" "$1")
    if [ -w "${found%/*}" ]; then
        partial=$(note_of "$found").$$.partial
        printf '%s\n' "$text" >"$partial" && mv -f "$partial" "$(note_of "$found")"
    fi
    printf '%s\n' "$text"
}

[ -z "$source" ] || mkdir -p -- "$folder" || exit 68
[ -d "$folder" ] || exit 64
folder=$(CDPATH= cd -- "$folder" && pwd) || exit 68
found=
if find_image "$@" && is_described "$found"; then
    report ""
    exit
fi

lock=$folder/.$1.lock
if [ -w "$folder" ]; then
    exec 9>"$lock" || exit 68
    # Inherited by the tools below, so that a pull which outlives this script still keeps others waiting.
    flock -w "$wait_s" 9 || exit 75
elif [ -z "$found" ]; then
    printf '%s is not writable\n' "$folder" >&2
    exit 68
fi

found=
if find_image "$@"; then
    is_whole "$found" || { printf '%s\n' "$found" >&2; exit 67; }
    report ""
    exit
fi
[ -n "$source" ] || exit 64
command -v "$executable" >/dev/null || exit 65

for name; do
    target=$folder/$name
    [ -e "$target" ] || break
done
rm -f -- "$folder/.$1".*.partial
partial=$folder/.$1.$$.partial
trap 'rm -f -- "$partial"' EXIT
"$executable" pull --disable-cache "$partial" "$source" </dev/null >&2 || exit 66
is_whole "$partial" || { printf '%s\n' "$partial" >&2; exit 67; }
mv -f -- "$partial" "$target" || exit 68
found=$target
report "$source"
