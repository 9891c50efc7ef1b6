package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// checked runs `gateway check` on a configuration and returns its exit code and all it says.
func (s *site) checked(yaml string, args ...string) (code int, said string) {
	s.t.Helper()
	s.write(yaml)
	s.t.Setenv("SPLUNK_HEC_TOKEN", testToken)
	var out bytes.Buffer
	code = run(s.t.Context(), append([]string{"check", "-c", s.file}, args...), cli.Streams{In: strings.NewReader(""), Out: &out, Err: &out})
	return code, out.String()
}

// listening is the address of a server that gives each connection to serve.
func listening(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// TestConnectFindsTheMistakesOfAFirstHour: each mistake is found, with a sentence that says what
// to do, and without an event. That servers which hang cost less than 5 s is shown in package
// preflight, where nothing else takes time.
func TestConnectFindsTheMistakesOfAFirstHour(t *testing.T) {
	s := newSite(t, "")
	s.withoutPacks()
	good := s.read()
	plain := s.hec.URL()
	authority := testkit.Try(testkit.NewAuthority())(t)
	secureBy := func(end time.Duration) *hectest.Server {
		cert := testkit.Try(authority.Issue(time.Now().Add(end)))(t)
		h := hectest.New(hectest.Options{Token: testToken, Certificate: func() *tls.Certificate { return cert }})
		t.Cleanup(h.Close)
		return h
	}
	secure, expired := secureBy(time.Hour), secureBy(-time.Hour)
	ca := filepath.Join(s.dir, "ca.pem")
	testkit.Must(t, os.WriteFile(ca, authority.PEM(), 0o600))
	other := filepath.Join(s.dir, "other.pem")
	testkit.Must(t, os.WriteFile(other, testkit.Try(testkit.NewAuthority())(t).PEM(), 0o600))
	var held []net.Conn // never answered
	t.Cleanup(func() {  // when nobody listens any more
		for _, c := range held {
			c.Close()
		}
	})
	mute := listening(t, func(c net.Conn) { held = append(held, c) })
	web := func(status int, head http.Header, body string) string {
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for name, values := range head {
				w.Header()[name] = values
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(h.Close)
		return h.URL
	}
	to := func(url string, extra ...string) string {
		return strings.Replace(good, `endpoints: ["`+plain+`"]`, `endpoints: ["`+url+`"]`+strings.Join(extra, ""), 1)
	}
	trusts := func(file string) string { return ", tls: {ca_file: " + file + "}" }
	port := strings.Split(plain, ":")[2]
	closed := freePorts(t, 1)[0]
	busy := testkit.Try(net.ListenPacket("udp", "127.0.0.1:0"))(t)
	defer busy.Close()
	_, taken, _ := net.SplitHostPort(busy.LocalAddr().String())

	for name, c := range map[string]struct {
		yaml string
		code int
		want []string
	}{
		"all is well":           {good, 0, []string{"port " + fmt.Sprint(s.ports["linux"]) + "/udp", "token: it is accepted", "health: 200", "clock: the same", "acknowledgement: off", "not checked  " + plain + " indexes"}},
		"all is well over TLS":  {to(secure.URL(), trusts(ca)), 0, []string{"TLS: TLS 1.3", "token: it is accepted"}},
		"wrong token":           {good, 1, []string{"token is not accepted", "copy it again"}},
		"wrong CA":              {to(secure.URL(), trusts(other)), 1, []string{other + " does not have it", "hec.tls.ca_file"}},
		"no CA":                 {to(secure.URL()), 1, []string{"the CAs of this machine do not have it", "hec.tls.ca_file"}},
		"wrong name":            {to(secure.URL(), ", tls: {ca_file: "+ca+", server_name: splunk.example.com}"), 1, []string{"not for splunk.example.com but for localhost", "hec.tls.server_name"}},
		"expired":               {to(expired.URL(), trusts(ca)), 1, []string{"renew the certificate, or correct the clock"}},
		"nothing listens":       {to(fmt.Sprintf("http://127.0.0.1:%d", closed)), 1, []string{"nothing listens", "Global Settings"}},
		"no such host":          {to("https://splunk.invalid:8088"), 1, []string{"splunk.invalid", "/etc/resolv.conf"}},
		"https where http is":   {to("https://127.0.0.1:" + port), 1, []string{"does not speak TLS", "write http://"}},
		"http where https is":   {to(strings.Replace(secure.URL(), "https", "http", 1)), 1, []string{"speaks TLS", "write https://"}},
		"hangs":                 {to("https://" + mute), 1, []string{"takes the connection and then says nothing"}},
		"hangs without TLS":     {to("http://" + mute), 1, []string{"takes requests and does not answer"}},
		"a page, no HEC":        {to(web(200, nil, "<html>Login</html>")), 1, []string{"there is no HEC", "8000"}},
		"not found":             {to(web(404, nil, "no")), 1, []string{"there is no HEC"}},
		"says yes to all":       {to(web(200, http.Header{"Date": {"Tue, 01 Jan 2030 00:00:00 GMT"}}, `{"text":"ok","code":0}`)), 0, []string{"behind the endpoint", "NTP"}},
		"lies about its length": {to(web(200, http.Header{"Content-Length": {"1"}}, `{"code":17,"text":"\u001b[31mred"}`)), 1, nil},
		"echoes":                {to(web(500, nil, "bad: Splunk "+testToken)), 1, []string{"Splunk <secret>"}},
		"controls a terminal":   {to(web(403, nil, `{"code":4,"text":"\u001b[2Jaway"}`)), 1, []string{".[2Jaway"}},
		"port taken":            {strings.Replace(good, fmt.Sprint(s.ports["linux"]), taken, 1), 1, []string{"port " + taken + "/udp", "holds the port", "choose another port"}},
		"address not here":      {strings.Replace(good, "address: 127.0.0.1", "address: 192.0.2.77", 1), 1, []string{"no interface of this machine"}},
		"disk too small":        {strings.Replace(good, "min_free: 1MB", "min_free: 1MB, max_size: 90TB", 1), 0, []string{"warning      disk of queue.path", "set queue.max_size: "}},
		"disk full":             {strings.Replace(good, "min_free: 1MB", "min_free: 90TB", 1), 1, []string{"counts as full", "free space"}},
		"buffers too small":     {strings.Replace(good, "index: main", "index: main, receive_buffer: 1GiB", 1), 0, []string{"net.core.rmem_max", "sysctl --system"}},
		"files too few":         {strings.Replace(good, "index: main", "index: main, max_connections: 1000000", 1), 0, []string{"open files", "lower max_connections"}},
		"no ack on the token":   {strings.Replace(good, "health_interval", "ack: {enabled: true}, health_interval", 1), 1, []string{"no indexer acknowledgement", "hec.ack.enabled: false"}},
		"typo in token_file":    {strings.Replace(good, "hec: {", "hec: {token_file: "+s.dir+"/hec_tokn, ", 1), 1, []string{"hec.token_file: " + s.dir + "/hec_tokn is not there: correct the path"}},
		"typo in ca_file":       {to(secure.URL(), trusts(ca+"x")), 1, []string{"hec.tls.ca_file", ca + "x"}},
		"typo in hosts_file":    {good + "metadata: {hosts_file: " + s.dir + "/host.csv}\n", 1, []string{"metadata.hosts_file: " + s.dir + "/host.csv is not there: correct the path"}},
		"typo in queue.path":    {strings.Replace(good, s.dir+"/queue", "/proc/lib/queue", 1), 1, []string{"/proc/lib/queue is not there and cannot be made in /proc", "Is the path right?"}},
		"a folder is a file":    {strings.Replace(good, s.dir+"/queue", s.file, 1), 1, []string{"is not a folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			site := *s
			site.t = t
			if name == "wrong token" {
				wrong := hectest.New(hectest.Options{Token: "another"})
				defer wrong.Close()
				c.yaml = to(wrong.URL())
			}
			code, said := site.checked(c.yaml, "--connect")
			testkit.Equal(t, "exit code", code, c.code)
			testkit.Holds(t, "what it says", said, c.want...)
			testkit.Lacks(t, "what it says", said, testToken, "\x1b")
			if t.Failed() {
				t.Log(said)
			}
		})
	}
	testkit.Equal(t, "events that were sent", s.hec.Taken()+secure.Taken(), 0)
}

// Without --connect nobody is asked, and the check says so.
func TestCheckSaysWhatItDoesNotCheck(t *testing.T) {
	s := newSite(t, "")
	s.withoutPacks()
	code, said := s.checked(s.read())
	testkit.Equal(t, "exit code", code, 0)
	testkit.Holds(t, "check", said, "not checked: ports", "--connect")
	testkit.Equal(t, "requests", s.hec.Requests()+s.hec.Probes(), 0)
	code, said = s.checked(s.read(), "--send-events")
	testkit.Equal(t, "exit code of --send-events alone", code, cli.Usage)
	testkit.Holds(t, "check", said, "goes with --connect")
}

// With --send-events each index gets one event, and one that is refused is named.
func TestConnectSendsAnEventToEachIndex(t *testing.T) {
	s := newSite(t, "")
	s.withoutPacks()
	h := hectest.New(hectest.Options{Token: testToken, Keep: true, Check: func(line []byte) int {
		if bytes.Contains(line, []byte(`"index":"forbidden"`)) {
			return 7
		}
		return hectest.Validate(line)
	}})
	defer h.Close()
	yaml := strings.NewReplacer(s.hec.URL(), h.URL(), "index: main", "index: forbidden").Replace(s.read()) + "metadata: {indexes: {netfw: walls}}\n"
	code, said := s.checked(yaml, "--connect", "--send-events")
	testkit.Equal(t, "exit code", code, cli.Failed)
	testkit.Holds(t, "check", said, "index forbidden", "allowed indexes", "an event was taken for", "walls")
	if n := len(h.Events()); n == 0 || !slices.ContainsFunc(h.Events(), func(e string) bool {
		return strings.Contains(e, `"index":"walls"`) && strings.Contains(e, "syslog_gateway:check")
	}) {
		t.Errorf("%q", h.Events())
	}
}

// A gateway that runs holds its ports, which is as it should be. A port of another program
// is named with that program.
func TestConnectBesideARunningGateway(t *testing.T) {
	s := newSite(t, "")
	s.withoutPacks()
	s.start()
	out, errs, code := s.gateway("", "check", "--connect", "-c", s.file)
	testkit.Equal(t, "exit code", code, 0)
	testkit.Holds(t, "check", out+errs, "is held by the gateway that is running")
	if os.Geteuid() == 0 {
		program := filepath.Join(s.dir, "otherd")
		testkit.Must(t, os.WriteFile(program, testkit.Try(os.ReadFile("/bin/sleep"))(t), 0o755))
		busy := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t).(*net.TCPListener)
		f := testkit.Try(busy.File())(t)
		cmd := exec.Command(program, "60")
		cmd.ExtraFiles = []*os.File{f}
		testkit.Must(t, cmd.Start())
		defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
		f.Close()
		_, port, _ := net.SplitHostPort(busy.Addr().String())
		busy.Close()
		_, said := s.checked(strings.Replace(s.read(), fmt.Sprint(s.ports["linux"]), port, 1), "--connect")
		testkit.Holds(t, "check", said, fmt.Sprintf("otherd (process %d) holds the port", cmd.Process.Pid))
	}
}

// What another user may not do is found: port 514, files and folders of root.
func TestConnectAsAnotherUser(t *testing.T) {
	s, _ := owned(t, "")
	// In a network namespace of its own the ports below 1024 are free, and for root.
	unshare, setpriv := need(t, "unshare", "util-linux"), need(t, "setpriv", "util-linux")
	user := fmt.Sprint(serviceUser)
	hosts := filepath.Join(s.dir, "hosts.csv")
	testkit.Must(t, os.WriteFile(hosts, []byte("192.0.2.1,a\n"), 0o600))
	roots := filepath.Join(s.dir, "roots")
	testkit.Must(t, os.Mkdir(roots, 0o755))
	text := strings.NewReplacer(fmt.Sprint(s.ports["linux"]), "514", s.dir+"/state/dead", roots+"/no/such").Replace(s.read()) +
		"metadata: {hosts_file: " + hosts + "}\n"
	s.write(text)
	testkit.Must(t, os.Chown(s.file, serviceUser, serviceUser))
	cmd := gatewayCommand(s.dir, "check", "--connect", "-c", s.file)
	cmd.Args = append([]string{unshare, "--net", "sh", "-c", `ip link set lo up && exec "$@"`, "sh", setpriv, "--reuid", user, "--regid", user, "--clear-groups",
		filepath.Join(s.dir, "gateway")}, cmd.Args[1:]...)
	cmd.Path = unshare
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("exit code 0")
	}
	testkit.Holds(t, "check", string(out), "port 514/udp: sources.linux.port: this user has no right to ports below 1024", "CAP_NET_BIND_SERVICE",
		hosts+" cannot be read", roots+"/no/such is not there and cannot be made in "+roots, "Is the path right?", "queue.path: ")
}

