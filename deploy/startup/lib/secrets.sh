# shellcheck shell=bash
# Secrets come from files, and passwords that everybody knows are refused.

refuse() {
    printf 'biomero: %s\n' "$*" >&2
    exit 1
}

# Refuse a password that is empty or one that installation guides use: $1 says whose it is.
check_password() {
    case ${2,,} in
    '') refuse "$1: the password is empty" ;;
    omero | biomero | postgres | root | admin | password | passwd | secret | changeme | change-me | change_me | \
        default | test | 1234 | 12345 | 123456 | omero-root-password | omero_root_password)
        refuse "$1: the password is one that everybody knows; choose another" ;;
    esac
    [ "${#2}" -ge 8 ] || refuse "$1: the password has fewer than 8 characters"
}

# Print the secret in a file: $1 says whose it is, $2 is the file.
secret_of() {
    [ -r "$2" ] || refuse "$1: $2 cannot be read; secrets are mounted as files"
    local text
    text=$(<"$2")
    check_password "$1" "$text"
    printf '%s' "$text"
}

# Look at the password in the address of BIOMERO's database, in a variable or in the file that one names.
check_database_password() {
    local url=${SQLALCHEMY_URL:-}
    if [ -n "${SQLALCHEMY_URL_FILE:-}" ]; then
        [ -r "$SQLALCHEMY_URL_FILE" ] || refuse "SQLALCHEMY_URL_FILE: $SQLALCHEMY_URL_FILE cannot be read"
        url=$(<"$SQLALCHEMY_URL_FILE")
    fi
    # scheme://user:password@host
    if [[ $url =~ ^[^:]+://[^:@/]+:([^@]*)@ ]]; then
        check_password "the database of BIOMERO" "${BASH_REMATCH[1]}"
    fi
}
