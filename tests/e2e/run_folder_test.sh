#!/usr/bin/env bash
# What a run's folder is, who may begin it anew, what its numbers say, and what of it can go.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
small=("$runner" "$spec" tasks=[RTE] seeds=1 --quiet 'methods=[fine_tune, random_search]')

# --fresh removes only a run, only for a start that works, and never what other shares did.
mkdir -p own/small
echo mine >own/small/thesis.txt
expect 2 run own "${small[@]}" --fresh
said "no run of this program"
[[ -e own/small/thesis.txt ]] || fail "a folder that is no run was removed"
expect 0 run fresh "${small[@]}"
expect 2 run fresh "${small[@]}" --fresh model=./nowhere
expect 2 run fresh "${small[@]}" --fresh --events fresh/small/spec.yaml/events.jsonl
[[ -e fresh/small/tables/methods.csv ]] || fail "a start that fails removed the run"
expect 2 run fresh "${small[@]}" --fresh --shard 0/2
said "other shares"
echo mine >fresh/small/thesis.txt
expect 0 run fresh "${small[@]}" --fresh recipe.lr=2e-3
[[ -e fresh/small/thesis.txt ]] || fail "--fresh removed what is none of the run's"
RUNNER_RUNS=$scratch/busy "${small[@]}" recipe.max_steps=4000 >busy.log 2>&1 </dev/null &
busy=$!
at_work() { compgen -G 'busy/small/processes/*.json' >/dev/null; }
wait_for 120 at_work
expect 2 run busy "${small[@]}" --fresh
said "process "
kill -TERM $busy
got=0
wait $busy || got=$?
[[ $got == 75 ]] || fail "--fresh disturbed a process: exit code $got"

# A process whose sign of life is gone misses it at the next, and ends with a reason.
RUNNER_RUNS=$scratch/gone "${small[@]}" recipe.max_steps=1000000 >gone.log 2>&1 </dev/null &
gone=$!
wait_for 120 compgen -G 'gone/small/processes/*.json' >/dev/null
rm gone/small/processes/*.json
got=0
wait $gone || got=$?
[[ $got == 1 ]] || fail "a process that lost its place ended with $got: $(tail -3 gone.log)"
grep -q 'gone/small: was removed or begun anew' gone.log || fail "no reason: $(tail -3 gone.log)"

# A journal of another cell is an error of its cell alone.
cp -r fresh mixed
cells=mixed/small/cells/RTE
rm -r $cells/random_search*/seed0/result.json $cells/fine_tune/seed0/result.json
cp $cells/random_search*/seed0/journal.jsonl $cells/fine_tune/seed0/
expect 1 run mixed "${small[@]}" recipe.lr=2e-3
said "RTE/fine_tune/seed0"
said "1 of 2 cells done"

# A budget that was raised and lowered again shows what it asks for.
expect 0 run lowered "${small[@]}"
cp -r lowered first
expect 0 run lowered "${small[@]}" outer.trials=5
expect 0 run lowered "${small[@]}"
said "5 of 5 trials"
same_tables first lowered

# Numbers and exit codes agree.
expect 2 run none "${small[@]}" --only nothing
said "RTE/fine_tune/seed0"
expect 1 run diverged "${small[@]}" 'methods=[fine_tune]' recipe.lr=1e9
said "1 failed"
grep -q '^fine_tune.* 1$' said || fail "the table does not say the same"
expect 0 run half "${small[@]}" --only fine_tune
said "1 of 1 cells done"
said "INCOMPLETE: 1 of 2 cells done"

# A name that would be the parent folder.
cp "$spec" ..yaml
expect 2 "$runner" ..yaml runs=parent
said "cannot name the run's folder"
[[ ! -e parent ]] || fail "written to the parent"

# What a finished run's store holds can go, and nothing else of it.
expect 0 "$runner" clean "$spec" tasks=[RTE] seeds=1 'methods=[fine_tune, random_search]' runs=lowered
said "no cell asks for again"
[[ -n $(ls lowered/small/store) ]] || fail "clean removed without being told to"
expect 0 "$runner" clean "$spec" tasks=[RTE] seeds=1 'methods=[fine_tune, random_search]' runs=lowered --remove
[[ -z $(ls lowered/small/store) ]] || fail "clean left: $(ls lowered/small/store)"
expect 0 run lowered "${small[@]}"
same_tables first lowered

# A finished run on a disk that cannot be written is finished.
sandbox=(unshare --mount)
(($(id -u) == 0)) || sandbox=(unshare --map-root-user --mount)
"${sandbox[@]}" true 2>/dev/null || skip "read-only disk: this user may not mount"
expect 0 run lowered "${sandbox[@]}" bash -c 'mount --bind lowered lowered && mount -o remount,bind,ro lowered && exec "$@"' - "${small[@]}"
