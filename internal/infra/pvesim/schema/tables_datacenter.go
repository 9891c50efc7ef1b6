package schema

// datacenterText are the groups of parameters of what a datacenter has beside guests and
// firewalls, in the form of parameterText. They are also the types of what GET answers.
const datacenterText = `
[options]
bwlimit str props=bwlimit
consent-text str len=..65536
console str enum=applet|vv|html5|xtermjs
crs str props=crs
delete configids
description str len=..65536
email_from email
fencing str enum=watchdog|hardware|both
ha str props=hasettings
http_proxy str re=http://.*
keyboard str enum=de|de-ch|da|en-gb|en-us|es|fi|fr|fr-be|fr-ca|fr-ch|hu|is|it|ja|lt|mk|nl|no|pl|pt|pt-br|sv|sl|tr
language str enum=ar|ca|da|de|en|es|eu|fa|fr|hr|he|it|ja|ka|kr|nb|nl|nn|pl|pt_BR|ru|sl|sv|tr|ukr|zh_CN|zh_TW
mac_prefix str re=(?i)[a-f0-9][02468ace](:[a-f0-9]{2}){0,2}:?
max_workers int 1..
migration str props=traffic
migration_unsecure bool
next-id str props=nextid
notify str props=notify
registered-tags str re=(?i)([a-z0-9_][a-z0-9_+.-]*;)*[a-z0-9_][a-z0-9_+.-]*
replication str props=traffic
tag-style str props=tagstyle
u2f str props=u2f
user-tag-access str props=usertags
webauthn str props=webauthn

[metricserver]
api-path-prefix str
bucket str
disable bool
id! configid
influxdbproto str enum=udp|http|https
max-body-size int 1..
mtu int 512..65536
organization str
otel-compression str enum=none|gzip
otel-headers str len=..1024
otel-max-body-size int 1024..
otel-path str
otel-protocol str enum=http|https
otel-resource-attributes str len=..1024
otel-timeout int 1..10
otel-verify-ssl bool
path str
port! int 1..65536
proto str enum=udp|tcp
server! address
timeout int 0..
token str
verify-certificate bool

[pcimapping]
description str len=..4096
id! configid
live-migration-capable bool
map array props=pcimap
mdev bool

[usbmapping]
description str len=..4096
id! configid
map! array props=usbmap

[dirmapping]
description str len=..4096
id! configid
map array props=dirmap

[realm]
acr-values str re=[^\x00-\x1F\x7F <>#"]*
autocreate bool
base_dn str len=..256
bind_dn str len=..256
capath str
case-sensitive bool
cert str
certkey str
check-connection bool
client-id str len=..256
client-key str len=..256
comment str len=..4096
default bool
domain str len=..256 re=\S+
filter str len=..2048
group_classes str
group_dn str len=..256
group_filter str len=..2048
group_name_attr str len=..256
groups-autocreate bool
groups-claim str len=..256 re=[A-Za-z0-9._-]+
groups-overwrite bool
issuer-url str len=..256
mode str enum=ldap|ldaps|ldap+starttls
password str
port int 1..65535
prompt str re=\S+
query-userinfo bool
realm! realm len=..32
scopes str
secure bool
server1 address len=..256
server2 address len=..256
sslversion str enum=tlsv1|tlsv1_1|tlsv1_2|tlsv1_3
sync-defaults-options str
sync_attributes str re=\w+=[^,]+(,\s*\w+=[^,]+)*
tfa str len=..128
user_attr str len=..256 re=\S{2,}
user_classes str
verify bool

[replication]
comment str len=..4096
disable bool
id! str re=[1-9][0-9]{2,8}-\d{1,9}
rate num 1..
remove_job str enum=local|full
schedule str len=..128
source node

[sdnzone]
advertise-subnets bool
bridge bridge
bridge-disable-mac-learning bool
controller str
dhcp str enum=dnsmasq
disable-arp-nd-suppression bool
dns str
dnszone dns
dp-id int
exitnodes nodes
exitnodes-local-routing bool
exitnodes-primary node
fabric str
ipam str
lock-token str
mac mac
mtu int
nodes nodes
peers addresses
reversedns str
rt-import str
tag int 0..
vlan-protocol str enum=802.1q|802.1ad
vrf-vxlan int 1..16777215
vxlan-port int 1..65536
zone! sdnid

[sdnvnet]
alias str len=..256 re=[()_.\w\s-]*
isolate-ports bool
lock-token str
tag int 1..16777215
vlanaware bool
vnet! sdnid

[sdnsubnet]
dhcp-dns-server ip
dhcp-range array props=dhcprange
dnszoneprefix dns
gateway ip
lock-token str
snat bool
subnet! str re=\S+

[interface]
address ipv4 requires=netmask
address6 ipv6 requires=netmask6
autostart bool
bond-primary iface
bond_mode str enum=balance-rr|active-backup|balance-xor|broadcast|802.3ad|balance-tlb|balance-alb|balance-slb|lacp-balance-slb|lacp-balance-tcp
bond_xmit_hash_policy str enum=layer2|layer2+3|layer3+4
bridge_ports str
bridge_vids str
bridge_vlan_aware bool
cidr cidr
cidr6 cidr
comments str
comments6 str
gateway ipv4
gateway6 ipv6
iface! iface len=2..20
mtu int 1280..65520
netmask str requires=address
netmask6 int 0..128 requires=address6
ovs_bonds str
ovs_bridge iface
ovs_options str len=..1024
ovs_ports str
ovs_tag int 1..4094
slaves str
type! str enum=bridge|bond|eth|alias|vlan|fabric|OVSBridge|OVSBond|OVSPort|OVSIntPort|vnet|unknown
vlan-id int 1..4094
vlan-raw-device iface

[vzdump]
all bool
bwlimit int 0..
compress str enum=0|1|gzip|lzo|zstd
dumpdir str
exclude vmids
exclude-path array
fleecing str props=fleecing
ionice int 0..8
lockwait int 0..
mailnotification str enum=always|failure
mailto str
maxfiles int 1..
mode str enum=snapshot|suspend|stop
node node
notes-template str len=..1024 requires=storage
notification-mode str enum=auto|legacy-sendmail|notification-system
pbs-change-detection-mode str enum=legacy|data|metadata
performance str props=performance
pigz int
pool str
protected bool requires=storage
prune-backups str props=prune
quiet bool
remove bool
script str
stdexcludes bool
stop bool
stopwait int 0..
storage storage
tmpdir str
vmid vmids
zstd int

[backupjob]
comment str len=..512
dow str requires=starttime
enabled bool
repeat-missed bool
schedule str len=..128
starttime str

[datastore]
blocksize str
bwlimit str props=bwlimit
comstar_hg str
comstar_tg str
content contents
content-dirs str
create-base-path bool
create-subdirs bool
data-pool str
disable bool
domain str len=..256
encryption-key str
fingerprint str re=([A-Fa-f0-9]{2}:){31}[A-Fa-f0-9]{2}
format str enum=raw|qcow2|subvol|vmdk
fs-name configid
fuse bool
is_mountpoint str
keyring str
krbd bool
lio_tpg str
master-pubkey str
max-protected-backups int -1..
mkdir bool
monhost str
mountpoint str
namespace str
nocow bool
nodes nodes
nowritecache bool
options str
password str len=..256
pool str
port int 1..65535
preallocation str enum=off|metadata|falloc|full
prune-backups str props=prune
saferemove bool
saferemove-stepsize int enum=1|2|4|8|16|32
saferemove_throughput str
server address
shared bool
skip-cert-verification bool
smbversion str enum=default|2.0|2.1|3|3.0|3.11
snapshot-as-volume-chain bool
sparse bool
storage! storage
subdir str
tagged_only bool
username str
zfs-base-path str
`

