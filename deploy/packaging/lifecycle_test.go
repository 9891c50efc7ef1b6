package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// lifecycle plays what a host sees of a package, in a copy of this machine's own system
// that lives in memory: $1 is an empty folder, $2 the package or a folder, $3 the script inside.
const lifecycle = `set -e
mount --make-rprivate /
mount -t tmpfs -o size=512m tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
cp -r "$2" "$1/root/given"
exec chroot "$1/root" sh -e -x -c "$3" </dev/null
`

// must is what the scripts below begin with.
const must = `
must() { "$@" || { echo "FAILED: $*"; exit 1; }; }
export DEBIAN_FRONTEND=noninteractive
`

const lifeOfTheGateway = must + `
config=/etc/syslog-gateway/gateway.yaml

: installation
dpkg --no-triggers -i /given
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
dpkg --no-triggers -i /given
must grep -q "# mine" $config
must [ "$(stat -c %U:%G:%a $config)" = root:syslog-gateway:640 ]

: an upgrade restarts the running service, if the new program accepts configuration and packs
mkdir -p /run/systemd/system
for name in systemctl deb-systemd-invoke; do
    printf "#!/bin/sh\necho $name \"\$@\" >> /calls\n" > /usr/local/bin/$name
done
cat > /usr/local/bin/systemd-run <<"EOF"
#!/bin/sh
while [ "$1" != /usr/bin/gateway ]; do
    case "$1" in --setenv=*) export "${1#--setenv=}" ;; esac
    shift
done
exec setpriv --reuid=syslog-gateway --regid=syslog-gateway --clear-groups "$@"
EOF
chmod +x /usr/local/bin/systemctl /usr/local/bin/deb-systemd-invoke /usr/local/bin/systemd-run
export PATH=/usr/local/bin:$PATH
chown -R syslog-gateway: /var/lib/syslog-gateway
dpkg --no-triggers -i /given
must grep -q "deb-systemd-invoke try-restart syslog-gateway.service" /calls

: and leaves it alone if a pack is broken, or if the service could not read it
pack=/etc/syslog-gateway/packs/acme.yaml
printf "format: 1\npack: acme_widget\nmach: {program: widgetd}\n" > $pack
: > /calls
dpkg --no-triggers -i /given > /told 2>&1
must grep -q "packs/acme.yaml:3" /told
must grep -q "is not restarted" /told
printf "format: 1\npack: acme_widget\nmatch: {program: widgetd}\nsourcetype: acme:widget\nrole: netops\n" > $pack
chmod 600 $pack
dpkg --no-triggers -i /given > /told 2>&1
must grep -q "is not restarted" /told
must grep -q is-active /calls
must [ "$(grep -c restart /calls)" = 0 ]
chmod 644 $pack
dpkg --no-triggers -i /given
must grep -q restart /calls
rm -r $pack /run/systemd/system /usr/local/bin/systemctl /usr/local/bin/deb-systemd-invoke /usr/local/bin/systemd-run

: removal keeps configuration and queue
dpkg --no-triggers --remove syslog-gateway
must [ ! -e /usr/bin/gateway ]
must [ -e $config ]
must [ -e /etc/syslog-gateway/hec_token ]
must [ -e /var/lib/syslog-gateway/queue/segment ]

: and what is installed again goes on with them
dpkg --no-triggers -i /given
must grep -q "# mine" $config

: purging leaves nothing
dpkg --no-triggers --purge syslog-gateway
must [ ! -e /etc/syslog-gateway ]
must [ ! -e /var/lib/syslog-gateway ]
`

const lifeOfTheQueue = must + `
: installation
dpkg --no-triggers -i /given
must getent passwd syslog-gateway-queue
must [ ! -e /etc/systemd/system/multi-user.target.wants/syslog-gateway-queue.service ]
syslog-gateway-queue --version

: what init makes is what the unit runs
cd /etc/syslog-gateway-queue
syslog-gateway-queue init /cluster --node 127.0.0.1 --gateway gw1
install -m 0644 -t . /cluster/node-127.0.0.1/queue.conf /cluster/node-127.0.0.1/node.pem /cluster/node-127.0.0.1/ca.pem
install -m 0640 -g syslog-gateway-queue -t . /cluster/node-127.0.0.1/node.key
setpriv --reuid=syslog-gateway-queue --regid=syslog-gateway-queue --clear-groups syslog-gateway-queue -t -c queue.conf
mkdir -p /var/lib/syslog-gateway-queue/jetstream
echo records > /var/lib/syslog-gateway-queue/jetstream/block

: an upgrade says that the node is the old one, and restarts nothing
mkdir -p /run/systemd/system
for name in systemctl deb-systemd-invoke; do
    printf "#!/bin/sh\necho $name \"\$@\" >> /calls\n" > /usr/local/bin/$name
    chmod +x /usr/local/bin/$name
done
export PATH=/usr/local/bin:$PATH
dpkg --no-triggers -i /given > /told 2>&1
must grep -q "still the old version" /told
must grep -q is-active /calls
must [ "$(grep -c restart /calls)" = 0 ]

: removal stops it and keeps files and records
dpkg --no-triggers --remove syslog-gateway-queue
must grep -q "systemctl disable --quiet --now syslog-gateway-queue.service" /calls
must [ ! -e /usr/bin/syslog-gateway-queue ]
must [ -e /etc/syslog-gateway-queue/node.key ]
must [ -e /var/lib/syslog-gateway-queue/jetstream/block ]

: purging leaves nothing
cd /
dpkg --no-triggers --purge syslog-gateway-queue
must [ ! -e /etc/syslog-gateway-queue ]
must [ ! -e /var/lib/syslog-gateway-queue ]
`

