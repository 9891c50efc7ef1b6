#!/bin/bash
# The fifteen minutes of docs/cluster.md, in network namespaces: the commands of the document, as
# they are written there, on three machines with a root and a network of their own, with the
# packages. Then lines to all three, the loss of one machine for ever, and its replacement.
# Needs root, Debian and bin/bench; takes two minutes, and leaves nothing behind.
#   deploy/cluster/namespaces.sh dist/*_amd64.deb
set -euo pipefail

here=$(dirname "$(realpath "$0")")
doc=$here/../../docs/cluster.md
if [ "${CLUSTER_INSIDE:-}" = "" ]; then
  # Namespaces of its own: when the script ends, the kernel ends all it has started.
  CLUSTER_INSIDE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0" "$@"
fi

bench=$(realpath "${BIN:-bin}")/bench
packages=$(realpath "$@")
count=${COUNT:-6000} # lines to each gateway
rate=${RATE:-500}    # lines a second to each gateway
age=200              # batch.max_age: what is younger is in no disk queue yet, ms
work=$(mktemp -d)
began=$SECONDS
trap 'code=$?; trap - EXIT; umount -R -l "$work"; rmdir "$work"; exit $code' EXIT
mount -t tmpfs -o size=3g,mode=755 tmpfs "$work"
mount -t tmpfs -o size=16m tmpfs /run
cd "$work"
mkdir logs

say() { printf '%3d s  %s\n' $((SECONDS - began)) "$*"; }
die() {
  echo "cluster-namespaces: $*" >&2
  tail -n 15 logs/* m*/root/var/log/syslog-gateway*.log >&2 2>/dev/null
  exit 1
}
until_true() { # SECONDS WHAT COMMAND…
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >logs/last 2>&1; do
    [ $SECONDS -lt $end ] || die "it is not so that $what"
    sleep 0.3
  done
}

# host NAME ADDRESS: a namespace on the bridge.
host() {
  ip netns add "$1"
  ip link add "$1" type veth peer name eth0 netns "$1"
  ip link set "$1" master br0 up
  ip -n "$1" link set lo up
  ip -n "$1" addr add "$2/24" dev eth0
  ip -n "$1" link set eth0 up
}

# machine N: a host with a root of its own, over that of this machine.
machine() {
  host "m$1" "192.0.2.1$1"
  mkdir -p "m$1/upper" "m$1/work" "m$1/root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=m$1/upper,workdir=m$1/work" "m$1/root"
  for d in proc dev sys; do mount --rbind "/$d" "m$1/root/$d"; done
  rm -f "m$1/root/var/lib/man-db/auto-update" # it would take a minute
  mkdir -p "m$1/root/root" "m$1/root/run" "m$1/root/tmp"
  chmod 1777 "m$1/root/tmp"
  install -m 0755 "$here/systemctl" "m$1/root/usr/local/bin/systemctl"
  printf '%s\n' "127.0.0.1 localhost" "192.0.2.11 q1.example.com" "192.0.2.12 q2.example.com" "192.0.2.13 q3.example.com" \
    "192.0.2.20 splunk.example.com" >"m$1/root/etc/hosts"
  # Named in the document: the packages, and the files of init.
  cp $packages "m$1/root/root"
  cp -r desk/cluster "m$1/root/root"
  rm -rf "m$1/root/root/cluster/ca"
  # What docs/install.md says: the gateway, its token, and where Splunk is.
  on "$1" 'dpkg -i ./syslog-gateway_*_amd64.deb'
  on "$1" 'echo 11111111-2222-3333-4444-555555555555 >token && install -m 0600 token /etc/syslog-gateway/hec_token'
}

# at N COMMAND: a command on machine N; on N COMMAND: one that must work.
at() { ip netns exec "m$1" chroot "m$1/root" /bin/bash -c "cd /root && $2" >"logs/m$1" 2>&1; }
on() { at "$1" "$2" || die "machine $1: $2"; }

# block N: the commands of the N-th block of "Three machines in fifteen minutes".
block() {
  awk -v want="$1" '/^## /{in_part = /fifteen minutes/} /^### /{in_part = 0} in_part && /^```sh$/{n++; inside = 1; next} /^```/{inside = 0}
    inside && n == want' "$doc"
}

