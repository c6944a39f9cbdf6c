#!/usr/bin/env bash
# Two hosts on one folder whose locks end at each host: a mount of sshfs each, under a host name of its
# own. Neither loses anything, and when one dies the other takes its work over once it has been silent
# for Lease::kSilence, of which all but RUNNER_SILENCE seconds are cut here, or for Lease::kWatch while
# the other looked on. Long forms: RUNNER_SEEDS=4; RUNNER_SILENCE=600, which leaves the looking on.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
server=/usr/lib/openssh/sftp-server
command -v sshfs >/dev/null && command -v fusermount3 >/dev/null && [[ -x $server && -c /dev/fuse ]] ||
  skip "sshfs (Debian: sshfs openssh-sftp-server, and /dev/fuse)"
sandbox=(unshare --uts --mount --net)
(($(id -u) == 0)) || skip "two hosts: only root may name them"

# The protocol of sshfs without the network's: its server on a pipe.
printf '#!/bin/sh\nexec %s\n' $server >connect
chmod +x connect
mkdir folder a b
cat >on_host.sh <<'SH'
name=$1
shift
hostname "host-$name"
sshfs -o ssh_command="$PWD/connect,cache=no" server:"$PWD/folder" "$PWD/$name"
code=0
RUNNER_RUNS=$PWD/$name "$@" || code=$?
fusermount3 -u "$PWD/$name"
exit $code
SH
"${sandbox[@]}" bash -e on_host.sh a true 2>said || skip "sshfs does not mount here: $(tail -n 1 said)"
# on HOST COMMAND...
on() { "${sandbox[@]}" bash -e on_host.sh "$@"; }

all=("$runner" "$spec" tasks=[RTE] seeds="${RUNNER_SEEDS:-1}" workers=1 threads=1 --quiet)
expect 0 run whole "${all[@]}"
on a "${all[@]}" >a.log 2>&1 </dev/null &
first=$!
expect 0 on b "${all[@]}"
wait $first || fail "the first of two hosts: $(cat a.log)"
same_tables whole folder
nothing_left() {
  local left
  left=$(find folder/small -name '*.work' -o -name '*.new' -o -name '*.tmp-*' -o -name '*owner.json')
  [[ -z $left ]] || fail "left behind: $left"
}
nothing_left

# The host that is at work dies in the middle.
rm -r folder/small
on a "${all[@]}" >a.log 2>&1 </dev/null &
first=$!
wait_for 120 has_records folder 4
lease=$(basename folder/small/processes/host-a-*.json)
lease=${lease#host-a-}
kill -KILL "${lease%%-*}"
! wait $first || fail "host a ended before it was killed: $(tail -n 1 a.log)"
grep -rl --include='*.json' '"host":"host-a"' folder/small >leases || fail "it left no lease"
alive=$(($(date +%s) - 600 + ${RUNNER_SILENCE:-5}))
while read -r file; do
  sed "s/\"alive\":[0-9]*/\"alive\":$alive/" "$file" >aged
  cat aged >"$file"
done <leases
began=$SECONDS
expect 0 on b "${all[@]}"
echo "host a died with $(wc -l <leases) leases; host b was done after $((SECONDS - began)) s"
same_tables whole folder
nothing_left
