package pvesim

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/task"
	"syslog-gateway/internal/testkit"
)

// transcriptVariable names the folder with answers recorded from the real API:
// transcript-*.txt. With it set, TestTranscripts replays them and rewrites TRANSCRIPTS.md.
const transcriptVariable = "PVE_TRANSCRIPTS"

// recorded is one request of a transcript and what the real code answered.
type recorded struct {
	section, method, path, body, query string
	status                             int
	reason                             string
	answer                             reply
	exit                               string // of the task
	user                               string // who ran it, as far as the UPID says
}

var (
	requestLine = regexp.MustCompile(`^### ([A-Z]+) (\S+) ?(.*)$`)
	argument    = regexp.MustCompile(` ?(?:^| )(-d|--data-urlencode|--data-raw|-F|--max-time) `)
	exitText    = regexp.MustCompile(`"exitstatus":"((?:[^"\\]|\\.)*)"`)
)

func readTranscript(t *testing.T, file string) []*recorded {
	t.Helper()
	raw := testkit.Try(os.ReadFile(file))(t)
	var out []*recorded
	section := ""
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\r\n")
		if s, ok := strings.CutPrefix(line, "== "); ok {
			section = s
			continue
		}
		if m := requestLine.FindStringSubmatch(line); m != nil {
			r := &recorded{section: section, method: m[1]}
			r.path, r.query, _ = strings.Cut(m[2], "?")
			r.body = bodyOf(m[3])
			out = append(out, r)
			continue
		}
		if len(out) > 0 {
			out[len(out)-1].take(line)
		}
	}
	return out
}

// take reads a line of the answer.
func (rec *recorded) take(line string) {
	if status, ok := strings.CutPrefix(line, "   statusline: HTTP/1.1 "); ok {
		code, reason, _ := strings.Cut(status, " ")
		rec.status, rec.reason = conf.Int(code), reason
		return
	}
	if task, ok := strings.CutPrefix(line, "   => "); ok {
		if m := exitText.FindStringSubmatch(task); m != nil {
			_ = json.Unmarshal([]byte(`"`+m[1]+`"`), &rec.exit)
		}
		return
	}
	if rec.status == 0 && strings.HasPrefix(line, "{") {
		_ = json.Unmarshal([]byte(line), &rec.answer)
		if upid := strings.Trim(string(rec.answer.Data), `"`); task.IsUPID(upid) {
			rec.user = strings.Split(upid, ":")[7]
		}
	}
}

// bodyOf turns curl's arguments into the body that curl sends.
func bodyOf(args string) string {
	at := argument.FindAllStringSubmatchIndex(args, -1)
	var fields []string
	for i, m := range at {
		end := len(args)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		v := args[m[1]:end]
		switch args[m[2]:m[3]] {
		case "--data-urlencode":
			k, val, _ := strings.Cut(v, "=")
			fields = append(fields, k+"="+strings.ReplaceAll(urlEncode(val), "+", "%20"))
		case "-F":
			return "multipart"
		case "--max-time":
		default:
			fields = append(fields, v)
		}
	}
	return strings.Join(fields, "&")
}

func urlEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

// replayRig is a cluster as it stood before the file was recorded.
func replayRig(t *testing.T, file string) *rig {
	r := newRig(t, Options{
		Seed:     1,
		Storages: []Storage{{ID: "local", Type: "dir", Path: "/var/lib/vz", Content: []string{"import", "backup", "rootdir", "vztmpl", "iso", "images", "snippets"}}},
		Users:    []User{{ID: "root@pam", Password: "x"}, {ID: "prov@pve", Password: "x"}},
		Tokens:   []Token{{ID: "root@pam!prov", Secret: "s"}, {ID: "prov@pve!t1", Secret: "s", PrivSep: true}},
		Roles: map[string][]string{"Prov": strings.Split("Datastore.AllocateSpace,Datastore.AllocateTemplate,Datastore.Audit,Pool.Allocate,Pool.Audit,SDN.Use,Sys.Audit,Sys.Modify,"+
			"VM.Allocate,VM.Audit,VM.Clone,VM.Config.CPU,VM.Config.Cloudinit,VM.Config.Disk,VM.Config.Memory,VM.Config.Network,VM.Config.Options,VM.PowerMgmt", ",")},
		ACL: []ACL{{Path: "/", UGID: "prov@pve", Role: "Prov"}, {Path: "/", UGID: "prov@pve!t1", Role: "Prov"}},
	})
	testkit.Must(t, r.sim.AddTemplateFile("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", 15653, 92160))
	r.sim.SetUnreachable("127.0.0.1")
	r.sim.SetUnreachable("10.0.0.9") // a server that the recorded machine did not reach
	r.sim.AddPool("prod", "")
	if strings.Contains(file, "lxc") {
		return r
	}
	testkit.Must(t, r.sim.AddGuest("lxc", 300, "pve1", map[string]string{"hostname": "c300", "rootfs": "local:1", "net0": "name=eth0,bridge=vmbr0", "arch": "amd64", "ostype": "debian"}))
	if strings.Contains(file, "misc") {
		r.sim.AddPool("prod", "", 300)
		r.sim.AddPool("csrf", "")
		r.sim.AddPool("jsonpool", "x")
	}
	return r
}

// explained are the answers known to differ, with the reason, by method and path.
var explained = map[string]string{
	"DELETE /access/users/u1@pve":                    "the recorded server had no configuration of domains and failed in its own code",
	"PUT /nodes/pve1/qemu/210/cloudinit":             "the recorded failure came from a tool missing on the recording host",
	"POST /nodes/pve1/certificates/acme/certificate": "a Perl error of the recorded version when nothing is configured",
}

