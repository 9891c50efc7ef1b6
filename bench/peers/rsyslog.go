package peers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// rsyslog is rsyslog with a queue of type Disk.
func rsyslog() Peer {
	return Peer{
		Name:    "rsyslog",
		About:   "queue of type Disk; omhttp to HEC with gzip where the build has it, else omfwd: octet-counted TCP of the same JSON",
		prepare: prepareRsyslog,
	}
}

func prepareRsyslog(ctx context.Context, dir string) (*Program, error) {
	t, err := unpack(ctx, dir, "rsyslog", "libestr0", "libfastjson4", "liblognorm5")
	if err != nil {
		return nil, err
	}
	found, _ := filepath.Glob(t.path("usr/lib/*/rsyslog")) // a good pattern
	modules := strings.Join(found, ":")
	// A build of one's own may lie beside the package's modules.
	if own := os.Getenv("RSYSLOG_MODULES"); own != "" {
		modules = own
	}
	program, env := t.path("usr/sbin/rsyslogd"), t.libraries()
	version, err := firstLine(ctx, env, program, "-v")
	if err != nil {
		return nil, err
	}
	output, load := omfwd, ""
	for _, m := range strings.Split(modules, ":") {
		if _, err := os.Stat(filepath.Join(m, "omhttp.so")); err == nil {
			output, load = omhttp, "module(load=\"omhttp\")\n"
		}
	}
	return &Program{Version: version, command: func(s Site) (Command, error) {
		text := fmt.Sprintf(`global(workDirectory="%s" maxMessageSize="64k")
module(load="imptcp")
module(load="imudp")
%stemplate(name="hec" type="list" option.jsonf="on") {
    property(outname="time" name="timereported" dateFormat="unixtimestamp" format="jsonf")
    property(outname="host" name="hostname" format="jsonf")
    constant(outname="source" value="syslog" format="jsonf")
    property(outname="event" name="rawmsg-after-pri" format="jsonf")
}
input(type="imptcp" address="127.0.0.1" port="%d" ruleset="out")
input(type="imudp" address="127.0.0.1" port="%d" rcvbufSize="32m" batchSize="128" ruleset="out")
ruleset(name="out") {
%s}
`, s.Dir, load, s.Port, s.Port, output(s))
		path, err := s.writeConfig("rsyslog.conf", text)
		return Command{
			Path: program,
			Args: []string{"-n", "-f", path, "-i", filepath.Join(s.Dir, "pid"), "-M", modules},
			Env:  env, Config: text,
		}, err
	}}, nil
}

// diskQueue keeps every message on disk before it is sent, and never gives up.
const diskQueue = `queue.type="Disk" queue.filename="out" queue.maxDiskSpace="4g" queue.maxFileSize="64m"
           queue.dequeueBatchSize="1024" queue.timeoutEnqueue="600000" queue.timeoutShutdown="20000"
           action.resumeRetryCount="-1" action.resumeInterval="1"`

func omfwd(s Site) string {
	return fmt.Sprintf(`    action(type="omfwd" target="127.0.0.1" port="%d" protocol="tcp" tcp_framing="octet-counted" template="hec"
           %s)
`, s.Lines, diskQueue)
}

func omhttp(s Site) string {
	host, port, _ := strings.Cut(strings.TrimPrefix(s.HEC, "http://"), ":")
	return fmt.Sprintf(`    action(type="omhttp" server="%s" serverport="%s" restpath="services/collector/event" usehttps="off" template="hec"
           httpheaderkey="Authorization" httpheadervalue="Splunk %s" batch="on" batch.format="newline"
           batch.maxsize="1024" compress="on" compress.level="1"
           %s)
`, host, port, s.Token, diskQueue)
}
