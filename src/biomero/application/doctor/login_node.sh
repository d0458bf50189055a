# Says who and where we are on the login node, and which of the programs given as arguments are missing.
say() { printf 'biomero:%s %s\n' "$1" "$2"; }
say host "$(uname -n)"
say user "$(id -un)"
say time "$(date +%s)"
for program; do
    command -v "$program" >/dev/null || say missing "$program"
done
