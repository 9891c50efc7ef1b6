package mix

// windowsLines resemble Snare, with the BSD header of its agent and the RFC 5424
// header of NXLog. The marker is part of the expanded text.
func windowsLines() []string {
	const (
		box    = `%{same box DC01|DC01|FILES02|WS-1042|WS-1077|SQL01}.corp.example`
		audit  = "Microsoft-Windows-Security-Auditing\tN/A\tN/A\t"
		bsd    = `<14>%{bsd} ` + box + " MSWinEventLog\t1\tSecurity\t%{n 1377000 1379999}\t%{snare}\t"
		ietf   = `<13>1 %{iso}.%{digits 6}Z ` + box + " - - - - MSWinEventLog\t1\tSecurity\t%{n 1377000 1379999}\t%{snare}\t"
		sys    = `<13>%{bsd} ` + box + " MSWinEventLog\t0\tSystem\t%{n 88000 89999}\t%{snare}\t"
		who    = `Security ID:  S-1-5-21-1004336348-1177238915-682003330-%{n 1100 1199}   Account Name:  %{user}   Account Domain:  CORP   Logon ID:  0x%{hex 6}`
		marker = " %{marker}\t%{n 952100000 952199999}"
	)
	return []string{
		bsd + "4634\t" + audit + "Success Audit\t" + box + "\tLogoff\t\tAn account was logged off.    Subject:   " + who +
			`    Logon Type:   3    This event is generated when a logon session is destroyed. It may be positively correlated with a logon event using the Logon ID value.` + marker,
		ietf + "4624\t" + audit + "Success Audit\t" + box + "\tLogon\t\tAn account was successfully logged on.    Subject:   Security ID:  S-1-0-0   Account Name:  -   Account Domain:  -   Logon ID:  0x0    Logon Type:   %{pick 3|3|2|10}    New Logon:   " + who +
			`    Process Information:   Process ID:  0x%{hex 3}   Process Name:  C:\Windows\System32\lsass.exe    Network Information:   Workstation Name:  %{pick WS-1042|WS-1077|-}   Source Network Address:  %{lan}   Source Port:  %{sport}    Logon Process:  Kerberos   Authentication Package:  Kerberos   Key Length:  0` + marker,
		bsd + "4625\t" + audit + "Failure Audit\t" + box + "\tLogon\t\tAn account failed to log on.    Subject:   " + who +
			`    Logon Type:   3    Failure Information:   Failure Reason:  Unknown user name or bad password.   Status:  0xC000006D   Sub Status:  0xC000006A    Source Network Address:  %{lan}   Source Port:  %{sport}` + marker,
		bsd + "5156\t" + audit + "Success Audit\t" + box + "\tFiltering Platform Connection\t\tThe Windows Filtering Platform has permitted a connection.    Application Information:   Process ID:  %{n 400 9000}   Application Name: \\device\\harddiskvolume3\\windows\\system32\\svchost.exe    Network Information:   Direction:  Outbound   Source Address:  %{lan}   Source Port:  %{sport}   Destination Address: %{wan}   Destination Port:  %{dport}   Protocol:  6" + marker,
		ietf + "4688\t" + audit + "Success Audit\t" + box + "\tProcess Creation\t\tA new process has been created.    Subject:   " + who +
			`    Process Information:   New Process ID:  0x%{hex 4}   New Process Name: C:\Windows\System32\%{pick svchost.exe|cmd.exe|conhost.exe|taskhostw.exe}   Token Elevation Type: TokenElevationTypeDefault (1)` + marker,
		sys + "7036\tService Control Manager\tN/A\tN/A\tInformation\t" + box + "\tNone\t\tThe %{pick Windows Update|Print Spooler|Software Protection|Background Intelligent Transfer Service} service entered the %{pick running|stopped} state." + marker,
	}
}
