#!/bin/sh
# A cluster on this machine, on loopback addresses: three queue nodes, a gateway that receives
# and one that delivers, a load, and the kill of a leader. Then a gentle load, so that the pages
# show something, until Ctrl-C. It ends what it started, and leaves nothing behind.
#   DEMO_TIME=10m deploy/cluster/demo.sh
set -eu

bin=$(realpath "${BIN:-bin}")
net=${DEMO_NET:-127.80.0}
count=${DEMO_COUNT:-20000} # messages of the counted load
work=$(mktemp -d)
started=
finish() {
  trap - EXIT INT TERM
  for pid in $started; do kill "$pid" 2>/dev/null || true; done
  for pid in $started; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 0' INT TERM
cd "$work"

die() {
  echo "demo: $*" >&2
  tail -n 20 ./*.log >&2
  exit 1
}

# start NAME COMMAND… runs a program in the background; its process id is in the variable pid.
start() {
  log=$1.log
  shift
  "$@" >"$log" 2>&1 &
  pid=$!
  started="$started $pid"
}

# until_true SECONDS WHAT COMMAND… waits until the command works.
until_true() {
  tries=$(($1 * 5))
  what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || die "it is not so that $what"
    sleep 0.2
  done
}

get() { curl -fs "http://$1"; }
counted() { get "$net.20:8088/stats" | sed -n "s/.*\"$1\":\([0-9a-z]*\).*/\\1/p"; }
complete() { [ "$(counted complete)" = true ]; }

node() {
  start "node-$1" "$bin/syslog-gateway-queue" -c "cluster/node-$net.$1/queue.conf"
  eval "node_$1=$pid"
}

# gateway NAME ADDRESS DELIVERS
gateway() {
  {
    # As init made it, but for the folders and the sizes of this machine.
    sed -e "s#/etc/syslog-gateway/queue#$work/cluster/gateway-$1#" -e 's/max_size: 400GB/max_size: 256MB/' \
      -e "s#^  kind: jetstream#&\n  path: $work/$1/queue\n  min_free: 1MB#" -e "s/^    gateway_id:.*/&\n    deliver: $3\n    ack_wait: 10s/" "cluster/gateway-$1/queue.yaml"
    cat <<YAML
sources:
  linux: {port: 1517, address: $2, vendor: linux}
hec:
  endpoints: ["http://$net.20:8088"]
stats: {listen: "$2:8404"}
dead_letter: {path: $work/$1/dead}
YAML
  } >"$1.yaml"
  start "$1" "$bin/gateway" run -c "$1.yaml"
}

status() { "$bin/gateway" queue status --stream -c gw1.yaml | cut -c1-110 | sed 's/^/    /'; }

export SPLUNK_HEC_TOKEN=demo
echo "The files of three nodes and two gateways:"
"$bin/syslog-gateway-queue" init cluster --node "$net.1" --node "$net.2" --node "$net.3" --gateway gw1 --gateway gw2 \
  --max-file-store 1GB --store-dir store | sed 's/^/    /'
for n in 1 2 3; do node $n; done
for n in 1 2 3; do until_true 30 "node $n is healthy" get "$net.$n:8222/healthz"; done
start sink "$bin/bench" sink --listen "$net.20:8088" --token demo --expect "$count"
gateway gw1 "$net.11" false
gateway gw2 "$net.12" true
for a in 11 12; do until_true 30 "the gateways are ready" get "$net.$a:8404/readyz"; done
until_true 30 "the cluster is as it must be" "$bin/gateway" check --connect -c gw1.yaml
echo "gateway check --connect:"
"$bin/gateway" check --connect -c gw1.yaml | sed 's/^/    /'

echo "gw1 receives $count messages, gw2 delivers them:"
start load "$bin/bench" load --target "$net.11" --ports 1517 --mix linux --rate $((count / 10)) --count "$count"
load=$pid
sleep 4
status
leader=$("$bin/gateway" queue status --stream -c gw1.yaml | awk '$1 == "SYSLOG-00" {print $3}')
number=${leader##*.}
eval "victim=\${node_$number:-}"
[ -n "$victim" ] || die "SYSLOG-00 has no leader"
kill -9 "$victim"
echo "Killed $leader, the leader of SYSLOG-00. All is delivered all the same:"
wait "$load" || die "the load has failed"
until_true 90 "all messages are delivered" complete
status
echo "    sent $count, lost $(counted lost), twice $(counted duplicated)"
node "$number"
until_true 90 "no replica lacks" sh -c "'$bin/gateway' queue status --stream -c gw1.yaml | grep -c ' 3/3 ' | grep -qx 4"
echo "$leader is back, and has all records again:"
status

cat <<TEXT
The pages, with a gentle load, until Ctrl-C:
    gw1, which receives    http://$net.11:8404/stats
    gw2, which delivers    http://$net.12:8404/stats
    the nodes              http://$net.1:8222/jsz http://$net.2:8222/jsz http://$net.3:8222/jsz
TEXT
start gentle "$bin/bench" load --target "$net.11" --ports 1517 --mix linux --rate "${DEMO_RATE:-200}" --first "$count" --duration "${DEMO_TIME:-24h}"
wait "$pid" || die "the load has failed"
