# Runs a container in a job, with temporary folders of its own on the node, which are removed after.
#
# Arguments:
#   prefix         APPTAINER or SINGULARITY: whose environment variables are read
#   modules        environment modules to load first, separated by spaces
#   command...     what to run

prefix=$1 modules=$2
shift 2

for module in $modules; do
    module load "$module" || exit 127
done
command -v -- "$1" >/dev/null 2>&1 || {
    echo "this node ($(uname -n)) has no $1" >&2
    exit 119
}

# The container's /tmp and home would otherwise be a few megabytes of memory.
[ -d "${TMPDIR-}" ] || TMPDIR=/tmp
work=$(mktemp -d "$TMPDIR/biomero.XXXXXXXXXX") || exit 119  # as a job script says that its node is unfit
trap 'chmod -R u+rwX "$work"; rm -rf -- "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
export "${prefix}_WORKDIR=$work"
# Away from the account's real home, so that folders below that can be shown under their own path.
mkdir "$work/home" || exit 1
export "${prefix}_HOME=$work/home:/home/job"

# Entry points made from Docker images would otherwise hand each argument to a shell's eval.
export "${prefix}_NO_EVAL=1"

# The environment stays outside but for what the scheduler says about the job's share of the node.
for name in CUDA_VISIBLE_DEVICES SLURM_JOB_ID SLURM_ARRAY_TASK_ID SLURM_CPUS_PER_TASK OMP_NUM_THREADS TZ; do
    eval "value=\${$name-}"
    [ -z "$value" ] || export "${prefix}ENV_$name=$value"
done

"$@"
