package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/redact"

	"golang.org/x/crypto/bcrypt"
)

// rule says which values are allowed.
type rule struct {
	// allowed describes the allowed values for people.
	allowed string
	// check returns what is wrong with a value, including the value, or "".
	check func(value any) string
	// schema is what JSON Schema can say of the rule; nil is nothing.
	schema map[string]any
}

// between allows the numbers from lo to hi.
func between[T int | Size | time.Duration](lo, hi T) rule {
	var schema map[string]any
	if _, number := any(lo).(int); number {
		schema = map[string]any{"minimum": lo, "maximum": hi}
	}
	return rule{
		schema:  schema,
		allowed: display(lo) + " to " + display(hi),
		check: func(value any) string {
			if v := value.(T); v < lo || v > hi {
				return display(v) + " is out of range"
			}
			return ""
		},
	}
}

// autoUpTo allows auto, and the numbers from 1 to hi.
func autoUpTo(hi Count) rule {
	return rule{
		allowed: "auto, 1 to " + display(hi),
		schema: map[string]any{"anyOf": []any{
			map[string]any{"enum": []string{Count(0).String()}},
			map[string]any{"type": "integer", "minimum": 1, "maximum": int(hi)},
		}},
		check: func(value any) string {
			if v := value.(Count); v < 0 || v > hi {
				return display(v) + " is out of range"
			}
			return ""
		},
	}
}

// port allows a port. The value is 0 if the key is missing.
func port() rule {
	r := between(1, 65535)
	return rule{allowed: r.allowed, schema: r.schema, check: func(value any) string {
		if value == 0 {
			return "is missing or 0; a source needs a port"
		}
		return r.check(value)
	}}
}

// atLeast allows sizes of lo and more.
func atLeast(lo Size) rule {
	return rule{
		allowed: lo.String() + " or more",
		check: func(value any) string {
			if v := value.(Size); v < lo {
				return v.String() + " is too small"
			}
			return ""
		},
	}
}

// trueOrFalse allows both.
func trueOrFalse() rule {
	return rule{allowed: "true, false", check: func(any) string { return "" }}
}

// oneOf allows these words.
func oneOf(words ...string) rule {
	r := word(strings.Join(words, ", "), func(v string) string {
		if slices.Contains(words, v) {
			return ""
		}
		return display(v) + " is unknown" + didYouMean(v, words)
	})
	r.schema = map[string]any{"enum": words}
	return r
}

// word allows the texts for which check returns "".
func word(allowed string, check func(v string) string) rule {
	return rule{allowed: allowed, check: func(value any) string {
		switch v := value.(type) {
		case TLSVersion:
			return check(string(v))
		default:
			return check(v.(string))
		}
	}}
}

// listOf allows a list of different words, at least least of them.
func listOf(least int, allowed string, item rule) rule {
	schema := map[string]any{"uniqueItems": true}
	if least > 0 {
		schema["minItems"] = least
	}
	if item.schema != nil {
		schema["items"] = item.schema
	}
	return rule{allowed: allowed, schema: schema, check: func(value any) string {
		list := value.([]string)
		if len(list) < least {
			return "is an empty list"
		}
		var wrong []string
		for i, v := range list {
			if text := item.check(v); text != "" {
				wrong = append(wrong, text)
			} else if slices.Contains(list[:i], v) {
				wrong = append(wrong, display(v)+" is listed twice")
			}
		}
		return strings.Join(wrong, ", ")
	}}
}

// text allows up to 1024 bytes without control characters.
func text(allowed string) rule {
	return word(allowed, func(v string) string {
		if len(v) > 1024 {
			return fmt.Sprintf("is %d bytes long", len(v))
		}
		if strings.ContainsFunc(v, isControl) {
			return display(v) + " has control characters"
		}
		return ""
	})
}

// required is [text] that is not empty.
func required(allowed string) rule {
	base := text(allowed)
	return word(allowed, func(v string) string {
		if strings.TrimSpace(v) == "" {
			return "is empty"
		}
		return base.check(v)
	})
}

