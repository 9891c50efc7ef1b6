package config

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// key is one row of the table: everything there is to know about one key. Its
// field in [Config] has the same path.
type key struct {
	pattern string // the path; * is a name that the user chooses
	initial any    // the default; nil: no value
	rule    rule
	applies Part // who applies a change while the gateway runs
	meaning string
}

// Part is a part of the program that applies changed keys while the gateway runs.
type Part int

// Who applies a change of a key.
const (
	// restart: nobody. The change would close a socket, lose a connection or reopen
	// the queue.
	restart Part = iota
	// onUse: whoever uses the key reads it from the running configuration each time.
	onUse
	// PartHEC is the HEC client.
	PartHEC
	// PartSources are the sources that are open.
	PartSources
	// PartLog is the gateway's own log.
	PartLog
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
		{"sources.*.port", nil, port(), restart, "Port that the devices send to. Required. Ports below 1024 need CAP_NET_BIND_SERVICE, which the unit gives."},
		{"sources.*.vendor", "auto", oneOf("unifi", "palo_alto", "cisco_asa", "linux", "windows", "auto"), restart, "Whose messages are expected here. `auto` recognises every vendor's lines on one port. A known vendor's line on another vendor's port keeps its own sourcetype either way."},
		{"sources.*.index", "", indexName(), PartSources, "Splunk index of the events; empty: the default index of the HEC token. Classes with an index of their own keep it."},
		{"sources.*.sourcetype", "", sourcetypeName(), PartSources, "One sourcetype for everything from this source; empty: by class, as the profile says."},
		{"sources.*.address", "", ipAddress(), restart, "Address to listen on; empty: all, IPv4 and IPv6."},
		{"sources.*.protocols", []string{"udp", "tcp"}, listOf(1, "a list of udp, tcp, tls; tcp and tls need a port each", oneOf("udp", "tcp", "tls")), restart, "How the devices may send."},
		{"sources.*.timezone", "UTC", zone(), PartSources, "Zone of time stamps that carry none."},
		{"sources.*.timezones", nil, zonesByNet(), PartSources, "Zone by the sender's network, before `timezone`; the narrowest network wins. An IPv4-mapped network is the IPv4 network."},
		{"sources.*.fields", nil, fixedFields(), PartSources, "Indexed fields that every event of this source gets, beside those of the profile."},
		{"sources.*.max_message_size", 64 * KiB, between(480, MiB), PartSources, "Longer messages are delivered cut, marked `truncated` and counted. RFC 5425 section 4.3.1 wants 2048 or more."},
		{"sources.*.allow", nil, listOf(0, "networks such as 10.1.0.0/16 or 2001:db8::/32", network()), PartSources, "Networks that may send; empty: all. Messages from elsewhere are dropped and counted. An IPv4-mapped network (::ffff:10.0.0.0/104) is the IPv4 network."},
		{"sources.*.max_connections", 10000, between(1, 1000000), PartSources, "TCP and TLS connections at one time. When a further one comes, the longest silent one of the address that holds most is closed and counted; of IPv6 a /64 is one address. LimitNOFILE of the unit is the bound for all sources together."},
		{"sources.*.idle_timeout", time.Hour, between(time.Second, 7*24*time.Hour), PartSources, "A connection that is silent for so long is closed. A message without its end is delivered after 5 s of silence already."},
		{"sources.*.silent_after", time.Hour, between(0, 30*24*time.Hour), onUse, "A sender that has sent 10 messages or more, and then nothing for this time and for five times its usual pause, is shown as silent; 0: never."},
		{"sources.*.receive_buffer", 32 * MiB, between(4*KiB, GiB), restart, "Kernel buffer of a UDP socket. The kernel gives at most net.core.rmem_max; see deploy/sysctl.d."},
	}, serverTLSKeys("sources.*", "protocol `tls`")...)
}

func serverTLSKeys(section, what string) []key {
	return []key{
		{section + ".tls.cert_file", "", text("a PEM file"), restart, "Certificate chain for " + what + "."},
		{section + ".tls.key_file", "", text("a PEM file"), restart, "Private key of the certificate."},
		{section + ".tls.client_ca_file", "", text("a PEM file"), restart, "When set, clients must show a certificate of one of these CAs."},
		{section + ".tls.min_version", "1.2", oneOf("1.2", "1.3"), restart, "Oldest TLS version that is accepted."},
	}
}

