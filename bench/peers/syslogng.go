package peers

import (
	"context"
	"fmt"
	"path/filepath"
)

// syslogNG is syslog-ng with its reliable disk buffer.
func syslogNG() Peer {
	return Peer{
		Name:    "syslog-ng",
		About:   "reliable disk buffer of 4 GB, http() to HEC with 2 workers and 1,000 lines a request; no compression before version 4",
		prepare: prepareSyslogNG,
	}
}

func prepareSyslogNG(ctx context.Context, dir string) (*Program, error) {
	t, err := unpack(ctx, dir, "syslog-ng-core", "syslog-ng-mod-http", "libivykis0", "libnet1", "libpcre3", "libwrap0", "libcurl4")
	if err != nil {
		return nil, err
	}
	modules, _ := filepath.Glob(t.path("usr/lib/syslog-ng/*/")) // a good pattern
	if len(modules) == 0 {
		return nil, missing("the package syslog-ng-core has no modules in %s", t.path("usr/lib/syslog-ng"))
	}
	program, env := t.path("usr/sbin/syslog-ng"), t.libraries("usr/lib/syslog-ng")
	version, err := firstLine(ctx, env, program, "-V", "--module-path="+modules[0])
	if err != nil {
		return nil, err
	}
	return &Program{Version: version, command: func(s Site) (Command, error) {
		text := syslogNGConfig("3.38", "", s)
		path, err := s.writeConfig("syslog-ng.conf", text)
		return Command{Path: program, Args: append(syslogNGArgs(path, s), "--module-path="+modules[0]), Env: env, Config: text}, err
	}}, nil
}

// syslogNGConfig is a configuration of that version; compression is what http() has of it.
func syslogNGConfig(version, compression string, s Site) string {
	return fmt.Sprintf(`@version: %s
options { keep-hostname(yes); stats-freq(0); log-msg-size(65536); use-dns(no); dns-cache(no); time-reopen(1); };
source in {
%s};
destination hec {
    http(url("%s/services/collector/event") method("POST")
        headers("Authorization: Splunk %s", "Content-Type: application/json")
        body('$(format-json time=$S_UNIXTIME host=$HOST source=syslog event=$MESSAGE)')
        workers(2) batch-lines(1000) batch-timeout(200) timeout(60) retries(1000000)%s
        disk-buffer(reliable(yes) disk-buf-size(4000000000) mem-buf-size(163840000) dir("%s")));
};
log { source(in); destination(hec); flags(flow-control); };
`, version, s.perPort(`    network(transport(tcp) ip(127.0.0.1) port({port}) max-connections(1000) log-iw-size(100000) log-fetch-limit(1000));
    network(transport(udp) ip(127.0.0.1) port({port}) so-rcvbuf(33554432) log-fetch-limit(1000));
`), s.HEC, s.Token, compression, s.Dir)
}
