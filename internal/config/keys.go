package config

import (
	"slices"
	"strings"
	"sync"
	"time"

	"syslog-gateway/internal/pack"
)

// key is one row of the table: everything there is to know about one key. Its
// field in [Config] has the same path.
type key struct {
	pattern string // the path; * is a name that the user chooses
	initial any    // the default; nil: no value
	rule    rule
	applies Stage // who applies a change while the gateway runs
	meaning string
}

// Part is a part of the program that applies changed keys while the gateway runs.
type Stage int

// Who applies a change of a key.
const (
	// restart: no stage. The change would close a socket, lose a connection or reopen
	// the queue.
	restart Stage = iota
	// onUse: the code that uses the key reads it from the running configuration each time.
	onUse
	// PartHEC is the HEC client.
	StageHEC
	// PartSources are the sources that are open.
	StageSources
	// PartLog is the gateway's own log.
	StageLog
)

// table returns all keys in the order of the file. It is built once and never
// changed.
var table = sync.OnceValue(func() []key {
	return slices.Concat(sourceKeys(), dataKeys(), hecKeys(), restKeys())
})

// rows is the table by pattern.
var rows = sync.OnceValue(func() map[string]key {
	all := make(map[string]key)
	for _, k := range table() {
		all[k.pattern] = k
	}
	return all
})

func sourceKeys() []key {
	return append([]key{
		{"sources.*.port", nil, port(), restart, "Port that the devices send to. Required. Ports below 1024 need CAP_NET_BIND_SERVICE, which the systemd unit grants."},
		{"sources.*.vendor", "auto", oneOf("unifi", "palo_alto", "cisco_asa", "linux", "windows", "auto"), restart, "Vendor of the devices. `auto` recognises the messages of every vendor. A message of another known vendor gets the sourcetype of that vendor in any case."},
		{"sources.*.index", "", indexName(), StageSources, "Splunk index of the events. Empty: the default index of the HEC token. Classes that have their own index keep it."},
		{"sources.*.sourcetype", "", sourcetypeName(), StageSources, "Sourcetype of all events of this source. Empty: the profile chooses it by class."},
		{"sources.*.address", "", ipAddress(), restart, "Address to listen on. Empty: all IPv4 and IPv6 addresses."},
		{"sources.*.protocols", []string{"udp", "tcp"}, listOf(1, "a list of udp and one of tcp, tls, relp, relp_tls", oneOf("udp", "tcp", "tls", "relp", "relp_tls")), restart, "Protocols that the devices may use: `udp`, and one of `tcp`, `tls`, `relp`, `relp_tls`. With RELP the sender keeps each message until the gateway answers for it: [Linux](devices/linux.md#relp-nothing-is-lost-in-a-socket)."},
		{"sources.*.timezone", "UTC", zone(), StageSources, "Time zone of timestamps that do not contain one."},
		{"sources.*.timezones", nil, zonesByNet(), StageSources, "Time zones by the network of the sender. They take precedence over `timezone`; the narrowest network wins. An IPv4-mapped network means the IPv4 network."},
		{"sources.*.fields", nil, fixedFields(), StageSources, "Indexed fields that are added to every event of this source, in addition to those of the profile."},
		{"sources.*.packs", nil, listOf(0, "packs such as mikrotik_routeros (`gateway pack list`)", packName()), StageSources, "Packs that get the messages of this source that do not say themselves what they are: for a port that one product sends to."},
		{"sources.*.max_message_size", 64 * KiB, between(480, MiB), StageSources, "Longer messages are truncated, marked with the field `truncated` and counted. RFC 5425 section 4.3.1 asks for 2048 bytes or more."},
		{"sources.*.allow", nil, listOf(0, "networks such as 10.1.0.0/16 or 2001:db8::/32", network()), StageSources, "Networks that may send. Empty: all. Messages from other addresses are dropped and counted. An IPv4-mapped network (::ffff:10.0.0.0/104) means the IPv4 network."},
		{"sources.*.proxy_protocol", nil, listOf(0, "networks such as 10.1.0.10/32 or 2001:db8::10/128", network()), StageSources, "Networks of load balancers that speak the PROXY protocol, version 1 or 2. What comes from them must begin with its header: TCP before the first message, TLS before the handshake, UDP each datagram. Otherwise the connection is closed, or the datagram dropped, and counted. The address in the header is the sender everywhere (`allow`, `timezones`, `sender_ip`); the field `proxy_ip` has that of the load balancer. From other addresses a header is text like any other. Name only addresses that are yours: a host in these networks can claim to be any sender."},
		{"sources.*.max_connections", 10000, between(1, 1000000), StageSources, "Maximum number of open connections. When it is reached, a new connection replaces another one: of the address with the most connections, the one that has been silent longest. Replaced connections are counted. An IPv6 /64 counts as one address. LimitNOFILE of the systemd unit limits all sources together."},
		{"sources.*.idle_timeout", time.Hour, between(time.Second, 7*24*time.Hour), StageSources, "A connection is closed when it sends nothing for this long. An incomplete message is delivered after 5 s of silence."},
		{"sources.*.silent_after", time.Hour, between(0, 30*24*time.Hour), onUse, "A sender is shown as silent when it has sent at least 10 messages, and then nothing for this long and for five times its usual pause. 0: never."},
		{"sources.*.relp.ack", Synced, oneOf(Synced, "queued", Secured), StageSources, "When a message by RELP is answered. `synced`: when a power loss no longer loses it; the queue is then synced at once, not after `queue.sync_interval`. `queued`: when a crash of the gateway no longer loses it. `secured`: when the loss of this machine no longer loses it; needs `queue.kind: jetstream`."},
		{"sources.*.relp.max_unacked", 10000, between(1, 1000000), StageSources, "Maximum number of unanswered messages of one RELP connection. When it is reached, the connection is not read until answers are written."},
		{"sources.*.receive_buffer", 32 * MiB, between(4*KiB, GiB), restart, "Kernel receive buffer of a UDP socket, of which the source has one for each of `loops.udp`. The kernel limits it to net.core.rmem_max; see deploy/sysctl.d."},
	}, serverTLSKeys("sources.*", "protocols `tls` and `relp_tls`", StageSources)...)
}