func dataKeys() []key {
	return []key{
		{"metadata.profile", "default", oneOf("default", "sc4s"), PartSources, "Which sourcetypes, indexes and field names events get. `sc4s`: those of Splunk Connect for Syslog."},
		{"metadata.overrides.*.index", "", indexName(), PartSources, "Index for this class, in place of the profile's; empty: unchanged."},
		{"metadata.overrides.*.sourcetype", "", sourcetypeName(), PartSources, "Sourcetype for this class; empty: unchanged."},
		{"metadata.overrides.*.source", "", text("text without control characters"), PartSources, "Splunk `source` for this class; empty: unchanged."},
		{"metadata.drop", nil, listOf(0, "classes such as unifi_wireless (docs/metadata.md)", className()), PartSources, "Classes of which no event is made. Their messages are counted as dropped with the reason `rule`."},
		{"metadata.sample", nil, samples(), PartSources, "Classes of which one message in N is kept and N; it gets the field `sample_rate`. The others are counted as dropped with the reason `rule`. Each transport and receiving loop of a source counts for itself."},
		{"metadata.hosts_file", "", text("a CSV file"), PartSources, "Names of senders, a line `address,name` each: the host of messages that do not say it. Read at start and on SIGHUP; at most 4 MiB."},

		// 512 KiB of JSON are about 1,500 events: enough for gzip to find repetitions,
		// and only a busy source fills it within max_age.
		{"batch.max_bytes", 512 * KiB, between(4*KiB, 8*MiB), restart, "A batch is sealed at so much JSON (before compression). It becomes one HEC request."},
		{"batch.max_age", 200 * time.Millisecond, between(time.Millisecond, time.Minute), restart, "A batch is sealed so long after its first event. It is also what a crash of the process may lose."},
		{"batch.max_events", 10000, between(1, 1000000), restart, "A batch is sealed at so many events."},

		{"balancer.shards", 4, between(1, 64), restart, "Number of shards; each has a disk queue and a sender. With fewer than before the others are delivered, and then removed."},
		{"balancer.policy", "round_robin", oneOf("round_robin", "least_pending", "source_hash"), restart, "Which shard takes a batch. `source_hash` keeps one source's events in order on one shard, and so with `vendor: auto` in one batch rather than one for each family."},

		{"queue.path", "/var/lib/syslog-gateway/queue", queuePath(), restart, "Where the disk queue lives. One gateway per path; a lock file sees to it."},
		{"queue.max_size", 100 * GB, atLeast(MiB), restart, "Disk space of all shards together. At least two batches (`batch.max_bytes`) per shard."},
		// The queue itself lowers the size down to 4 KiB where max_size is small.
		{"queue.segment_size", 64 * MiB, between(64*KiB, 4*GiB), restart, "Size of a file of the queue; space is freed by whole files. Small queues use less: a quarter of a shard's share of `max_size`."},
		{"queue.sync_interval", 250 * time.Millisecond, between(time.Millisecond, time.Minute), restart, "fsync at least this often while there is writing. A power loss may lose this much, a crash may repeat it."},
		{"queue.min_free", 2 * GB, between(0, 100*TB), restart, "The queue counts as full when its file system has less free space than this."},
		{"queue.when_full", "block", oneOf("block", "drop_oldest", "drop_newest"), restart, "`block` stops reading from TCP (UDP is then dropped by the kernel and shown); the others drop and count."},
	}
}

func hecKeys() []key {
	return []key{
		{"hec.endpoints", []string{"https://splunk:8088"}, listOf(1, "a list of URLs such as https://splunk:8088", endpoint()), PartHEC, "Base URLs of the HEC endpoints; /services/collector/event is added."},
		{"hec.token", "", secret("the token alone, without the word Splunk"), PartHEC, "HEC token. Better kept out of this file: see [The HEC token](#the-hec-token)."},
		{"hec.token_file", "", text("a file that holds the token"), PartHEC, "File to read the token from."},
		{"hec.fallback_index", "", indexName(), PartHEC, "Index for events whose own one HEC refuses (code 7); the field `original_index` then names that. The token must be allowed to write to it. Empty: they become dead letters."},
		{"hec.compression", "gzip", oneOf("gzip", "none"), restart, "Compression of request bodies, on disk as well."},
		{"hec.in_flight", 4, between(1, 64), restart, "Requests under way at one time, per shard."},
		{"hec.timeout", time.Minute, between(100*time.Millisecond, 10*time.Minute), PartHEC, "Time for one request until it counts as failed."},
		{"hec.ack.enabled", false, trueOrFalse(), restart, "Indexer acknowledgement: a record is freed when it is indexed, not when it is received. The token must have it on."},
		{"hec.ack.poll_interval", 10 * time.Second, between(100*time.Millisecond, 5*time.Minute), restart, "How often acknowledgements are asked for."},
		{"hec.ack.timeout", 5 * time.Minute, between(time.Second, time.Hour), restart, "A record without acknowledgement is sent again after this. Longer than `poll_interval`."},
		{"hec.tls.ca_file", "", text("a PEM file"), restart, "CA certificates that endpoints are checked against; empty: those of the system."},
		{"hec.tls.server_name", "", text("a host name"), restart, "Name that the endpoint's certificate must have; empty: the host in the URL."},
		{"hec.tls.insecure_skip_verify", false, trueOrFalse(), restart, "Do not check the endpoint's certificate. Anybody in between can then read the token."},
		{"hec.retry.initial", 250 * time.Millisecond, between(10*time.Millisecond, time.Minute), PartHEC, "Pause before the first retry; it doubles up to `max`. Retries never end."},
		{"hec.retry.max", 30 * time.Second, between(10*time.Millisecond, time.Hour), PartHEC, "Longest pause between retries. Not shorter than `initial`."},
		{"hec.health_interval", 5 * time.Second, between(100*time.Millisecond, 10*time.Minute), restart, "How often the health of an endpoint is asked for."},
	}
}

