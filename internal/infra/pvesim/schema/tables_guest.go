package schema

// parameterText are the groups of parameters that several endpoints share, a section each. The
// groups lxc and qemu are also the types of what GET config answers: int and bool are numbers there.
const parameterText = `
[node]
node! node

[guest]
node! node
vmid! int 100..999999999

[update]
delete str
revert str
digest str len=..40

[storage]
node! node
storage! storage

[rule]
action str len=2..20 re=[A-Za-z][A-Za-z0-9_-]+
type str enum=in|out|forward|group
comment str
dest fwaddr len=..512
digest str len=..64
dport ports
enable int 0..
icmp-type str
iface iface len=2..20
log str enum=emerg|alert|crit|err|warning|notice|info|debug|nolog
macro str len=..128
pos int 0..
proto proto
source fwaddr len=..512
sport ports

[guestfw]
delete configids
digest str len=..64
dhcp bool
enable bool
ipfilter bool
log_level_in str enum=emerg|alert|crit|err|warning|notice|info|debug|nolog
log_level_out str enum=emerg|alert|crit|err|warning|notice|info|debug|nolog
macfilter bool
ndp bool
policy_in str enum=ACCEPT|REJECT|DROP
policy_out str enum=ACCEPT|REJECT|DROP
radv bool

[clusterfw]
delete configids
digest str len=..64
ebtables bool
enable int 0..
log_ratelimit str props=ratelimit
policy_forward str enum=ACCEPT|DROP
policy_in str enum=ACCEPT|REJECT|DROP
policy_out str enum=ACCEPT|REJECT|DROP

[nodefw]
delete configids
digest str len=..64
enable bool
log_level_forward str enum=emerg|alert|crit|err|warning|notice|info|debug|nolog
log_level_in str enum=emerg|alert|crit|err|warning|notice|info|debug|nolog
log_level_out str enum=emerg|alert|crit|err|warning|notice|info|debug|nolog
log_nf_conntrack bool
ndp bool
nf_conntrack_allow_invalid bool
nf_conntrack_helpers str
nf_conntrack_max int 32768..
nf_conntrack_tcp_timeout_established int 7875..
nf_conntrack_tcp_timeout_syn_recv int 30..60
nftables bool
nosmurfs bool
protection_synflood bool
protection_synflood_burst int
protection_synflood_rate int
smurf_log_level str enum=emerg|alert|crit|err|warning|notice|info|debug|nolog
tcp_flags_log_level str enum=emerg|alert|crit|err|warning|notice|info|debug|nolog
tcpflags bool

[nodeconfig]
acme str props=acme
acmedomain[6] str props=acmedomain
ballooning-target int 0..100
description str len=..65536
startall-onboot-delay int 0..300
wakeonlan str props=wakeonlan

[lxc]` + lxcConfig + `
[qemu]` + qemuConfig

const lxcConfig = `
arch str enum=amd64|i386|arm64|armhf|riscv32|riscv64
cmode str enum=shell|console|tty
console bool
cores int 1..8192
cpulimit num 0..8192
cpuunits int 0..500000
debug bool
description str len=..8192
dev[256] str props=ctdev
entrypoint str
env str
features str props=features
hookscript volume
hostname dns len=..255
lock str enum=backup|create|destroyed|disk|fstrim|migrate|mounted|rollback|snapshot|snapshot-delete
memory int 16..
mp[256] str props=mp
nameserver addresses
net[32] str props=ctnet
onboot bool
ostype str enum=debian|devuan|ubuntu|centos|fedora|opensuse|archlinux|alpine|gentoo|nixos|unmanaged
protection bool
rootfs str props=rootfs
searchdomain dnslist
startup startup
swap int 0..
tags tags
template bool
timezone tz
tty int 0..6
unprivileged bool
unused[256] str props=ctunused
`

const qemuConfig = `
acpi bool
affinity str
agent str props=agent
allow-ksm bool
amd-sev str
arch str enum=x86_64|aarch64
args str
audio0 str
autostart bool
balloon int 0..
bios str enum=seabios|ovmf
boot boot
bootdisk str re=(ide|sata|scsi|virtio)\d+
cdrom str props=ide
cicustom str props=cicustom
cipassword str
citype str enum=configdrive2|nocloud|opennebula
ciupgrade bool
ciuser str
cores int 1..
cpu cpu
cpulimit num 0..128
cpuunits int 1..262144
description str len=..8192
efidisk0 str props=efidisk
freeze bool
hookscript volume
hostpci[16] str props=hostpci
hotplug hotplug
hugepages str enum=any|2|1024
ide[4] str props=ide
intel-tdx str
ipconfig[32] str props=ipconfig
ivshmem str
keephugepages bool
keyboard str enum=de|de-ch|da|en-gb|en-us|es|fi|fr|fr-be|fr-ca|fr-ch|hu|is|it|ja|lt|mk|nl|no|pl|pt|pt-br|sv|sl|tr
kvm bool
localtime bool
lock str enum=backup|clone|create|migrate|rollback|snapshot|snapshot-delete|suspending|suspended
machine str props=machine
memory str props=vmmemory
migrate_downtime num 0..
migrate_speed int 0..
name dns
nameserver addresses
net[32] str props=qemunet
numa bool
numa[8] str
onboot bool
ostype str enum=other|wxp|w2k|w2k3|w2k8|wvista|win7|win8|win10|win11|l24|l26|solaris
parallel[3] str re=/dev/parport\d+|/dev/usb/lp\d+
protection bool
reboot bool
rng0 str
sata[6] str props=sata
scsi[31] str props=scsi
scsihw str enum=lsi|lsi53c810|virtio-scsi-pci|virtio-scsi-single|megasas|pvscsi
searchdomain str
serial[4] str re=(/dev/.+|socket)
shares int 0..50000
smbios1 str len=..512
smp int 1..
sockets int 1..
spice_enhancements str
sshkeys urlenc
startdate str re=(now|\d{4}-\d{1,2}-\d{1,2}(T\d{1,2}:\d{1,2}:\d{1,2})?)
startup startup
tablet bool
tags tags
tdf bool
template bool
tpmstate0 str props=tpmstate
unused[256] str props=unused
usb[14] str props=usb
vcpus int 1..
vga str props=vga
virtio[16] str props=virtio
virtiofs[10] str
vmgenid str re=[a-fA-F0-9]{8}(-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}|[01]
vmstatestorage storage
watchdog str
`
