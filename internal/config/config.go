package config

import (
	"runtime"
	"slices"
	"time"

	"syslog-gateway/internal/redact"
)

// Config is the configuration of a gateway. The koanf tags are the names of the keys;
// keys.go describes each of them.
type Config struct {
	Sources         map[string]Source `koanf:"sources"`
	Metadata        Metadata          `koanf:"metadata"`
	Packs           Packs             `koanf:"packs"`
	Batch           Batch             `koanf:"batch"`
	Loops           Loops             `koanf:"loops"`
	Balancer        Balancer          `koanf:"balancer"`
	Queue           Queue             `koanf:"queue"`
	HEC             HEC               `koanf:"hec"`
	DeadLetter      DeadLetter        `koanf:"dead_letter"`
	Stats           Stats             `koanf:"stats"`
	Log             Log               `koanf:"log"`
	ShutdownTimeout time.Duration     `koanf:"shutdown_timeout"`
}

// Source is one port that devices send syslog to.
type Source struct {
	Port           int               `koanf:"port"`
	Vendor         string            `koanf:"vendor"`
	Index          string            `koanf:"index"`
	Sourcetype     string            `koanf:"sourcetype"`
	Address        string            `koanf:"address"`
	Protocols      []string          `koanf:"protocols"`
	Timezone       string            `koanf:"timezone"`
	Timezones      map[string]string `koanf:"timezones"`
	MaxMessageSize Size              `koanf:"max_message_size"`
	Allow          []string          `koanf:"allow"`
	ProxyProtocol  []string          `koanf:"proxy_protocol"`
	MaxConnections int               `koanf:"max_connections"`
	IdleTimeout    time.Duration     `koanf:"idle_timeout"`
	ReceiveBuffer  Size              `koanf:"receive_buffer"`
	Fields         map[string]string `koanf:"fields"`
	Packs          []string          `koanf:"packs"`
	SilentAfter    time.Duration     `koanf:"silent_after"`
	RELP           RELP              `koanf:"relp"`
	TLS            ServerTLS         `koanf:"tls"`
}

// RELP says how messages by RELP are answered.
type RELP struct {
	Ack        string `koanf:"ack"`
	MaxUnacked int    `koanf:"max_unacked"`
}

// The values of Ack that answer what a power loss does not lose, and what the loss of the
// machine does not lose.
const (
	Synced  = "synced"
	Secured = "secured"
)

// encrypted returns the protocols over TLS that the source takes.
func (s Source) encrypted() []string {
	return slices.DeleteFunc(slices.Clone(s.Protocols), func(p string) bool { return p != "tls" && p != "relp_tls" })
}

// streams returns the protocols that need the TCP port.
func (s Source) streams() []string {
	return slices.DeleteFunc(slices.Clone(s.Protocols), func(p string) bool { return p == "udp" })
}

// ServerTLS is the TLS configuration of a listener: a source or the statistics page.
type ServerTLS struct {
	CertFile     string     `koanf:"cert_file"`
	KeyFile      string     `koanf:"key_file"`
	Certificates []KeyPair  `koanf:"certificates"`
	ClientCAFile string     `koanf:"client_ca_file"`
	CRLFile      string     `koanf:"crl_file"`
	ClientNames  []string   `koanf:"client_names"`
	MinVersion   TLSVersion `koanf:"min_version"`
}

// KeyPair names the files of a certificate and its private key.
type KeyPair struct {
	CertFile string `koanf:"cert_file"`
	KeyFile  string `koanf:"key_file"`
}

// Metadata names the events, and drops or samples classes.
type Metadata struct {
	Profile   string              `koanf:"profile"`
	Overrides map[string]Override `koanf:"overrides"`
	Drop      []string            `koanf:"drop"`
	Sample    map[string]int      `koanf:"sample"`
	HostsFile string              `koanf:"hosts_file"`
	Indexes   map[string]string   `koanf:"indexes"`
}

// Packs says which packs recognise messages, besides what the program knows.
type Packs struct {
	Folder  string            `koanf:"folder"`
	Disable []string          `koanf:"disable"`
	Options []string          `koanf:"options"`
	Senders map[string]string `koanf:"senders"`
	// MaskSecretFile has the key of the hashes by which rules mask values.
	MaskSecretFile string `koanf:"mask_secret_file"`
}

// Override replaces the names that the profile gives to one class. Empty fields change
// nothing.
type Override struct {
	Index      string `koanf:"index"`
	Sourcetype string `koanf:"sourcetype"`
	Source     string `koanf:"source"`
}

// Batch says when a batch is closed.
type Batch struct {
	MaxBytes  Size          `koanf:"max_bytes"`
	MaxAge    time.Duration `koanf:"max_age"`
	MaxEvents int           `koanf:"max_events"`
}