func serverTLSKeys(section, what string, names Stage) []key {
	return []key{
		{section + ".tls.cert_file", "", text("a PEM file"), restart, "Certificate chain for " + what + ". The gateway reads the files of all TLS keys again on SIGHUP and when they change: see [TLS](tls.md)."},
		{section + ".tls.key_file", "", text("a PEM file"), restart, "Private key of the certificate."},
		{section + ".tls.certificates", nil, keyPairs(), restart, "Further certificates with their keys. A client gets the first one that fits the name it asks for (SNI), else `cert_file`, or the first of this list without one."},
		{section + ".tls.client_ca_file", "", text("a PEM file"), restart, "If set, clients must present a certificate that one of these CAs has signed."},
		{section + ".tls.crl_file", "", text("a PEM or DER file"), restart, "Certificate revocation lists of these CAs. A revoked client is refused. A list that is out of date is logged, and its entries still count."},
		{section + ".tls.client_names", nil, listOf(0, "names such as fw1.example.com, *.example.com or 192.0.2.1", clientName()), names, "The certificate of a client must have one of these DNS names, IP addresses or common names. `*.` stands for one label. Empty: each certificate of `client_ca_file` is enough."},
		{section + ".tls.min_version", "1.2", oneOf("1.2", "1.3"), restart, "Lowest TLS version that is accepted."},
	}
}