// charset allows text of the characters in set, and empty text.
func charset(allowed, set string) rule {
	return word(allowed, func(v string) string {
		if strings.Trim(v, set) != "" {
			return display(v) + " contains other characters"
		}
		if v != "" && strings.ContainsRune("_-", rune(v[0])) {
			return display(v) + " begins with " + v[:1]
		}
		return text(allowed).check(v)
	})
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

// secret allows text without white space. It never shows the value.
func secret(allowed string) rule {
	return rule{allowed: allowed, check: func(value any) string {
		if strings.ContainsFunc(value.(redact.Secret).Reveal(), func(r rune) bool { return r == ' ' || isControl(r) }) {
			return "contains white space or control characters"
		}
		return ""
	}}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// queuePath allows paths without a percent sign: go-diskqueue uses the path as a format
// string for file names.
func queuePath() rule {
	path := required("a directory; no % in the path")
	return word(path.allowed, func(v string) string {
		if strings.Contains(v, "%") {
			return display(v) + " has a %, which the disk queue cannot handle"
		}
		return path.check(v)
	})
}

// zone allows an IANA time zone.
func zone() rule {
	return word("an IANA time zone such as UTC or Europe/Berlin", func(v string) string {
		if v == "" || v == "Local" {
			return display(v) + " is not a time zone by name"
		}
		if _, err := time.LoadLocation(v); err != nil {
			return display(v) + " is not a known time zone"
		}
		return ""
	})
}

// zonesByNet allows a map from networks to time zones.
func zonesByNet() rule {
	return rule{allowed: "networks with their zone, such as {10.1.0.0/16: Europe/Berlin}", check: func(value any) string {
		var wrong []string
		zones := value.(map[string]string)
		names := make(map[netip.Prefix]string)
		for _, cidr := range sortedKeys(zones) {
			if p, err := Network(cidr); err != nil {
				wrong = append(wrong, err.Error())
			} else if other := names[p]; other != "" {
				wrong = append(wrong, fmt.Sprintf("%s and %s are the same network", display(other), display(cidr)))
			} else {
				names[p] = cidr
			}
			if text := zone().check(zones[cidr]); text != "" {
				wrong = append(wrong, text+" (for "+display(cidr)+")")
			}
		}
		return strings.Join(wrong, ", ")
	}}
}

// network allows a CIDR network without host bits.
func network() rule {
	return word("networks such as 10.1.0.0/16 or 2001:db8::/32", func(v string) string {
		if _, err := Network(v); err != nil {
			return err.Error()
		}
		return ""
	})
}

// Network parses a network such as 10.1.0.0/16. An IPv4-mapped IPv6 network
// (::ffff:10.0.0.0/104, RFC 4291 section 2.5.5.2) gives the IPv4 network, because the
// gateway knows senders by their IPv4 addresses. The error quotes the text.
func Network(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			a = a.Unmap()
			return netip.Prefix{}, fmt.Errorf("%q is an address; as a network it is %s/%d", text, a, a.BitLen())
		}
		return netip.Prefix{}, errors.New(display(text) + " is not a network")
	}
	if p.Addr().Is4In6() {
		const mapped = 96 // bits before the IPv4 address
		if p.Bits() < mapped {
			return netip.Prefix{}, fmt.Errorf("%q contains more than IPv4 addresses; an IPv4-mapped network is at least /%d, and all of IPv4 is 0.0.0.0/0", text, mapped)
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q has host bits; the network is %s", text, p.Masked())
	}
	return p, nil
}

// ipAddress allows an IP address, and empty text for all addresses.
func ipAddress() rule {
	return word("an IP address, or empty for all addresses", func(v string) string {
		if v == "" {
			return ""
		}
		if _, err := netip.ParseAddr(v); err != nil {
			return display(v) + " is not an IP address"
		}
		return ""
	})
}

// bcryptHash allows a bcrypt hash. It never shows the value.
func bcryptHash() rule {
	return rule{allowed: "a bcrypt hash, beginning with $2", check: func(value any) string {
		hash := value.(redact.Secret)
		if hash == "" || isPlaceholder(hash) {
			return ""
		}
		if _, err := bcrypt.Cost([]byte(hash.Reveal())); err != nil {
			return "is not a bcrypt hash"
		}
		return ""
	}}
}

// hostPort allows an address to listen on.
func hostPort() rule {
	return word("[host]:port with a port from 1 to 65535", func(v string) string {
		host, port, err := net.SplitHostPort(v)
		if err != nil {
			return display(v) + " is not host:port"
		}
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return display(v) + " has no port from 1 to 65535"
		}
		if strings.ContainsAny(host, " /%\t\r\n") {
			return display(v) + " has no valid host"
		}
		return ""
	})
}

// endpoint allows the base URL of a HEC endpoint.
func endpoint() rule {
	return word("URLs such as https://splunk:8088", func(v string) string {
		u, err := url.Parse(v)
		switch {
		case err != nil:
			return display(v) + " is not a URL"
		case u.Scheme != "http" && u.Scheme != "https":
			return display(v) + " does not begin with http:// or https://"
		case u.Hostname() == "":
			return display(v) + " has no host"
		case strings.ContainsFunc(u.Hostname(), func(r rune) bool { return r >= 0x80 }):
			return display(v) + " has a host that is not ASCII; write it as in DNS (xn--…)"
		case u.User != nil:
			return display(v) + " contains a user or token; put the token into hec.token"
		case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
			return display(v) + " has a query or fragment"
		case strings.Contains(u.Path, "/services/collector"):
			return display(v) + " has the path of the collector, which is appended automatically"
		}
		if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
			if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
				return display(v) + " has no port from 1 to 65535"
			}
		}
		return ""
	})
}

// natsServer is the address of a NATS server.
func natsServer() rule {
	return word("addresses such as tls://queue-01:4222 or nats://10.0.0.5:4222", func(v string) string {
		u, err := url.Parse(v)
		switch {
		case err != nil:
			return display(v) + " is not an address"
		case u.Scheme != "nats" && u.Scheme != "tls":
			return display(v) + " does not begin with nats:// or tls://"
		case u.Hostname() == "":
			return display(v) + " has no host"
		case u.User != nil:
			return display(v) + " contains a user or password; use credentials_file or a certificate"
		case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
			return display(v) + " has more than a host and a port"
		}
		return ""
	})
}

// replicas allows a number of which a majority is well defined.
func replicas() rule {
	return rule{allowed: "1, 3, 5", check: func(v any) string {
		if n, ok := v.(int); ok && (n == 1 || n == 3 || n == 5) {
			return ""
		}
		return display(v) + " is no number of replicas"
	}}
}