// datacenterGrammars are the property strings of these parameters.
const datacenterGrammars = `
[bwlimit]
clone num 0..
default num 0..
migration num 0..
move num 0..
restore num 0..

[crs]
ha str enum=basic|static|dynamic
ha-auto-rebalance bool
ha-auto-rebalance-hold-duration num 0.. requires=ha-auto-rebalance
ha-auto-rebalance-margin num 0.. requires=ha-auto-rebalance
ha-auto-rebalance-method str enum=bruteforce|topsis requires=ha-auto-rebalance
ha-auto-rebalance-threshold num 0.. requires=ha-auto-rebalance
ha-rebalance-on-start bool

[hasettings]
shutdown_policy! str enum=freeze|failover|conditional|migrate

[traffic]
*type! str enum=secure|insecure
network cidr

[nextid]
lower int
upper int

[notify]
fencing str enum=always|never
package-updates str enum=auto|always|never
replication str enum=always|never
target-fencing str
target-package-updates str
target-replication str

[tagstyle]
case-sensitive bool
color-map str re=[^,]+
ordering str enum=config|alphabetical
shape str enum=full|circle|dense|none

[u2f]
appid str
origin str

[usertags]
user-allow str enum=none|list|existing|free
user-allow-list str re=(?i)[a-z0-9_][a-z0-9_+.-]*(;[a-z0-9_][a-z0-9_+.-]*)*

[webauthn]
allow-subdomains bool
id str
origin str
rp str

[pcimap]
description str len=..4096
id! str re=[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}
iommugroup int
node! node
path! str re=[a-f0-9:.;]+
subsystem-id str re=[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}

[usbmap]
description str len=..4096
id! str re=[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}
node! node
path str re=\d+-\d+(\.\d+)*

[dirmap]
node! node
path! str re=/[^,;]*

[dhcprange]
start-address! ip
end-address! ip

[prune]
keep-all bool
keep-daily int 0..
keep-hourly int 0..
keep-last int 0..
keep-monthly int 0..
keep-weekly int 0..
keep-yearly int 0..

[fleecing]
*enabled bool
storage storage

[performance]
max-workers int 1..256
pbs-entries-max int 1..
`
