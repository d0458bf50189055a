# Makes the folder for runs where it is missing, and looks whether and how much can be written there.
#
# Arguments:
#   folder         relative to the home folder if not absolute
say() { printf 'biomero:%s %s\n' "$1" "$2"; }
umask 077
folder=$1
said=$(mkdir -p -- "$folder/runs" 2>&1) || { say unmade "$said"; exit 0; }
cd -- "$folder" || { say unmade "it cannot be entered"; exit 0; }
say path "$(pwd -P)"
say mode "$(stat -L -c %a runs)"
# free blocks, their size, all inodes, free inodes
say room "$(stat -f -c '%a %S %c %d' .)"
said=$(timeout 20 quota -q 2>/dev/null) || say quota "$(printf '%s' "$said" | tr '\n' ' ')"
if command -v lfs >/dev/null; then
    timeout 20 lfs quota -q -u "$(id -un)" . 2>/dev/null | grep -F '*' | while read -r line; do say quota "$line"; done
fi
trial=runs/.doctor.$$
said=$(dd if=/dev/zero of="$trial" bs=65536 count=16 conv=fsync 2>&1) || say unwritten "$(printf '%s' "$said" | head -n 1)"
rm -f -- "$trial"