// maxShards is how many shards a gateway has at most.
const maxShards = 64

// Loops is how many event loops read.
type Loops struct {
	UDP Count `koanf:"udp"`
	TCP Count `koanf:"tcp"`
}

// Balancer spreads batches over shards.
type Balancer struct {
	Shards Count  `koanf:"shards"`
	Policy string `koanf:"policy"`
}

// ShardCount is the number of shards: auto is 4, and one for every two processors from the
// ninth on.
func (b Balancer) ShardCount() int {
	if b.Shards == 0 {
		return min(max(4, runtime.GOMAXPROCS(0)/2), maxShards)
	}
	return int(b.Shards)
}

// Queue is the disk queue of all shards together, and the streams that it is forwarded to.
type Queue struct {
	Kind         string        `koanf:"kind"`
	Path         string        `koanf:"path"`
	MaxSize      Size          `koanf:"max_size"`
	SegmentSize  Size          `koanf:"segment_size"`
	SyncInterval time.Duration `koanf:"sync_interval"`
	MinFree      Size          `koanf:"min_free"`
	WhenFull     string        `koanf:"when_full"`
	JetStream    JetStream     `koanf:"jetstream"`
}

// JetStream is the cluster that records are forwarded to with Queue.Kind jetstream.
type JetStream struct {
	Servers         []string      `koanf:"servers"`
	GatewayID       string        `koanf:"gateway_id"`
	Streams         int           `koanf:"streams"`
	Replicas        int           `koanf:"replicas"`
	MaxSize         Size          `koanf:"max_size"`
	InFlight        int           `koanf:"in_flight"`
	DuplicateWindow time.Duration `koanf:"duplicate_window"`
	AckWait         time.Duration `koanf:"ack_wait"`
	Deliver         bool          `koanf:"deliver"`
	TLS             MutualTLS     `koanf:"tls"`
	CredentialsFile string        `koanf:"credentials_file"`
}

// MutualTLS is the TLS configuration of connections to servers that ask for a certificate.
type MutualTLS struct {
	CAFile   string `koanf:"ca_file"`
	CertFile string `koanf:"cert_file"`
	KeyFile  string `koanf:"key_file"`
}

// HEC is Splunk's HTTP Event Collector.
type HEC struct {
	Endpoints      []string      `koanf:"endpoints"`
	Token          redact.Secret `koanf:"token"`
	TokenFile      string        `koanf:"token_file"`
	FallbackIndex  string        `koanf:"fallback_index"`
	Compression    string        `koanf:"compression"`
	InFlight       int           `koanf:"in_flight"`
	Timeout        time.Duration `koanf:"timeout"`
	Ack            Ack           `koanf:"ack"`
	TLS            ClientTLS     `koanf:"tls"`
	Retry          Retry         `koanf:"retry"`
	HealthInterval time.Duration `koanf:"health_interval"`
}

// Ack is indexer acknowledgement.
type Ack struct {
	Enabled      bool          `koanf:"enabled"`
	PollInterval time.Duration `koanf:"poll_interval"`
	Timeout      time.Duration `koanf:"timeout"`
}

// ClientTLS is the TLS configuration of connections to https endpoints.
type ClientTLS struct {
	CAFile             string `koanf:"ca_file"`
	ServerName         string `koanf:"server_name"`
	InsecureSkipVerify bool   `koanf:"insecure_skip_verify"`
}

// Retry is the pause between attempts, from Initial up to Max.
type Retry struct {
	Initial time.Duration `koanf:"initial"`
	Max     time.Duration `koanf:"max"`
}

// DeadLetter is the store of events that HEC refuses permanently.
type DeadLetter struct {
	Path    string `koanf:"path"`
	MaxSize Size   `koanf:"max_size"`
}

// Stats is the statistics page, the metrics and the API.
type Stats struct {
	Listen            string        `koanf:"listen"`
	Username          string        `koanf:"username"`
	Password          redact.Secret `koanf:"password"`
	PasswordHash      redact.Secret `koanf:"password_hash"`
	Admin             bool          `koanf:"admin"`
	AdminUsername     string        `koanf:"admin_username"`
	AdminPassword     redact.Secret `koanf:"admin_password"`
	AdminPasswordHash redact.Secret `koanf:"admin_password_hash"`
	Pprof             bool          `koanf:"pprof"`
	ToSplunk          bool          `koanf:"to_splunk"`
	SplunkIndex       string        `koanf:"splunk_index"`
	SplunkInterval    time.Duration `koanf:"splunk_interval"`
	TLS               ServerTLS     `koanf:"tls"`
}

// Log is the gateway's own log.
type Log struct {
	Level  string `koanf:"level"`
	Format string `koanf:"format"`
}