// The token that systemd would give to the service is read where this user may.
func TestCheckReadsTheTokenOfTheService(t *testing.T) {
	folder := t.TempDir()
	token := filepath.Join(folder, "hec_token")
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	testkit.Equal(t, "without a token", useCredentials(folder), "")
	testkit.Equal(t, "variable", os.Getenv("CREDENTIALS_DIRECTORY"), "")
	testkit.Must(t, os.WriteFile(token, []byte(testToken), 0o600))
	testkit.Equal(t, "with one", useCredentials(folder), "")
	testkit.Equal(t, "variable", os.Getenv("CREDENTIALS_DIRECTORY"), folder)
	t.Setenv("SPLUNK_HEC_TOKEN", "")
	s := newSite(t, "")
	s.withoutPacks()
	var out bytes.Buffer
	code := run(t.Context(), []string{"check", "--connect", "-c", s.file}, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &out})
	testkit.Equal(t, "exit code", code, 0)
	testkit.Holds(t, "check", out.String(), "token: it is accepted")
	testkit.Equal(t, "systemd's folder", func() string {
		t.Setenv("CREDENTIALS_DIRECTORY", "/run/other")
		return useCredentials(folder) + os.Getenv("CREDENTIALS_DIRECTORY")
	}(), "/run/other")
}