func dataKeys() []key {
	return []key{
		{"metadata.profile", "default", oneOf("default", "sc4s"), StageSources, "Sourcetypes, indexes and field names of the events. `sc4s` uses those of Splunk Connect for Syslog: its indexes are the roles (netfw, osnix and so on), which Splunk must have and the token allow."},
		{"metadata.overrides.*.index", "", indexName(), StageSources, "Index of this class, instead of the one of the profile. Empty: unchanged."},
		{"metadata.overrides.*.sourcetype", "", sourcetypeName(), StageSources, "Sourcetype of this class. Empty: unchanged."},
		{"metadata.overrides.*.source", "", text("text without control characters"), StageSources, "Splunk `source` of this class. Empty: unchanged."},
		{"metadata.drop", nil, listOf(0, "classes such as unifi_wireless (docs/metadata.md)", className()), StageSources, "Classes that are discarded. Their messages are counted as dropped, with the reason `rule`."},
		{"metadata.sample", nil, samples(), StageSources, "Classes that are sampled, with N: one message in N is kept and gets the field `sample_rate`. The other messages are counted as dropped, with the reason `rule`. Each transport and each receive loop of a source counts separately."},
		{"metadata.hosts_file", "", text("a CSV file"), StageSources, "Names of senders, one line `address,name` for each. The name becomes the host of messages that do not contain one. The file is read at start and on SIGHUP. It may have at most 4 MiB."},
		{"metadata.indexes", nil, indexesByRole(), StageSources, "Splunk indexes by role, such as `{netfw: firewall, netops: network}`. `\"*\"` is the index of all other roles. In the profile `sc4s` the role is the index. Roles: " + strings.Join(pack.Roles(), ", ") + "."},

		{"packs.folder", "/etc/syslog-gateway/packs", text("a directory"), StageSources, "Directory of the site's own packs, *.yaml. It is read at start and on SIGHUP; it need not exist."},
		{"packs.disable", nil, listOf(0, "packs (`gateway pack list`)", packName()), StageSources, "Packs that recognise nothing."},
		{"packs.options", nil, listOf(0, "options such as isc_bind.on_linux", packOption()), StageSources, "Options of packs that are turned on. `PACK.RULE` turns on a rule of the pack that is off by default. `PACK.on_linux` gives the programs of a pack for Linux servers their own sourcetype and index on ports of the vendor `linux` too."},
		{"packs.senders", nil, packsByNet(), StageSources, "Packs by the network of the sender. All messages from there belong to the pack. The narrowest network wins."},

		{"packs.mask_secret_file", "", text("a file of 16 bytes or more"), StageSources, "Secret of the hashes that rules with `with: hash` put in the place of values: equal values get equal hashes. Better: the systemd credential `mask_secret`. Read at start and on SIGHUP. With another secret all hashes change."},

		// 512 KiB of JSON are about 1,500 events: enough for gzip to find repetitions,
		// and only a busy source fills it within max_age.
		{"batch.max_bytes", 512 * KiB, between(4*KiB, 8*MiB), restart, "A batch is closed when its JSON reaches this size (before compression). One batch is one HEC request."},
		{"batch.max_age", 200 * time.Millisecond, between(time.Millisecond, time.Minute), restart, "A batch is closed this long after its first event. A crash of the process can lose the messages of this time."},
		{"batch.max_events", 10000, between(1, 1000000), restart, "A batch is closed when it holds this many events."},

		{"loops.udp", Count(0), autoUpTo(64), restart, "Event loops that read UDP. Each has a socket of its own on each UDP port, and the kernel spreads the datagrams evenly over them. With more than one, the messages of one sender may change their order. `auto` is one for every four processors."},
		{"loops.tcp", Count(0), autoUpTo(64), restart, "Event loops that read TCP connections without TLS. `auto` is one for every four processors."},

		{"balancer.shards", Count(0), autoUpTo(maxShards), restart, "Number of shards. Each shard has its own disk queue and sender. `auto` is 4, and one for every two processors from the ninth on. If you lower the number, the extra shards are delivered and then removed."},
		{"balancer.policy", "round_robin", oneOf("round_robin", "least_pending", "source_hash"), restart, "How a shard is chosen for a batch. `source_hash` sends all events of a source to one shard, in order. With `vendor: auto` the source then fills one batch at a time, not one for each vendor."},

		{"queue.kind", QueueDisk, oneOf(QueueDisk, QueueJetStream), restart, "`disk`: this gateway delivers what it has received. `jetstream`: the disk queue is forwarded to streams on NATS servers, and every gateway of the cluster delivers from there (docs/cluster.md). The other keys of `queue` apply to both."},
		{"queue.path", "/var/lib/syslog-gateway/queue", queuePath(), restart, "Directory of the disk queue. Only one gateway can use it at a time; a lock file ensures this."},
		{"queue.max_size", 100 * GB, atLeast(MiB), restart, "Disk space for all shards together. At least two batches (`batch.max_bytes`) per shard."},
		// The queue itself lowers the size down to 4 KiB where max_size is small.
		{"queue.segment_size", 64 * MiB, between(64*KiB, 4*GiB), restart, "Size of a queue file. Disk space is freed in whole files. A small queue uses smaller files: a quarter of the share of `max_size` that one shard has."},
		{"queue.sync_interval", 250 * time.Millisecond, between(time.Millisecond, time.Minute), restart, "Maximum time between two fsyncs while data is written. A power failure can lose the events of this time; after a crash they may be delivered twice."},
		{"queue.min_free", 2 * GB, between(0, 100*TB), restart, "The queue counts as full when its file system has less free space than this."},
		{"queue.when_full", "block", oneOf("block", "drop_oldest", "drop_newest"), restart, "`block` stops reading: TCP senders wait, the kernel drops UDP datagrams, and the gateway shows how many. The other policies drop events and count them."},

		{"queue.jetstream.servers", nil, listOf(0, "a list of addresses such as tls://queue-01:4222", natsServer()), restart, "Addresses of the NATS servers. One is enough to find the others; name all, since one may be away."},
		{"queue.jetstream.gateway_id", "", charset("letters, digits, _ and -, beginning with a letter or digit; or empty", lower+upper+digits+"_-"), restart, "Name of this gateway, which no other gateway of the cluster has. Empty: the host name."},
		{"queue.jetstream.streams", 4, between(1, 64), restart, "Number of streams, SYSLOG-00 and so on. The same at all gateways, for the life of the cluster. Shard N is forwarded to stream N modulo `streams`."},
		{"queue.jetstream.replicas", 3, replicas(), restart, "Servers that hold each record. With 3, one of them may be lost; with 1, none."},
		{"queue.jetstream.max_size", 400 * GB, atLeast(16 * MiB), restart, "Disk space of all streams together on each server that holds a replica. It is reserved. A full stream takes nothing: the records wait in the disk queues."},
		{"queue.jetstream.in_flight", 16, between(1, 256), restart, "Records of a shard that are forwarded at the same time."},
		{"queue.jetstream.duplicate_window", 2 * time.Minute, between(time.Second, time.Hour), restart, "How long the servers recognise a record that is forwarded again. It costs about 400 bytes of their memory for each record of this time."},
		{"queue.jetstream.ack_wait", time.Minute, between(5*time.Second, time.Hour), restart, "A record that a gateway has taken is given to another one after this time without a sign of life."},
		{"queue.jetstream.deliver", true, trueOrFalse(), restart, "Take records out of the streams and deliver them. `false`: this gateway only receives and forwards. With `true` it needs no source."},
		{"queue.jetstream.tls.ca_file", "", text("a PEM file"), restart, "CA certificates that are trusted for the servers. Empty: those of the system."},
		{"queue.jetstream.tls.cert_file", "", text("a PEM file"), restart, "Certificate of this gateway, if the servers ask for one."},
		{"queue.jetstream.tls.key_file", "", text("a PEM file"), restart, "Private key of the certificate."},
		{"queue.jetstream.credentials_file", "", text("a .creds file of NATS"), restart, "Credentials of this gateway. Empty: the systemd credential `queue_creds`, if there is one."},
	}
}