# follow N BLOCK FILTER: the commands of a block that match, on machine N.
follow() {
  local line
  while IFS= read -r line; do
    case $line in
      curl* | *check\ --connect*) until_true 60 "machine $1: ${line%%#*}works" at "$1" "${line%%#*}" ;;
      apt\ install*) on "$1" "${line/apt install/apt-get install -qq -y}" ;;
      cat*) on "$1" "{ echo 'hec: {endpoints: [\"http://splunk.example.com:8088\"]}'; ${line%%#*}; } >gateway.yaml && install -m 0640 -g syslog-gateway gateway.yaml /etc/syslog-gateway/" ;;
      *) on "$1" "$line" ;;
    esac
  done < <(block "$2" | sed -e "s/node-q1/node-q$1/g" -e "s/gateway-gw1/gateway-gw$1/g" | grep -E "$3")
}

said() { at 1 'gateway status' || true; grep -qE "$1" logs/m1; }
metric() { ip netns exec "m$1" curl -fs -m 5 "http://127.0.0.1:8404/metrics" | awk -v n="$2" '$1 ~ "^"n"({|$)" {s += $2} END {print s + 0}'; }
is() { [ "$(metric "$1" "$2")" = "$3" ]; }
sink() { ip netns exec splunk curl -fs -m 5 "http://192.0.2.20:8088/stats" | sed -n "s/.*\"$1\":\([0-9a-z]*\).*/\1/p"; }
different() { echo $((total - $(sink lost))); }
arrived() { [ "$(different)" -ge "$1" ]; }
# lines FIRST N COUNT: begins to send to machine N.
lines() {
  ip netns exec devices "$bench" load --target "192.0.2.1$2" --ports 1517 --mix linux --rate "$rate" --count "$3" --first "$1" --json >"logs/load-$1" 2>&1 &
}

ip link add br0 type bridge
ip link set br0 up
host splunk 192.0.2.20
host devices 192.0.2.30
total=$((4 * count))
ip netns exec splunk "$bench" sink --listen 192.0.2.20:8088 --expect $total --token 11111111-2222-3333-4444-555555555555 >logs/sink 2>&1 &
mkdir desk
for p in $packages; do dpkg-deb -x "$p" desk; done

say "on any computer: the files of the cluster"
(cd desk && PATH=$PWD/usr/bin:$PATH && eval "$(block 1)") >logs/desk
all() { # does something for the three machines at a time
  local n pids=
  for n in 1 2 3; do
    "${@//N/$n}" &
    pids="$pids $!"
  done
  for n in $pids; do wait "$n" || exit 1; done
}
all machine N
say "on each queue node: the package, the files, the start"
all follow N 2 '^(apt|install|systemctl) '
all follow N 2 '^curl '
say "on each gateway: the files, the check, the start"
all follow N 3 .
for n in 1 2 3; do until_true 60 "the streams of machine $n can be used" is $n gateway_stream_up 4; done
say "the cluster works; lines to all three gateways"
for n in 1 2 3; do
  lines $(((n - 1) * count)) $n "$count"
  eval "load_$n=$!"
done
sleep 5

lag=$(metric 3 gateway_forward_lag_seconds)
ip netns pids m3 | xargs kill -KILL
died=$SECONDS
umount -R -l m3/root
rm -rf m3
ip netns del m3
say "machine 3 is lost for ever, with its disk; its forward lag was $lag s"
wait "$load_1" "$load_2" || die "a load has failed"
wait "$load_3" || true
sent=$(sed -n 's/.*"sent": *\([0-9]*\).*/\1/p' "logs/load-$((2 * count))")
bound=$(awk -v l="$lag" -v r="$rate" -v a="$age" 'BEGIN {print int((l + a / 1000 + 1) * r)}')
until_true 120 "all that was secured is delivered" arrived $((2 * count + sent - bound))
sleep 3
lost=$((2 * count + sent - $(different)))
[ "$lost" -le "$bound" ] || die "$lost lines are lost, the forward lag allows $bound"
say "delivered after $((SECONDS - died)) s: $((2 * count)) lines to the others and $sent to it, lost $lost (at most $bound: lag, batch.max_age and sockets), twice $(sink duplicated)"

machine 3
say "replaced by a new one, with the files of the old one"
follow 3 2 .
follow 3 3 .
until_true 120 "all replicas are current" is 1 gateway_stream_replicas_current 12
lines $((3 * count)) 3 "$count"
wait $! || die "the load has failed"
until_true 120 "all is delivered" arrived $((3 * count + sent - lost))
until_true 60 "nothing is left in the streams" is 1 gateway_stream_records 0
say "all $count lines to the new machine are delivered; twice $(sink duplicated)"
# What the loss has cost is in the sum over all gateways, with the name of the one that was lost.
until_true 60 "the sum over all gateways names gw3" said 'gw3 has ended without a last report'
say "what gateway status says of all gateways:"
sed -n '/^  cluster/,/^  delivered/{/^  delivered/!p}' logs/m1
