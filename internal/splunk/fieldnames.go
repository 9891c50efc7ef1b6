package splunk

import "strings"

// FieldNames are the names of the indexed fields whose values depend on the message or
// its sender. A field whose name is empty does not exist in the profile.
type FieldNames struct {
	Facility, Severity, Transport, SenderIP, ProxyIP, Port string
	upper                                                  bool
}

const proxyIP = "proxy_ip"

// FieldNames returns the names of these fields in the profile.
func (p *Profile) FieldNames() FieldNames {
	if p.sc4s {
		return FieldNames{
			Facility:  "sc4s_syslog_facility",
			Severity:  "sc4s_syslog_severity",
			Transport: "sc4s_proto",
			SenderIP:  "sc4s_fromhostip",
			ProxyIP:   proxyIP, // SC4S has no such field
			Port:      "sc4s_destport",
			upper:     true,
		}
	}
	return FieldNames{Facility: "facility", Severity: "severity", Transport: "transport", SenderIP: "sender_ip", ProxyIP: proxyIP}
}

// TransportValue returns a transport ("udp", "tcp", "tls") in the spelling of the profile.
func (n FieldNames) TransportValue(transport string) string {
	if n.upper {
		return strings.ToUpper(transport)
	}
	return transport
}