func hecKeys() []key {
	return []key{
		{"hec.endpoints", []string{"https://splunk:8088"}, listOf(1, "a list of URLs such as https://splunk:8088", endpoint()), StageHEC, "Base URLs of the HEC endpoints. /services/collector/event is appended."},
		{"hec.token", "", secret("the token alone, without the word Splunk"), StageHEC, "HEC token. It is better kept outside of this file: see [The HEC token](#the-hec-token)."},
		{"hec.token_file", "", text("a file that holds the token"), StageHEC, "File that contains the token."},
		{"hec.fallback_index", "", indexName(), StageHEC, "Index for events whose own index HEC refuses (code 7). The field `original_index` then contains the refused index. The token must be allowed to write to this index. Empty: such events become dead letters."},
		{"hec.compression", "gzip", oneOf("gzip", "none"), restart, "Compression of request bodies, in the disk queue as well."},
		{"hec.in_flight", 4, between(1, 64), restart, "Maximum number of concurrent requests per shard."},
		{"hec.timeout", time.Minute, between(100*time.Millisecond, 10*time.Minute), StageHEC, "Timeout of one request."},
		{"hec.ack.enabled", false, trueOrFalse(), restart, "Indexer acknowledgement: an event is removed from the queue when it is indexed, not when it is received. It must be enabled for the token."},
		{"hec.ack.poll_interval", 10 * time.Second, between(100*time.Millisecond, 5*time.Minute), restart, "Time between two queries for acknowledgements."},
		{"hec.ack.timeout", 5 * time.Minute, between(time.Second, time.Hour), restart, "Events that are not acknowledged within this time are sent again. Must be longer than `poll_interval`."},
		{"hec.tls.ca_file", "", text("a PEM file"), restart, "CA certificates that are trusted for the endpoints. Empty: those of the system."},
		{"hec.tls.server_name", "", text("a host name"), restart, "Name that the certificate of the endpoint must contain. Empty: the host in the URL."},
		{"hec.tls.insecure_skip_verify", false, trueOrFalse(), restart, "Do not verify the certificate of the endpoint. Anybody between gateway and endpoint can then read the token."},
		{"hec.retry.initial", 250 * time.Millisecond, between(10*time.Millisecond, time.Minute), StageHEC, "Pause before the first retry. It doubles with each retry, up to `max`. Retries never stop."},
		{"hec.retry.max", 30 * time.Second, between(10*time.Millisecond, time.Hour), StageHEC, "Longest pause between retries. Not shorter than `initial`."},
		{"hec.health_interval", 5 * time.Second, between(100*time.Millisecond, 10*time.Minute), restart, "Time between two health checks of an endpoint."},
	}
}

