#!/bin/sh
# The whole round of provision against its own simulator, on loopback: validate, plan,
# apply, change in place, refuse to destroy, destroy, inventory. Every exit code is
# checked. It ends what it started, and leaves nothing behind.
#   PROVISION=bin/provision deploy/provision/demo.sh
set -eu

provision=$(realpath "${PROVISION:-bin/provision}")
example=$(dirname "$(realpath "$0")")/deployment.json
work=$(mktemp -d)
simulator=
finish() {
  [ -z "$simulator" ] || kill "$simulator" 2>/dev/null || true
  [ -z "$simulator" ] || wait "$simulator" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

cd "$work"
mkdir -p published/inventory # as in a repository
cp "$example" deployment.json
unset PROXMOX_VE_USERNAME PROXMOX_VE_PASSWORD PROXMOX_VE_AUTH_TICKET PROXMOX_VE_CACERT PROXMOX_VE_NODE \
  PROXMOX_SSH_PRIVATE_KEY PROXMOX_SSH_KEY_PATH PROVISION_FILE PROVISION_STATE_DIR 2>/dev/null || true
export HOME="$work" # no key and no known host of yours is used

# expect CODE WORDS… runs provision with the words, and wants that exit code.
expect() {
  want=$1
  shift
  echo "\$ provision $*"
  code=0
  "$provision" "$@" >output 2>&1 || code=$?
  sed 's/^/    /' output | tail -n "${LINES_SHOWN:-12}"
  [ "$code" -eq "$want" ] || { cat output; echo "demo: exit code $code, expected $want: provision $*" >&2; exit 1; }
}

"$provision" simulate --listen 127.0.0.1:0 --example --task-delay 100ms >simulator.env 2>simulator.log &
simulator=$!
tries=0
until grep -q PROXMOX_VE_API_TOKEN simulator.env; do
  tries=$((tries + 1))
  [ "$tries" -lt 100 ] && kill -0 "$simulator" 2>/dev/null || { cat simulator.log >&2; exit 1; }
  sleep 0.05
done
. ./simulator.env

expect 0 validate
expect 0 check
expect 2 plan
expect 0 apply --yes --sync published
test -s published/inventory/terraform_inventory.json && test -s published/inventory/terraform_inventory.meta.json
expect 0 plan

echo "# more memory and another tag for the DNS server: in place, without a restart"
sed -i '/"technitium-dns": {/,/"root_disk"/{s/"memory_dedicated": 512/"memory_dedicated": 1024/;s/"meta"/"internal"/}' deployment.json
expect 2 plan
expect 0 apply --yes --sync published
expect 0 plan

echo "# the package cache is no longer declared: that destroys nothing by itself"
sed -i '/"apt-cacher-ng": {/,/^    },/d' deployment.json
expect 0 validate
expect 2 plan
expect 1 apply --yes --sync published
grep -q apt-cacher-ng published/inventory/terraform_inventory.json # refused, so nothing new is published
expect 0 apply --yes --sync published --allow-destroy apt-cacher-ng
if grep -q '"apt-cacher-ng"' published/inventory/terraform_inventory.json; then
  echo "demo: a guest that is gone is still in the inventory" >&2
  exit 1
fi
expect 0 plan
expect 0 orphans
expect 1 destroy splunk --yes

LINES_SHOWN=40 expect 0 inventory --format ansible
expect 0 render gateway
echo "demo: all exit codes were as expected"