// What systemd says of the unit is understood.
func TestUnit(t *testing.T) {
	s := parseUnit("LoadState=loaded\nUser=root\nLimitNOFILE=65536\nReadWritePaths=/srv/a -/srv/b\n")
	if !s.Installed || s.User.Name != "root" || s.OpenFiles != 65536 || !slices.Equal(s.Writable, []string{"/srv/a", "-/srv/b"}) || s.User.Groups[0] != 0 {
		t.Errorf("%+v", s)
	}
	if s := parseUnit("LoadState=not-found\nUser=\nLimitNOFILE=524288\n"); s.Installed {
		t.Errorf("%+v", s)
	}
}

// The unit's user is not on this machine: what it may read is not known.
func TestConnectFindsAUserThatIsNotThere(t *testing.T) {
	s := newSite(t, "")
	s.withoutPacks()
	program(t, s.dir, "systemctl", "printf 'LoadState=loaded\\nUser=nosuchuser\\nLimitNOFILE=65536\\nReadWritePaths="+s.dir+"\\n'\n")
	t.Setenv("PATH", s.dir+":"+os.Getenv("PATH"))
	code, said := s.checked(s.read(), "--connect")
	testkit.Equal(t, "exit code: "+said, code, cli.Failed)
	testkit.Holds(t, "check", said, "the systemd unit runs as nosuchuser", "User=", "useradd --system nosuchuser")
}

// A disk of 4 MiB, really mounted: too small for the queue, and then full.
func TestConnectOnASmallDisk(t *testing.T) {
	if !testkit.Mounts(t) {
		return
	}
	s := newSite(t, "")
	s.withoutPacks()
	disk := filepath.Join(s.dir, "queue")
	testkit.Must(t, os.Mkdir(disk, 0o755))
	testkit.Must(t, syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"))
	t.Cleanup(func() { testkit.Must(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	code, said := s.checked(s.read(), "--connect")
	testkit.Equal(t, "exit code: "+said, code, cli.Fine)
	testkit.Holds(t, "check", said, "warning      disk of queue.path: 4.2 MB free of 4.2 MB", "set queue.max_size: 3MB")
	for i := 0; ; i++ {
		if err := os.WriteFile(filepath.Join(disk, fmt.Sprint(i)), make([]byte, 1<<20), 0o600); err != nil {
			break
		}
	}
	code, said = s.checked(s.read(), "--connect")
	testkit.Equal(t, "exit code: "+said, code, cli.Failed)
	testkit.Holds(t, "check", said, "failed       disk of queue.path: 0 B free of 4.2 MB", "nothing is accepted", "free space, or give the queue another disk")
}
