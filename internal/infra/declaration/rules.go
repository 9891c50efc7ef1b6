package declaration

import (
	"fmt"
	"net/mail"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/infra/declaration/reader"
)

// Patterns of Proxmox VE, from the formats pve-storage-id, pve-poolid, pve-tag,
// pve-node and dns-name of its API, and of RFC 1123.
var (
	dnsLabel   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	guestKey   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$`)
	storageID  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]$`)
	poolID     = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$`)
	tagText    = regexp.MustCompile(`^[a-z0-9_][a-z0-9_+.-]*$`)
	bridgeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,14}$`)
	fileName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)
	volumeID   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]:\S+$`)
	diskName   = regexp.MustCompile(`^(scsi(\d|[12]\d|30)|virtio(\d|1[0-5])|sata[0-5]|ide[0-3])$`)
	cpuType    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	sizeText   = regexp.MustCompile(`^([1-9]\d{0,5})([GT])$`)
	cloudInit  = regexp.MustCompile(`^cloud-init/.*\.ya?ml$`)
	envName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	octal      = regexp.MustCompile(`^0?[0-7]{3,4}$`)
	wordText   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
)

// pattern makes a rule of a regular expression; what follows the value in the problem.
func pattern(re *regexp.Regexp, what, fix string) reader.Rule {
	return func(s string) (string, string) {
		if re.MatchString(s) {
			return "", ""
		}
		return what, fix
	}
}

// Rules of one pattern each.
var (
	nameRule   = pattern(dnsLabel, "is not a DNS label", "use letters, digits and inner hyphens, 63 at most")
	keyRule    = pattern(guestKey, "cannot be the name of a host in the inventory", "use letters, digits and inner hyphens, dots or underscores")
	storeRule  = pattern(storageID, "is not the name of a datastore", "use the ID that Datacenter > Storage shows, such as local-zfs")
	poolRule   = pattern(poolID, "is not a pool ID", "use letters, digits, hyphens, dots or underscores, in three levels (a/b/c) at most")
	bridgeRule = pattern(bridgeName, "is not the name of a bridge", "use the name of the node's bridge, such as vmbr0")
	fileRule   = pattern(fileName, "is not a file name", "give the name alone, without datastore and folder")
	pluginRule = pattern(wordText, "is not an ID", "use letters, digits, hyphens and underscores")
)

func diskRule(s string) (string, string) {
	if s == "ide2" {
		return "is where the cloud-init drive is", "use scsi0 to scsi30 or virtio0 to virtio15"
	}
	return pattern(diskName, "is not a disk interface", "use scsi0 to scsi30, virtio0 to virtio15, sata0 to sata5 or ide0 to ide3")(s)
}

func tagRule(s string) (string, string) {
	if lower := strings.ToLower(s); lower != s && tagText.MatchString(lower) {
		return "has upper-case letters, which Proxmox VE changes, so that it would differ forever", fmt.Sprintf("write %q", lower)
	}
	return pattern(tagText, "is not a tag", "use a-z, 0-9, _ and inside also + . -")(s)
}

// atMost bounds the length.
func atMost(n int) reader.Rule {
	return func(s string) (string, string) {
		if len(s) <= n {
			return "", ""
		}
		return fmt.Sprintf("has %d characters", len(s)), fmt.Sprintf("%d at most are possible", n)
	}
}

// atMostItems bounds the length of a list.
func atMostItems(report *reader.Report, o *reader.Object, key string, n int) {
	if v := o.Get(key); v != nil && len(v.Items) > n {
		report.Problem(v, fmt.Sprintf("has %d elements", len(v.Items)), fmt.Sprintf("%d at most are possible", n))
	}
}

// timezoneRule wants a name of zone.tab, UTC or host, as Proxmox VE does (pve-common,
// pve_verify_timezone).
func timezoneRule(s string) (string, string) {
	if s == "host" || s == "UTC" {
		return "", ""
	}
	if _, err := time.LoadLocation(s); err != nil || s == "" || s == "Local" || strings.HasPrefix(s, "Etc/") {
		return "is not a time zone that Proxmox VE knows", "such as Europe/Berlin or UTC, or host for that of the node"
	}
	return "", ""
}

func absolute(s string) (string, string) {
	if !strings.HasPrefix(s, "/") || path.Clean(s) != s || s == "/" || strings.ContainsAny(s, ",\n") {
		return "is not an absolute path below /", "give one without a trailing slash, such as /opt/data"
	}
	return "", ""
}

func singleLine(s string) (string, string) {
	if strings.ContainsAny(s, "\n\r") {
		return "has several lines", "write it in one line"
	}
	return "", ""
}

func emailRule(s string) (string, string) {
	if a, err := mail.ParseAddress(s); err == nil && a.Address == s && strings.Contains(s[strings.LastIndex(s, "@"):], ".") {
		return "", ""
	}
	return "is not an email address", ""
}

func httpsRule(s string) (string, string) {
	if u, err := url.Parse(s); err == nil && u.Scheme == "https" && u.Host != "" {
		return "", ""
	}
	return "is not an https URL", ""
}

func domainRule(s string) (string, string) {
	if s == "" {
		return "", ""
	}
	for _, label := range strings.Split(s, ".") {
		if !dnsLabel.MatchString(label) {
			return "is not a DNS name", "use labels of letters, digits and inner hyphens, with dots between them"
		}
	}
	return atMost(253)(s)
}

// gibibytes reads a size such as 100G or 1T.
func gibibytes(s string) (int, bool) {
	fields := sizeText.FindStringSubmatch(s)
	if fields == nil {
		return 0, false
	}
	n, err := strconv.Atoi(fields[1])
	if fields[2] == "T" {
		n *= 1024
	}
	return n, err == nil
}

func sizeRule(s string) (string, string) {
	if _, ok := gibibytes(s); ok {
		return "", ""
	}
	return "is not a size", "write whole GiB or TiB, such as 100G or 1T"
}
