package mix

// ciscoASALines resemble Cisco ASA with its usual forms of time stamp and device-id.
// The marker is at the end of the text.
func ciscoASALines() []string {
	const (
		dev    = `%{pick fw1|fw1|fw2|asa-dmz}`
		year   = `%{asa} ` + dev + ` : `
		plain  = `%{asa}: `
		rfc    = `%{iso}Z ` + dev + ` : `
		conn   = `connection %{n 110570000 110579999} for outside:%{wan}/%{dport} (%{wan}/%{dport}) to inside:%{lan}/%{sport} (203.0.113.4/%{n 1024 65000})`
		old    = `connection %{n 110570000 110579999} for outside:%{wan}/%{dport} to inside:%{lan}/%{sport} duration 0:%{digits 2}:%{digits 2} bytes %{near 60 900000}`
		marker = ` %{marker}`
	)
	return []string{
		`<166>` + year + `%ASA-6-302013: Built outbound TCP ` + conn + marker,
		`<166>` + year + `%ASA-6-302015: Built outbound UDP ` + conn + marker,
		`<166>` + year + `%ASA-6-302014: Teardown TCP ` + old + ` %{pick TCP FINs|TCP FINs|TCP Reset-O|SYN Timeout}` + marker,
		`<166>` + rfc + `%ASA-6-302016: Teardown UDP ` + old + marker,
		`<166>` + plain + `%ASA-6-305011: Built dynamic %{pick TCP|TCP|UDP} translation from inside:%{lan}/%{sport} to outside:203.0.113.4/%{n 1024 65000}` + marker,
		`<164>` + year + `%ASA-4-106023: Deny tcp src outside:%{wan}/%{sport} dst inside:203.0.113.4/%{dport} by access-group "outside_in" [0x%{hex 8}, 0x0]` + marker,
		`<163>` + rfc + `%ASA-3-710003: TCP access denied by ACL from %{wan}/%{sport} to outside:203.0.113.4/%{dport}` + marker,
		`<166>` + year + `%ASA-session-6-106100: access-list inside_out permitted tcp inside/%{lan}(%{sport}) -> outside/%{wan}(%{dport}) hit-cnt 1 first hit [0x%{hex 8}, 0x00000000]` + marker,
	}
}
