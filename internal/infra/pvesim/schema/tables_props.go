package schema

// diskOptions are what every drive of a VM takes; limits of single buses follow in
// grammarText.
const diskOptions = `
*file! file
volume =file
aio str enum=native|threads|io_uring
backup bool
bps int
bps_max_length int 1..
bps_rd int
bps_rd_length =bps_rd_max_length
bps_rd_max_length int 1..
bps_wr int
bps_wr_length =bps_wr_max_length
bps_wr_max_length int 1..
cache str enum=none|writethrough|writeback|unsafe|directsync
detect_zeroes bool
discard str enum=ignore|on
format str enum=raw|qcow|qed|qcow2|vmdk|cloop
import-from abspath
iops int
iops_max int
iops_max_length int 1..
iops_rd int
iops_rd_length =iops_rd_max_length
iops_rd_max int
iops_rd_max_length int 1..
iops_wr int
iops_wr_length =iops_wr_max_length
iops_wr_max int
iops_wr_max_length int 1..
mbps num
mbps_max num
mbps_rd num
mbps_rd_max num
mbps_wr num
mbps_wr_max num
media str enum=cdrom|disk
replicate bool
rerror str enum=ignore|report|stop
serial urlenc len=..60
shared bool
size size
snapshot bool
werror str enum=enospc|ignore|report|stop
`

const mountOptions = `
acl bool
mountoptions str re=(discard|lazytime|noatime|nodev|noexec|nosuid)(;(discard|lazytime|noatime|nodev|noexec|nosuid))*
quota bool
replicate bool
ro bool
shared bool
size size
`

// grammarText are the property strings, a section each.
const grammarText = `
[scsi]
wwn str re=0x[0-9a-fA-F]{16}
ssd bool
iothread bool
product str re=[A-Za-z0-9_\s-]{0,16}
vendor str re=[A-Za-z0-9_\s-]{0,8}
queues int 2..
ro bool
scsiblock bool
` + diskOptions + `
[virtio]
iothread bool
ro bool
` + diskOptions + `
[sata]
wwn str re=0x[0-9a-fA-F]{16}
ssd bool
` + diskOptions + `
[ide]
wwn str re=0x[0-9a-fA-F]{16}
ssd bool
model urlenc len=..120
` + diskOptions + `
[efidisk]
*file! file
volume =file
efitype str enum=2m|4m
format str enum=raw|qcow|qed|qcow2|vmdk|cloop
import-from abspath
ms-cert str enum=2011|2023|2023w|2023k
pre-enrolled-keys bool
size size

[tpmstate]
*file! file
volume =file
format str enum=raw|qcow2|vmdk
import-from abspath
size size
version str enum=v1.2|v2.0

[unused]
*file! volume
volume =file

[ctunused]
*volume! volume

[qemunet]
*model! str enum=e1000|e1000-82540em|e1000-82544gc|e1000-82545em|e1000e|i82551|i82557b|i82559er|ne2k_isa|ne2k_pci|pcnet|rtl8139|virtio|vmxnet3
macaddr mac
e1000 =macaddr/model
e1000-82540em =macaddr/model
e1000-82544gc =macaddr/model
e1000-82545em =macaddr/model
e1000e =macaddr/model
i82551 =macaddr/model
i82557b =macaddr/model
i82559er =macaddr/model
ne2k_isa =macaddr/model
ne2k_pci =macaddr/model
pcnet =macaddr/model
rtl8139 =macaddr/model
virtio =macaddr/model
vmxnet3 =macaddr/model
bridge bridge
firewall bool
link_down bool
mtu int 1..65520
queues int 0..64
rate num 0..
tag int 1..4094
trunks str re=\d+(-\d+)?(;\d+(-\d+)?)*

[ctnet]
name! str re=[-_.\w]+
bridge str re=[-_.\w]+
firewall bool
gw ipv4
gw6 ipv6
host-managed bool
hwaddr mac
ip ipv4config
ip6 ipv6config
link_down bool
mtu int 64..65535
rate num
tag int 1..4094
trunks str re=\d+(;\d+)*
type str enum=veth

[rootfs]
*volume! str
` + mountOptions + `
[mp]
*volume! str
mp! str
backup bool
keepattrs bool
` + mountOptions + `
[ctdev]
*path str re=/dev/\S+
deny-write bool
gid int 0..
uid int 0..
mode str re=0[0-7]{3}

[features]
force_rw_sys bool
fuse bool
keyctl bool
mknod bool
mount str re=[a-zA-Z0-9_; ]+
nesting bool

[ipconfig]
ip ipv4config
gw ipv4 requires=ip
ip6 ipv6config
gw6 ipv6 requires=ip6

[agent]
*enabled! bool
freeze-fs bool
freeze-fs-on-backup =freeze-fs
guest-fsfreeze =freeze-fs
fstrim_cloned_disks bool
type str enum=virtio|isa

[vga]
*type str enum=cirrus|qxl|qxl2|qxl3|qxl4|none|serial0|serial1|serial2|serial3|std|virtio|virtio-gl|vmware
clipboard str enum=vnc
memory int 4..512

[vmmemory]
*current! int 16..

[machine]
*type str len=..40 re=(pc|pc(-i440fx)?-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?|q35|pc-q35-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?|virt(-\d+(\.\d+)+)?(\+pve\d+)?)
aw-bits num 32..64
enable-s3 bool
enable-s4 bool
viommu str enum=intel|virtio

[hostpci]
*host str re=([a-f0-9]{4,}:)?[a-f0-9]{2}:[a-f0-9]{2}(\.[a-f0-9])?(;([a-f0-9]{4,}:)?[a-f0-9]{2}:[a-f0-9]{2}(\.[a-f0-9])?)*
mapping str re=[A-Za-z][A-Za-z0-9_-]+
device-id str re=0x[0-9a-fA-F]{4}
driver str enum=vfio|keep
legacy-igd bool
mdev str re=[^/\s]+
pcie bool
rombar bool
romfile str re=[^,;/]+
sub-device-id str re=0x[0-9a-fA-F]{4}
sub-vendor-id str re=0x[0-9a-fA-F]{4}
vendor-id str re=0x[0-9a-fA-F]{4}
x-vga bool

[usb]
*host str re=((0x)?[0-9A-Fa-f]{4}:(0x)?[0-9A-Fa-f]{4}|\d+-\d+(\.\d+)*|[Ss][Pp][Ii][Cc][Ee])
mapping str re=[A-Za-z][A-Za-z0-9_-]+
usb3 bool

[cicustom]
meta volume
network volume
user volume
vendor volume

[ratelimit]
*enable! bool
burst int 0..
rate str re=[1-9][0-9]*/(second|minute|hour|day)

[acme]
account configid
domains str

[acmedomain]
*domain! dns
alias str
plugin configid

[wakeonlan]
*mac! mac
bind-interface iface
broadcast-address ipv4
`
