package schema

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// patternFormats are the registered formats that one pattern decides, with the text of
// what does not match (JSONSchema.pm, and the register_format calls of the packages).
var patternFormats = map[string]struct {
	re   *regexp.Regexp
	text string
}{
	"dns":      {regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`), "value does not look like a valid DNS name"},
	"node":     {regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`), "value does not look like a valid node name"},
	"vmid":     {regexp.MustCompile(`^[1-9][0-9]{2,8}$`), "value does not look like a valid VM ID"},
	"configid": {regexp.MustCompile(`(?i)^[a-z][a-z0-9_-]+$`), "invalid configuration ID '%s'"},
	"storage":  {regexp.MustCompile(`(?i)^[a-z][a-z0-9_.-]*[a-z0-9]$`), "storage ID '%s' contains illegal characters"},
	"pool":     {regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`), "pool name '%s' contains invalid characters"},
	"mac":      {regexp.MustCompile(`(?i)^[a-f0-9][02468ace](:[a-f0-9]{2}){5}$`), "value does not look like a valid unicast MAC address"},
	"size":     {regexp.MustCompile(`^\d+(\.\d+)?[KMGT]?$`), "value does not look like a valid disk size: %s"},
	"tag":      {regexp.MustCompile(`(?i)^[a-z0-9_][a-z0-9_.+-]*$`), "invalid characters in tag"},
	"bridge":   {regexp.MustCompile(`^[-_.\w]+$`), "invalid bridge ID '%s'"},
	"iface":    {regexp.MustCompile(`(?i)^[a-z][a-z0-9_.:-]{1,20}$`), "invalid network interface name '%s'"},
	"email":    {regexp.MustCompile(`^[\w+.~-]+@[A-Za-z0-9.-]+$`), "value does not look like a valid email address"},
	"urlenc":   {regexp.MustCompile(`^[-%a-zA-Z0-9_.!~*'()]*$`), "invalid urlencoded string: %s"},
	"volume":   {regexp.MustCompile(`(?i)^([a-z][a-z0-9_.-]*[a-z0-9]):(\S+)$`), "unable to parse volume ID '%s'"},
	"file":     {regexp.MustCompile(`(?i)^(none|cdrom|/\S+|[a-z][a-z0-9_.-]*[a-z0-9]:\S+)$`), "invalid volume ID '%s'"},
	"abspath":  {regexp.MustCompile(`^/\S+|^[A-Za-z][\w.-]*:\S+$`), "unable to parse volume ID '%s'"},
	"tz":       {regexp.MustCompile(`^(host|[A-Za-z0-9_+/-]+)$`), "invalid time zone '%s'"},
	"groupid":  {regexp.MustCompile(`^[A-Za-z0-9._-]+$`), "group name '%s' contains invalid characters"},
	"realm":    {regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]+$`), "value does not look like a valid realm"},
	"sdnid":    {regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9]{0,6}[a-zA-Z0-9]$`), "ID '%s' contains illegal characters"},
	"roleid":   {regexp.MustCompile(`^[A-Za-z0-9._-]+$`), "role name '%s' contains invalid characters"},
	"tokenid":  {regexp.MustCompile(`^[^\s:/]+@[A-Za-z][A-Za-z0-9._-]+![A-Za-z][A-Za-z0-9._-]+$`), "value '%s' does not look like a valid token ID"},
	"priv":     {regexp.MustCompile(`^[A-Za-z.]+$`), "invalid privilege '%s'"},
	"sid":      {regexp.MustCompile(`^((vm|ct):)?[1-9][0-9]{2,8}$`), "invalid HA resource ID '%s'"},
	"hanode":   {regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(:\d+)?$`), "invalid HA node '%s'"},
	"userid":   {regexp.MustCompile(`^[^\s:/]+@[A-Za-z][A-Za-z0-9._-]+$`), "value '%s' does not look like a valid user name"},
	"proto":    {regexp.MustCompile(`^[a-z0-9-]+$|^\d+$`), "unknown protocol '%s'"},
	"content":  {regexp.MustCompile(`^(images|rootdir|vztmpl|iso|backup|snippets|import|none)$`), "invalid content type '%s'"},
	"boot":     {regexp.MustCompile(`^(order=[a-z0-9]+(;[a-z0-9]+)*|order=|[acdn]{1,4}|legacy=[acdn]{1,4})$`), "invalid boot specification"},
	"startup":  {regexp.MustCompile(`^((order=)?\d+|up=\d+|down=\d+)(,((order=)?\d+|up=\d+|down=\d+))*$`), "unable to parse startup options"},
	"hotplug":  {regexp.MustCompile(`^(0|1|(network|disk|cpu|memory|usb|cloudinit)(,(network|disk|cpu|memory|usb|cloudinit))*)$`), "unable to parse hotplug option"},
	"cpu":      {regexp.MustCompile(`^(cputype=)?(custom-)?[A-Za-z0-9_.-]+(,[a-z0-9-]+=[^,]+)*$`), "invalid cpu configuration"},
	"status":   {regexp.MustCompile(`^(ok|error|warning|unknown)$`), "unable to parse task status '%s'"},
}

// listFormats are lists of another format, separated by blanks, commas or semicolons.
var listFormats = map[string]string{
	"dnslist": "dns", "configids": "configid", "tags": "tag", "vmids": "vmid", "storages": "storage",
	"nodes": "node", "addresses": "address", "emails": "email", "contents": "content", "statuses": "status",
	"groupids": "groupid", "roleids": "roleid", "tokenids": "tokenid", "userids": "userid", "privs": "priv", "sids": "sid", "hanodes": "hanode",
}

// CheckFormat returns what is wrong with v as a value of the named format, or "".
func CheckFormat(format, v string) string {
	if f, ok := patternFormats[format]; ok {
		if f.re.MatchString(v) {
			return ""
		}
		return strings.ReplaceAll(f.text, "%s", v)
	}
	if of, ok := listFormats[format]; ok {
		for _, e := range SplitList(v) {
			if text := CheckFormat(of, e); text != "" {
				return text
			}
		}
		return ""
	}
	switch format {
	case "ipv4", "ipv6", "ip", "address", "cidr", "ipv4config", "ipv6config", "ipcidr":
		return checkIP(format, v)
	case "ipcidralias":
		if patternFormats["configid"].re.MatchString(v) || strings.HasPrefix(v, "dc/") || strings.HasPrefix(v, "guest/") {
			return ""
		}
		return checkIP("ipcidr", v)
	case "fwaddr":
		return checkFirewallAddress(v)
	case "ports":
		return checkPorts(v)
	}
	return "undefined format '" + format + "'"
}

// SplitList is PVE::Tools::split_list.
func SplitList(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(",; \t\r\n\x00", r) })
}

func checkIP(format, v string) string {
	addr, addrErr := netip.ParseAddr(v)
	prefix, prefixErr := netip.ParsePrefix(v)
	isAddr, isPrefix := addrErr == nil && addr.Zone() == "", prefixErr == nil
	switch format {
	case "ipv4":
		return unless(isAddr && addr.Is4(), "value does not look like a valid IPv4 address")
	case "ipv6":
		return unless(isAddr && addr.Is6(), "value does not look like a valid IPv6 address")
	case "ip":
		return unless(isAddr, "value does not look like a valid IP address")
	case "address":
		return unless(isAddr || CheckFormat("dns", v) == "", "value does not look like a valid address: "+v)
	case "cidr":
		return unless(isPrefix, "value does not look like a valid CIDR network")
	case "ipcidr":
		return unless(isAddr || isPrefix, "value does not look like a valid IP address or CIDR network")
	case "ipv4config":
		return unless(v == "dhcp" || v == "manual" || isPrefix && prefix.Addr().Is4(), "value does not look like a valid ipv4 network configuration")
	default:
		return unless(v == "dhcp" || v == "manual" || v == "auto" || isPrefix && prefix.Addr().Is6(), "value does not look like a valid ipv6 network configuration")
	}
}

func unless(ok bool, text string) string {
	if ok {
		return ""
	}
	return text
}

var (
	aliasOrSet  = regexp.MustCompile(`^\+?(dc/|guest/|sdn/)?[A-Za-z][A-Za-z0-9_-]+$`)
	serviceName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*$`)
)

