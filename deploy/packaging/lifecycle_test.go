package main

import (
	"os/exec"
	"syslog-gateway/internal/testkit"
	"testing"
)

// lifecycle plays what a host sees of a package, in a copy of this machine's own system
// that lives in memory: $1 is an empty folder, $2 the package.
const lifecycle = `set -e
mount --make-rprivate /
mount -t tmpfs -o size=512m tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
cp "$2" "$1/root/syslog-gateway.deb"
exec chroot "$1/root" sh -e -x -c '
must() { "$@" || { echo "FAILED: $*"; exit 1; }; }
export DEBIAN_FRONTEND=noninteractive
config=/etc/syslog-gateway/gateway.yaml

: installation
dpkg --no-triggers -i /syslog-gateway.deb
must [ "$(stat -c %U:%G:%a $config)" = root:syslog-gateway:640 ]
must getent passwd syslog-gateway
must [ ! -e /etc/systemd/system/multi-user.target.wants/syslog-gateway.service ]
gateway version
SPLUNK_HEC_TOKEN=x gateway check

: an upgrade keeps what is configured
echo "# mine" >> $config
echo token > /etc/syslog-gateway/hec_token
mkdir -p /var/lib/syslog-gateway/queue
echo events > /var/lib/syslog-gateway/queue/segment
dpkg --no-triggers -i /syslog-gateway.deb
must grep -q "# mine" $config
must [ "$(stat -c %U:%G:%a $config)" = root:syslog-gateway:640 ]

: removal keeps configuration and queue
dpkg --no-triggers --remove syslog-gateway
must [ ! -e /usr/bin/gateway ]
must [ -e $config ]
must [ -e /etc/syslog-gateway/hec_token ]
must [ -e /var/lib/syslog-gateway/queue/segment ]

: and what is installed again goes on with them
dpkg --no-triggers -i /syslog-gateway.deb
must grep -q "# mine" $config

: purging leaves nothing
dpkg --no-triggers --purge syslog-gateway
must [ ! -e /etc/syslog-gateway ]
must [ ! -e /var/lib/syslog-gateway ]
' </dev/null
`

// lives installs, upgrades, removes and purges a package.
func lives(t *testing.T, deb string) {
	for _, name := range []string{"unshare", "dpkg", "systemd-sysusers"} {
		testkit.Tool(t, name, "util-linux dpkg systemd")
	}
	cmd := exec.Command("unshare", "--mount", "sh", "-c", lifecycle, "lifecycle", t.TempDir(), deb)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v (it needs root)\n%s", err, out)
	}
}
