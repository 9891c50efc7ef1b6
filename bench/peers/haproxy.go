package peers

import (
	"context"
	"fmt"
)

// haproxy is the log forwarder of HAProxy: no disk, no parsing, no HEC.
func haproxy() Peer {
	return Peer{
		Name:    "haproxy",
		About:   "log-forward to a ring in memory, octet-counted TCP out: nothing is kept on disk, nothing is posted to HEC",
		prepare: prepareHAProxy,
	}
}

func prepareHAProxy(ctx context.Context, dir string) (*Program, error) {
	t, err := unpack(ctx, dir, "haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1")
	if err != nil {
		return nil, err
	}
	program, env := t.path("usr/sbin/haproxy"), t.libraries()
	version, err := firstLine(ctx, env, program, "-v")
	if err != nil {
		return nil, err
	}
	return &Program{Version: version, command: func(s Site) (Command, error) {
		text := fmt.Sprintf(`global
    maxconn 4000
defaults
    timeout client 1h
ring out
    timeout connect 5s
    timeout server 1h
    format raw
    maxlen 65535
    size 268435456
    server sink 127.0.0.1:%d log-proto octet-count
log-forward in
%s    maxconn 4000
    log ring@out local0
`, s.Lines, s.perPort("    bind 127.0.0.1:{port}\n    dgram-bind 127.0.0.1:{port}\n"))
		path, err := s.writeConfig("haproxy.cfg", text)
		return Command{Path: program, Args: []string{"-db", "-f", path}, Env: env, Config: text}, err
	}}, nil
}