const lifeOfProvision = must + `
: installation, use, removal
dpkg --no-triggers -i /given
provision version
provision validate -f /usr/share/doc/provision/examples/deployment.json || [ $? = 1 ]
dpkg --no-triggers --purge provision
must [ ! -e /usr/bin/provision ]
must [ ! -e /usr/share/doc/provision ]
`

// aptInstalls has apt take the programs from a folder, signature and sums checked. Each of the
// changes that follow must make it refuse.
func aptInstalls(t *testing.T, folder string) {
	testkit.Tool(t, "apt-get", "apt")
	stranger := testkit.Try(readKeys(getenv(newKeys(t))))(t)
	testkit.Must(t, os.WriteFile(filepath.Join(folder, "other.asc"), testkit.Try(stranger.certificate())(t), 0o644))
	lives(t, folder, must+`
sources=/etc/apt/sources.list.d/syslog-gateway.list
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*
install -D -m 0644 /given/syslog-gateway.asc /etc/apt/keyrings/syslog-gateway.asc
echo "deb [signed-by=/etc/apt/keyrings/syslog-gateway.asc] file:/given stable main" > $sources
update() {
    rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
    apt-get -o APT::Update::Error-Mode=any update
}
refuses() { if "$@" > /told 2>&1; then cat /told; echo "NOT REFUSED: $*"; exit 1; fi; cat /told; }
list=/given/dists/stable/main/binary-$(dpkg --print-architecture)/Packages

: the folder as it is
must update
must apt-get install -y --no-install-recommends syslog-gateway syslog-gateway-queue provision
gateway version
must [ "$(dpkg-query -W -f "\${Version}" provision)" = 1.2.0-1 ]
apt-get purge -y syslog-gateway syslog-gateway-queue provision

: a package that somebody changed
deb=$(echo /given/pool/provision_*.deb)
cp $deb /kept
printf x | dd of=$deb bs=1 seek=1000 conv=notrunc
refuses apt-get install -y --no-install-recommends provision
must grep -qi "mismatch" /told
cp /kept $deb
must apt-get install -y --no-install-recommends provision

: a list that somebody changed
cp $list /list
cp $list.gz /list.gz
sed -i "s/^Version: .*/Version: 9.9-1/" $list
gzip -9n < $list > $list.gz
refuses update
cp /list $list
cp /list.gz $list.gz
must update

: a signature that is not over this Release
cp /given/dists/stable/InRelease /signed
sed -i "s/^Label: .*/Label: another/" /given/dists/stable/InRelease
refuses update
must grep -qE "BADSIG|[Bb]ad signature|invalid|Signed-By|not signed" /told
rm /given/dists/stable/InRelease
refuses update
must grep -q "not signed" /told
cp /signed /given/dists/stable/InRelease
must update

: another key than the one that is trusted
cp /given/other.asc /etc/apt/keyrings/syslog-gateway.asc
refuses update
must grep -q "NO_PUBKEY\|not signed\|Missing key" /told
`)
}

// lives installs, upgrades, removes and purges a package.
func lives(t *testing.T, deb, script string) {
	for _, name := range []string{"unshare", "dpkg", "systemd-sysusers"} {
		testkit.Tool(t, name, "util-linux dpkg systemd")
	}
	cmd := exec.Command("unshare", "--mount", "sh", "-c", lifecycle, "lifecycle", t.TempDir(), deb, script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v (it needs root)\n%s", err, out)
	}
}

// TestUpgradeOfTheRPM: the old package's script restarts the service unless the new program
// fails its check.
func TestUpgradeOfTheRPM(t *testing.T) {
	testkit.Tool(t, "unshare", "util-linux")
	for _, c := range []struct {
		name, remaining, active, check string // exit codes
		restarts, told                 bool
	}{
		{"upgrade", "1", "0", "0", true, false},
		{"upgrade, refused", "1", "0", "1", false, true},
		{"upgrade, not running", "1", "3", "1", false, false},
		{"removal", "0", "0", "0", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			tools := t.TempDir()
			calls := filepath.Join(tools, "calls")
			for name, text := range map[string]string{
				"systemctl":   "echo \"$@\" >> " + calls + "\n[ \"$1\" != is-active ] || exit " + c.active,
				"systemd-run": "exit " + c.check,
			} {
				testkit.Must(t, os.WriteFile(filepath.Join(tools, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
			}
			cmd := exec.Command("unshare", "--mount", "sh", "-c",
				"mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec sh -e syslog-gateway/scripts/rpm-postun "+c.remaining)
			cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v (it needs root)\n%s", err, out)
			}
			did := testkit.Try(os.ReadFile(calls))(t)
			testkit.Equal(t, "the service is restarted", strings.Contains(string(did), "try-restart"), c.restarts)
			testkit.Equal(t, "the script says that it is not", strings.Contains(string(out), "is not restarted"), c.told)
		})
	}
}
