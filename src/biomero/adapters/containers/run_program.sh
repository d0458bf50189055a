# Runs a workflow's program with its own Python, whatever the machine's is.
#
# Arguments:
#   python         absolute path of the interpreter
#   program...     what to run; python and python3 stand for the interpreter

python=$1
shift
case ${1-} in
python | python3)
    shift
    set -- "$python" "$@"
    ;;
esac
PATH=${python%/*}:$PATH
export PATH
unset PYTHONPATH PYTHONHOME
exec "$@"
