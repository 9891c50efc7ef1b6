package mix

// linuxLines resemble rsyslog and journald senders, in equal shares RFC 3164 and
// RFC 5424 with and without structured data.
func linuxLines() []string {
	const (
		host   = `%{pick web1|web1|web2|db1|bastion|k8s-node-3}`
		marker = ` %{marker}`
	)
	return []string{
		`<86>%{bsd} ` + host + ` sshd[%{n 7000 9999}]: Accepted publickey for %{user} from %{lan} port %{sport} ssh2: ED25519 SHA256:Zk1vQmB0cGx3YjRhdXRoa2V5Zm9yYmVuY2g` + marker,
		`<85>%{bsd} ` + host + ` sudo:  %{user} : TTY=pts/%{n 0 9} ; PWD=/home/%{user} ; USER=root ; COMMAND=/usr/bin/systemctl %{pick status|restart|reload} %{pick nginx|postgresql|app}` + marker,
		`<30>%{bsd} ` + host + ` systemd[1]: %{pick Started|Finished|Starting} %{pick Daily apt download activities.|Session of User root.|Rotate log files.|Cleanup of Temporary Directories.}` + marker,
		`<4>%{bsd} ` + host + ` kernel: [%{n 10000 99999}.%{digits 6}] [UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:1c:9a:22:52:54:00:aa:10:01:08:00 SRC=%{wan} DST=%{lan} LEN=%{pick 40|44|60} TOS=0x00 PREC=0x00 TTL=%{n 40 60} ID=%{n 1 65535} PROTO=TCP SPT=%{sport} DPT=%{dport} WINDOW=1024 RES=0x00 SYN URGP=0` + marker,
		`<78>%{bsd} ` + host + ` CRON[%{n 20000 29999}]: (root) CMD (%{pick /usr/lib/sysstat/debian-sa1 1 1|run-parts --report /etc/cron.hourly|/opt/backup/run.sh --incremental})` + marker,
		`<86>1 %{iso}.%{digits 6}+00:00 ` + host + ` sshd %{n 7000 9999} - - pam_unix(sshd:session): session %{pick opened|closed} for user %{user}` + marker,
		`<134>1 %{iso}.%{digits 6}+00:00 ` + host + ` haproxy 913 - - %{lan}:%{sport} fe_https be_app/app%{n 1 4} 0/0/%{n 0 3}/%{near 1 400}/%{near 2 500} %{pick 200|200|200|304|404|502} %{near 180 90000} - - ---- "GET /api/v2/%{pick orders|items|users|health} HTTP/1.1"` + marker,
		`<165>1 %{iso}.%{digits 3}Z ` + host + ` app-worker %{n 300 399} ID%{n 40 60} [origin@32473 ip="%{lan}" software="app" swVersion="4.%{n 1 9}"] job finished queue=%{pick mail|report|sync} duration_ms=%{near 3 9000} attempts=1` + marker,
		`<30>1 %{iso}.%{digits 6}Z ` + host + ` app 733 - - {"level":"info","msg":"request done","path":"/v1/%{pick orders|items|users}","status":%{pick 200|200|201|404},"user":"%{user}","note":"%{marker}"}`,
		`<46>1 %{iso}.%{digits 6}Z ` + host + ` systemd-resolved 512 - - Using degraded feature set UDP instead of UDP+EDNS0 for DNS server %{lan}.` + marker,
	}
}
