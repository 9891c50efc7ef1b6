package dialect

import "strings"

// FieldNames names the indexed fields that depend on the message or its sender; an
// empty name means that the profile does not have the field.
type FieldNames struct {
	Facility, Severity, Transport, SenderIP, Port string
	upper                                         bool
}

// FieldNames returns the profile's names.
func (p *Profile) FieldNames() FieldNames {
	if p.sc4s {
		return FieldNames{
			Facility:  "sc4s_syslog_facility",
			Severity:  "sc4s_syslog_severity",
			Transport: "sc4s_proto",
			SenderIP:  "sc4s_fromhostip",
			Port:      "sc4s_destport",
			upper:     true,
		}
	}
	return FieldNames{Facility: "facility", Severity: "severity", Transport: "transport", SenderIP: "sender_ip"}
}

// TransportValue writes a transport ("udp", "tcp", "tls") as the profile does.
func (n FieldNames) TransportValue(transport string) string {
	if n.upper {
		return strings.ToUpper(transport)
	}
	return transport
}