// checkFirewallAddress is Firewall.pm parse_address_list: an alias, a set, or a list of
// addresses, networks and ranges.
func checkFirewallAddress(v string) string {
	if aliasOrSet.MatchString(v) {
		return ""
	}
	if strings.Contains(v, ":") && slices.ContainsFunc(strings.Split(v, ","), func(e string) bool { return !strings.Contains(e, ":") }) {
		return "detected mixed ipv4/ipv6 addresses in address list '" + v + "'"
	}
	for _, e := range strings.Split(v, ",") {
		lo, hi, isRange := strings.Cut(e, "-")
		if isRange && checkIP("ip", lo) == "" && checkIP("ip", hi) == "" {
			continue
		}
		if checkIP("ipcidr", e) != "" {
			return "invalid IP address: Invalid chars in IP " + e
		}
	}
	return ""
}

// checkPorts is Firewall.pm parse_port_name_number_or_range.
func checkPorts(v string) string {
	for _, e := range strings.Split(v, ",") {
		lo, hi, isRange := strings.Cut(e, ":")
		if !isRange {
			hi = lo
		}
		a, errA := strconv.ParseUint(lo, 10, 16)
		b, errB := strconv.ParseUint(hi, 10, 16)
		switch {
		case errA == nil && errB == nil && a <= b:
		case errA == nil && errB == nil:
			return "backwards range '" + e + "' not allowed"
		case !isRange && serviceName.MatchString(e):
		default:
			return "invalid port '" + e + "'"
		}
	}
	return ""
}