func restKeys() []key {
	keys := []key{
		{"dead_letter.path", "/var/lib/syslog-gateway/dead-letter", required("a directory other than queue.path"), restart, "Where events go that HEC refuses for good."},
		{"dead_letter.max_size", GB, atLeast(64 * KiB), restart, "Disk space for them; half as much again during a replay. When it is full the oldest go, and are lost."},

		{"stats.listen", ":8404", hostPort(), restart, "Address of /stats, /metrics, /healthz, /readyz and /api/v1."},
		{"stats.username", "", text("text without control characters"), restart, "With a password: basic authentication. /healthz and /readyz stay open. Without it everybody may read, and nobody sees lines of messages (tap, dead letters) or sets anything aside over the network; on the machine itself there is `gateway tap`."},
		{"stats.password", "", secret("a word without white space"), restart, "Set together with `username`. Better: `password_hash`, or the systemd credential `stats_password`, which may hold either."},
		{"stats.password_hash", "", bcryptHash(), restart, "The password as a bcrypt hash: `htpasswd -nbBC 10 USER PASSWORD`, what follows the colon."},
		{"stats.admin", false, trueOrFalse(), restart, "The user of `username` may also set shards and endpoints aside (ready, drain, maint)."},
		{"stats.admin_username", "", text("text without control characters"), restart, "Another user, who may read and set aside, while that of `username` only reads."},
		{"stats.admin_password", "", secret("a word without white space"), restart, "Set together with `admin_username`; or `admin_password_hash`, or the systemd credential `stats_admin_password`."},
		{"stats.admin_password_hash", "", bcryptHash(), restart, "The admin's password as a bcrypt hash."},
		{"stats.pprof", false, trueOrFalse(), restart, "Serve /debug/pprof to whoever may see lines of messages. Profiles of up to 25 s."},
		{"stats.to_splunk", false, trueOrFalse(), restart, "Send the gateway's own numbers to Splunk, as events of the source `gateway` with the sourcetype `syslog_gateway:stats`."},
		{"stats.splunk_index", "", indexName(), restart, "Index of these events; empty: the default index of the HEC token."},
		{"stats.splunk_interval", 30 * time.Second, between(time.Second, time.Hour), restart, "How often they are sent."},
	}
	keys = append(keys, serverTLSKeys("stats", "the stats address; empty: plain HTTP")...)
	return append(keys,
		key{"log.level", "info", oneOf("debug", "info", "warn", "error"), PartLog, "What is logged."},
		key{"log.format", "auto", oneOf("auto", "text", "json", "journal"), restart, "`auto`: journal-friendly under systemd, text on a terminal."},
		key{"shutdown_timeout", 30 * time.Second, between(time.Second, 10*time.Minute), onUse, "Time to drain when stopping; the rest stays on disk. Keep it below TimeoutStopSec of the unit."},
	)
}

// indexName is Splunk's rule for index names.
func indexName() rule {
	return charset("a Splunk index name: a-z, 0-9, _ and -, beginning with a letter or digit; or nothing", lower+digits+"_-")
}

func sourcetypeName() rule {
	return charset("a sourcetype: letters, digits and : . _ -, beginning with a letter or digit; or nothing", lower+upper+digits+":._-")
}

// elsewhere returns the sections that do have a key of this name: the usual
// mistake after a typing error is a wrong indentation.
func elsewhere(name string) []string {
	var found []string
	for _, k := range table() {
		if section, ok := strings.CutSuffix(k.pattern, "."+name); ok {
			found = append(found, section)
		}
	}
	return found
}
