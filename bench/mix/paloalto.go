package mix

// paloAltoLines resemble PAN-OS TRAFFIC logs, with the BSD and the IETF header. The
// marker is part of the rule name, which may hold blanks.
func paloAltoLines() []string {
	const (
		bsd  = `<14>%{bsd} %{same dev pa-hq-1|pa-hq-2|pa-branch} `
		ietf = `<14>1 %{iso}+00:00 %{same dev pa-hq-1|pa-hq-2|pa-branch} - - - - `
		head = `1,%{pan},%{same sn 013201004411|013201004418},TRAFFIC,`
		mid  = `,2561,%{pan},%{lan},%{wan},203.0.113.%{pick 24|25},%{wan},`
		zone = `,vsys1,%{pick trust|trust|guest|servers},untrust,ethernet1/%{pick 2|3},ethernet1/1,fwd,%{pan},%{n 10000 900000},1,%{sport},%{dport},%{n 20000 60000},%{dport},0x400053,`
		tail = `,0,%{n 7012340000 7012399999},0x8000000000000000,RFC1918,%{pick United States|United States|Germany|Ireland|Netherlands},0,%{near 2 900},%{near 2 900},`
		dg   = `,12,0,0,0,,%{same dev pa-hq-1|pa-hq-2|pa-branch},from-policy`
	)
	return []string{
		bsd + head + `end` + mid + `egress-web %{marker},,,ssl` + zone + `tcp,allow,%{near 400 900000},%{near 200 90000},%{near 200 900000},%{near 8 1800},%{pan},%{near 1 300},%{pick any|any|business-and-economy|shopping}` + tail + `tcp-fin` + dg,
		bsd + head + `end` + mid + `egress-dns %{marker},,,dns-base` + zone + `udp,allow,%{near 140 400},%{near 70 120},%{near 80 300},2,%{pan},0,any` + tail + `aged-out` + dg,
		bsd + head + `drop` + mid + `deny-all %{marker},,,not-applicable` + zone + `tcp,deny,%{pick 60|66|74},%{pick 60|66|74},0,1,%{pan},0,any` + tail + `policy-deny` + dg,
		ietf + head + `start` + mid + `egress-web %{marker},corp\%{user},,web-browsing` + zone + `tcp,allow,%{near 400 2000},%{near 200 900},%{near 200 1200},%{near 3 8},%{pan},0,any` + tail + `n/a` + dg,
		ietf + head + `end` + mid + `voice-out %{marker},,,ms-teams` + zone + `udp,allow,%{near 4000 9000000},%{near 2000 900000},%{near 2000 900000},%{near 80 9000},%{pan},%{near 1 3600},any` + tail + `aged-out` + dg + `,,,0,,0,,N/A,0,0`,
	}
}
