# Sourced after the prelude by the tests with a real Slurm of this machine, of four nodes n1 to n4.
slurm_local=${RUNNER_SLURM_LOCAL:-$here/../../../shared/slurm/slurm-local.sh}
[[ -x $slurm_local ]] || skip "Slurm: no $slurm_local (RUNNER_SLURM_LOCAL names another)"
command -v sbatch >/dev/null && command -v slurmctld >/dev/null && command -v munged >/dev/null ||
  skip "Slurm is not installed (Debian: slurm-wlm munge)"
getent hosts "$(uname -n)" >/dev/null ||
  skip "Slurm: this machine's name, $(uname -n), does not resolve (as in a bare chroot)"

chmod 755 "$scratch"  # munge refuses a socket that others cannot reach
cluster=$scratch/cluster
trap '"$slurm_local" stop "$cluster" >/dev/null 2>&1 || true; rm -rf "$scratch"' EXIT
"$slurm_local" start "$cluster" --nodes 4 --cpus 1 >cluster.log 2>&1 || {
  cat cluster.log
  fail "the local Slurm did not start"
}
eval "$("$slurm_local" env "$cluster")"

state() { scontrol show job "$1" 2>/dev/null | grep -oE "$2=[A-Za-z0-9]+" | head -1 | cut -d= -f2; }
ended() { [[ $(state "$1" JobState) =~ ^(COMPLETED|FAILED|CANCELLED|TIMEOUT)$ ]]; }
job_of() { sed -n "s/^$1: job \([0-9]*\)$/\1/p" said; }

# hold TASK: it stands still where it is, so that it cannot end before it was told what it shall be told.
at_work() { lease=$(grep -lsF "\"$1\"" shared/small/processes/*.json); }
hold() {
  wait_for 240 at_work "$1"
  lease=${lease##*/} lease=${lease%-*}  # HOST-PID
  held=${lease##*-}
  kill -STOP "$held"
}
