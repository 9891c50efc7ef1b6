package peers

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// rsyslog is rsyslog with a queue of type Disk.
func rsyslog() Peer {
	return Peer{
		Name: "rsyslog",
		About: "every message in a queue of type Disk before it is sent; omhttp to HEC with gzip and a queue for what failed, " +
			"or, where there is no omhttp, octet-counted TCP of the same JSON: the version says which",
		prepare: prepareRsyslog,
	}
}

func prepareRsyslog(ctx context.Context, dir string) (*Program, error) {
	t, err := unpack(ctx, dir, "rsyslog", "libestr0", "libfastjson4", "liblognorm5", "libcurl4")
	if err != nil {
		return nil, err
	}
	modules, _ := filepath.Glob(t.path("usr/lib/*/rsyslog")) // a good pattern
	program, env := t.path("usr/sbin/rsyslogd"), t.libraries()
	version, err := firstLine(ctx, env, program, "-v")
	if err != nil {
		return nil, err
	}
	output := omfwd
	folder, origin, err := findOmhttp(ctx, dir, t)
	switch {
	case errors.Is(err, ErrMissing):
		version += " Measured: omfwd, plain TCP without HEC or compression, because omhttp is " + err.Error()
	case err != nil:
		return nil, err
	default:
		modules, output = append(modules, folder), omhttp
		version += " Measured: omhttp, " + origin
	}
	return &Program{Version: version, command: func(s Site) (Command, error) {
		text := fmt.Sprintf(rsyslogInput, s.Dir) + output(s) + s.perPort(`input(type="imptcp" address="127.0.0.1" port="{port}" ruleset="out")
input(type="imudp" address="127.0.0.1" port="{port}" rcvbufSize="32m" batchSize="128" ruleset="out")
`)
		path, err := s.writeConfig("rsyslog.conf", text)
		return Command{
			Path: program,
			Args: []string{"-n", "-f", path, "-i", filepath.Join(s.Dir, "pid"), "-M", strings.Join(modules, ":")},
			Env:  env, Config: text,
		}, err
	}}, nil
}

// rsyslogInput is what comes before the outputs.
const rsyslogInput = `global(workDirectory="%s" maxMessageSize="64k" net.enableDNS="off")
module(load="imptcp" threads="2")
module(load="imudp")
template(name="hec" type="list" option.jsonf="on") {
    property(outname="time" name="timereported" dateFormat="unixtimestamp" format="jsonf")
    property(outname="host" name="hostname" format="jsonf")
    constant(outname="source" value="syslog" format="jsonf")
    property(outname="event" name="rawmsg-after-pri" format="jsonf")
}
`

// rsyslogRuleset is a ruleset of one action. Its queue takes every message to disk before
// anything else is done with it. Without queue.size that would hold no more than 50,000,
// and without checkpoints it records only at the end of a file what is in it.
func rsyslogRuleset(name, action string) string {
	return fmt.Sprintf(`ruleset(name="%s" queue.type="Disk" queue.filename="%s" queue.size="100000000" queue.maxDiskSpace="4g"
        queue.maxFileSize="64m" queue.dequeueBatchSize="4096" queue.checkpointInterval="10000"
        queue.timeoutEnqueue="600000" queue.timeoutShutdown="20000") {
    %s
        action.resumeRetryCount="-1" action.resumeInterval="1")
}
`, name, name, action)
}

func omfwd(s Site) string {
	return rsyslogRuleset("out", fmt.Sprintf(`action(type="omfwd" target="127.0.0.1" port="%d" protocol="tcp" tcp_framing="octet-counted"
        template="hec"`, s.Lines))
}

// omhttp posts batches. A request that fails goes message by message to the ruleset
// retry: without it, or with its rate limit, rsyslog drops them.
func omhttp(s Site) string {
	host, port, _ := strings.Cut(strings.TrimPrefix(s.HEC, "http://"), ":")
	post := func(template string) string {
		return fmt.Sprintf(`action(type="omhttp" server="%s" serverport="%s" restpath="services/collector/event" usehttps="off"
        httpheaderkey="Authorization" httpheadervalue="Splunk %s" template="%s"
        batch="on" batch.format="newline" batch.maxsize="4096" compress="on" compress.level="1"
        retry="on" retry.ruleset="retry" ratelimit.interval="0"`, host, port, s.Token, template)
	}
	return `module(load="omhttp")
template(name="again" type="string" string="%msg%")
` + rsyslogRuleset("retry", post("again")) + rsyslogRuleset("out", post("hec"))
}