// TestTranscripts replays what was recorded from the real API, where that is at hand.
func TestTranscripts(t *testing.T) {
	dir := os.Getenv(transcriptVariable)
	if dir == "" {
		return
	}
	files, err := filepath.Glob(filepath.Join(dir, "transcript-*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s=%s holds no transcript-*.txt: %v", transcriptVariable, dir, err)
	}
	var table strings.Builder
	counts := map[string]int{}
	for _, file := range files {
		replay(t, file, &table, counts)
	}
	doc := fmt.Sprintf(`# Recorded answers and the simulator's

Made by TestTranscripts with PVE_TRANSCRIPTS set; do not edit. Each row is a request that was recorded
from the code of Proxmox VE 9.2.11 and replayed here, in the order of the recording. "agree": same status, reason
phrase, names of wrong parameters, and exit status of the task. "texts" adds that the error texts by parameter are the same,
"same data" that the answer is, with its digests.

%d agree, %d differ, %d are not served.

| recording | request | recorded | here |
|---|---|---|---|
%s`, counts["agree"], counts["differs"], counts["not served"], table.String())
	testkit.Must(t, os.WriteFile("TRANSCRIPTS.md", []byte(doc), 0o644))
}

func replay(t *testing.T, file string, table *strings.Builder, counts map[string]int) {
	r := replayRig(t, file)
	digests := map[string]string{}
	user := "root@pam!prov"
	for _, rec := range readTranscript(t, file) {
		if strings.HasPrefix(rec.section, "permissions") && rec.path == "/access/permissions" {
			user = "prov@pve!t1"
		}
		r.token = user + "=s"
		copyFails := strings.HasPrefix(rec.exit, "clone failed: copy failed")
		if copyFails { // a QEMU driver was missing on the recording host
			r.sim.Fail(Failure{Method: rec.method, Path: rec.path, TaskError: rec.exit})
		}
		got := r.replayOne(rec, digests)
		if rec.user == "prov@pve!t1" {
			user = "root@pam!prov"
		}
		verdict := rec.judge(r, got)
		if copyFails {
			verdict += ", with the copy made to fail"
		}
		label, _, _ := strings.Cut(verdict, ":")
		key := rec.method + " " + rec.path
		if label == "differs" && !copyFails {
			why := explained[key]
			if why == "" {
				t.Errorf("%s: %s %s %s?%s: %s", filepath.Base(file), key, rec.body, rec.query, verdict, got.Raw)
			} else {
				verdict = "differs: " + why
			}
		}
		for _, l := range []string{"agree", "differs", "not served"} {
			if strings.HasPrefix(label, l) {
				counts[l]++
			}
		}
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "transcript-"), ".txt")
		fmt.Fprintf(table, "| %s | %s %s | %d %s | %s |\n", name, rec.method, rec.path, rec.status, strings.ReplaceAll(short(rec.reason), "|", "\\|"), verdict)
	}
}

func short(s string) string {
	if len(s) > 60 {
		return s[:57] + "…"
	}
	return s
}

func (r *rig) replayOne(rec *recorded, digests map[string]string) reply {
	body := rec.body
	for theirs, ours := range digests {
		body = strings.ReplaceAll(body, theirs, ours)
	}
	path, kind := "/api2/json"+rec.path, form
	if rec.query != "" {
		path += "?" + rec.query
	}
	if body == "multipart" {
		kind = "multipart/form-data; boundary=x"
	}
	got := r.raw(rec.method, path, kind, body)
	if theirs, ours := digestIn(rec.answer.Data), digestIn(got.Data); theirs != "" && ours != "" {
		digests[theirs] = ours
	}
	r.sim.Settle()
	return got
}

var digestText = regexp.MustCompile(`"digest":"([0-9a-f]{40})"`)

func digestIn(data json.RawMessage) string {
	if m := digestText.FindStringSubmatch(string(data)); m != nil {
		return m[1]
	}
	return ""
}

// judge compares an answer with the recorded one.
func (rec *recorded) judge(r *rig, got reply) string {
	elements := strings.HasPrefix(got.Reason, "Method '")
	switch {
	case elements || rec.body == "multipart":
		return "not served"
	case got.Status != rec.status || got.Reason != rec.reason:
		return fmt.Sprintf("differs: %d %s", got.Status, got.Reason)
	case !slices.Equal(slices.Sorted(maps.Keys(got.Errors)), slices.Sorted(maps.Keys(rec.answer.Errors))):
		return fmt.Sprintf("differs: wrong parameters %v", slices.Sorted(maps.Keys(got.Errors)))
	}
	if rec.exit != "" {
		upid := strings.Trim(string(got.Data), `"`)
		if exit := r.object("/nodes/pve1/tasks/" + upid + "/status")["exitstatus"]; exit != rec.exit {
			return fmt.Sprintf("differs: the task ends with %v", exit)
		}
		return "agree, task too"
	}
	if len(rec.answer.Errors) > 0 {
		for k, text := range rec.answer.Errors {
			if got.Errors[k] != text {
				return fmt.Sprintf("agree; the text of %s is `%s`", k, strings.TrimSpace(strings.ReplaceAll(got.Errors[k], "\n", " ")))
			}
		}
		return "agree, texts"
	}
	if rec.method == "GET" && sameData(rec.answer.Data, got.Data) {
		return "agree, same data"
	}
	return "agree"
}

// sameData says whether two answers hold the same, whatever the order of keys.
func sameData(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
