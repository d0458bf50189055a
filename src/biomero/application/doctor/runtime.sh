# Says the version of the container runtime.
#
# Arguments:
#   executable     by name or path
#   modules        environment modules to load first, separated by spaces
executable=$1
for module in $2; do
    module load "$module" >&2 || { printf 'biomero:module %s\n' "$module"; exit 0; }
done
command -v "$executable" >/dev/null || exit 0
printf 'biomero:version %s\n' "$("$executable" --version 2>&1 | head -n 1)"