func restKeys() []key {
	keys := []key{
		{"dead_letter.path", "/var/lib/syslog-gateway/dead-letter", required("a directory other than queue.path"), restart, "Directory for events that HEC refuses permanently."},
		{"dead_letter.max_size", GB, atLeast(64 * KiB), restart, "Disk space for dead letters. A replay needs up to half as much in addition. When the space is used up, the oldest dead letters are deleted."},

		{"stats.listen", ":8404", hostPort(), restart, "Listen address of /stats, /metrics, /healthz, /readyz and /api/v1."},
		{"stats.username", "", text("text without control characters"), restart, "User for basic authentication; needs a password. /healthz and /readyz stay open. If it is empty, everybody can read the page, but nobody can see messages (tap, dead letters) or change the state of shards and endpoints over the network. `gateway tap` works on the machine itself."},
		{"stats.password", "", secret("a word without white space"), restart, "Password of `username`. Better: `password_hash`, or the systemd credential `stats_password`, which can contain the password or its hash."},
		{"stats.password_hash", "", bcryptHash(), restart, "The password as a bcrypt hash: the part after the colon in the output of `htpasswd -nbBC 10 USER PASSWORD`."},
		{"stats.admin", false, trueOrFalse(), restart, "Allow `username` to change the state of shards and endpoints (ready, drain, maint)."},
		{"stats.admin_username", "", text("text without control characters"), restart, "Second user, who may read and change states, while `username` may only read."},
		{"stats.admin_password", "", secret("a word without white space"), restart, "Password of `admin_username`. Better: `admin_password_hash`, or the systemd credential `stats_admin_password`."},
		{"stats.admin_password_hash", "", bcryptHash(), restart, "The password of `admin_username` as a bcrypt hash."},
		{"stats.pprof", false, trueOrFalse(), restart, "Serve /debug/pprof to users who may see messages. A profile takes at most 25 s."},
		{"stats.to_splunk", false, trueOrFalse(), restart, "Send the statistics of the gateway to Splunk, as events with the source `gateway` and the sourcetype `syslog_gateway:stats`."},
		{"stats.splunk_index", "", indexName(), restart, "Index of these events. Empty: the default index of the HEC token."},
		{"stats.splunk_interval", 30 * time.Second, between(time.Second, time.Hour), restart, "Time between two of these events."},
	}
	keys = append(keys, serverTLSKeys("stats", "stats.listen. Empty: plain HTTP", restart)...)
	return append(keys,
		key{"log.level", "info", oneOf("debug", "info", "warn", "error"), StageLog, "Lowest level that is logged."},
		key{"log.format", "auto", oneOf("auto", "text", "json", "journal"), restart, "`auto`: `journal` under systemd, else `text`."},
		key{"shutdown_timeout", 30 * time.Second, between(time.Second, 10*time.Minute), onUse, "Maximum time to deliver queued events on shutdown. The rest stays on disk. Must be shorter than TimeoutStopSec of the systemd unit."},
	)
}

// indexName is Splunk's rule for index names.
func indexName() rule {
	return charset("a Splunk index name: a-z, 0-9, _ and -, beginning with a letter or digit; or empty", lower+digits+"_-")
}

func sourcetypeName() rule {
	return charset("a sourcetype: letters, digits and : . _ -, beginning with a letter or digit; or empty", lower+upper+digits+":._-")
}

// elsewhere returns the sections that have a key of this name: next to a misspelt
// name, wrong indentation is the usual mistake.
func elsewhere(name string) []string {
	var found []string
	for _, k := range table() {
		if section, ok := strings.CutSuffix(k.pattern, "."+name); ok {
			found = append(found, section)
		}
	}
	return found
}
