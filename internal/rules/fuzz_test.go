package rules_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/tap"
)

const masks = `
pack: site
rules:
  - {name: hide, mask: [{key: password}, {key: user, with: hash}, {between: ["<<", ">>"]}, {find: card}, {find: email}, {find: address}]}
  - {name: thin, trim: {keys: [vd], empty: true, spaces: true, tabs: true}}
`

// first and last are the ends of the secret. No part of it may get out, so neither may one
// of them.
const first, last = "s3crETa", "zs3CrEt"

// forms write a secret as products do. They return nothing where the form cannot have it.
var forms = []func(secret string) string{
	func(s string) string { return "password=" + word(s) },
	func(s string) string { return `password="` + escaped(s) + `"` },
	func(s string) string { return `password = "` + escaped(s) + `"` },
	func(s string) string { return `--password=` + word(s) + " password=" + word(s) },
	func(s string) string { return `password="` + escaped(s) + `" user="` + escaped(s) + `"` },
	func(s string) string { return `password='` + strings.ReplaceAll(escaped(s), "'", `\'`) + `'` },
	func(s string) string { return `password: ` + word(s) },
	func(s string) string { return quotedJSON(map[string]any{"a": 1, "password": s, "z": 2}) },
	func(s string) string { return quotedJSON(map[string]any{"password": []string{s, s}, "z": 2}) },
	func(s string) string { return quotedJSON(map[string]any{"password": map[string]any{"x": s}}) },
	func(s string) string {
		return quotedJSON(map[string]any{"msg": quotedJSON(map[string]any{"password": s, "z": s[:0]})})
	},
	func(s string) string {
		return quotedJSON(map[string]any{"msg": quotedJSON(map[string]any{"msg": quotedJSON(map[string]any{"password": s})})})
	},
	func(s string) string { return quotedJSON(map[string]any{"msg": "a\tpassword=" + word(s) + "\nb"}) },
	func(s string) string { return "CEF:0|A|B|1|2|C|3|a=b password=" + extension(s) + " src=x" },
	func(s string) string { return "CEF:0|A|B|1|2|C|3|password=" + extension(s) },
	func(s string) string {
		return "LEEF:1.0|A|B|1|2|a=b\tpassword=" + strings.ReplaceAll(s, "\t", " ") + "\tx=y"
	},
	func(s string) string {
		return `<Data Name="password">` + strings.ReplaceAll(s, "<", "&lt;") + `</Data>`
	},
	func(s string) string { return `<password>` + strings.ReplaceAll(s, "<", "&lt;") + `</password>` },
	func(s string) string { return "GET /?a=b&password=" + url.QueryEscape(s) + "&c=d HTTP/1.1" },
	func(s string) string { return "GET /%3Fa%3Db%26password%3D" + url.QueryEscape(s) },
	func(s string) string { return url.QueryEscape(quotedJSON(map[string]string{"password": s})) },
	func(s string) string { return nginx(quotedJSON(map[string]string{"password": s, "z": ""})) },
	func(s string) string {
		return `<m>` + strings.ReplaceAll(quotedJSON(map[string]string{"password": strings.ReplaceAll(s, `"`, "")}), `"`, "&quot;") + `</m>`
	},
	func(s string) string { return "#011password=" + word(s) + "#011x" },
	func(s string) string { return `"x, password=""` + strings.ReplaceAll(s, `"`, "") + `"", y"` },
	func(s string) string { return "<<" + strings.ReplaceAll(s, ">>", "") + ">>" },
	func(s string) string { return `password="` + escaped(s) }, // cut
	func(s string) string { return "<<" + strings.ReplaceAll(s, ">>", "") },
}

// nginx escapes quotes and backslashes as that program does.
func nginx(s string) string { return strings.NewReplacer(`\`, `\x5C`, `"`, `\x22`).Replace(s) }

func word(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == '"' {
			return '_'
		}
		return r
	}, s)
}

func escaped(s string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) }

// extension escapes a value of CEF. What looks like a key in it would end it.
func extension(s string) string {
	return strings.NewReplacer(`\`, `\\`, "=", `\=`, "\n", " ", "\r", " ").Replace(s)
}

func quotedJSON(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// FuzzMask plants a secret in any form between any texts and cuts the message anywhere. No
// part of the secret is in any event, nor in what people are shown.
func FuzzMask(f *testing.F) {
	for form := range forms {
		f.Add(uint8(form), "x y", "before ", " behind", uint16(0), uint8(0))
		f.Add(uint8(form), `ä"\\"=`, `{"a":`, `"}`, uint16(90), uint8(1))
		f.Add(uint8(form), `'"\`, "%ASA-6-302013: a", ", b", uint16(70), uint8(2))
		f.Add(uint8(form), "\u2028{[<", "vd=root a  b", "\x80\xff", uint16(60), uint8(3))
	}
	set := settings(f, masks)
	f.Fuzz(func(t *testing.T, form uint8, middle, before, behind string, cut uint16, mode uint8) {
		line := func(r rune) rune {
			if r == '\n' || r == '\r' || r == 0 {
				return -1
			}
			return r
		}
		middle, before, behind = strings.Map(line, middle), strings.Map(line, before), strings.Map(line, behind)
		if len(middle)+len(before)+len(behind) > 2000 || strings.HasPrefix(before, "{") && form%uint8(len(forms)) < 7 {
			return
		}
		n := int(form) % len(forms)
		planted := forms[n](first + middle + last)
		if c := planted[0]; c != '{' && !strings.HasPrefix(planted, "CEF") && !strings.HasPrefix(planted, "LEEF") {
			planted = header + before + " " + planted + " " + behind
		} else {
			planted = header + planted + " " + behind
		}
		s := set
		if cut > 60 {
			s.MaxMessage = int(cut)
		}
		check(t, s, planted, mode, int(cut), strings.Contains(forms[n]("a b"), "a b"))
	})
}

// check puts a line through the gateway and searches everything that comes out.
func check(t *testing.T, s ingest.Settings, planted string, mode uint8, cut int, blanks bool) {
	var out bytes.Buffer
	r := newRig(s)
	var hub tap.Hub
	if mode%2 == 0 {
		r.options.Tap = &hub
	}
	listener, err := hub.Listen(tap.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	replay := r.stream()
	if mode%4 == 1 {
		replay = r.datagrams()
	}
	if mode%2 == 1 {
		replay.Explain(func(e ingest.Explanation) {
			out.Write(e.Message)
			if e.Result != nil {
				for _, p := range [][]byte{e.Result.Body, e.Result.Source, e.Result.Sourcetype, e.Result.CEF.Vendor, e.Result.CEF.Product, e.Result.CEF.Signature, e.Result.Host, []byte(e.Host)} {
					out.Write(p)
					out.WriteByte('\n')
				}
			}
		})
	}
	switch mode % 4 {
	case 2: // goes on in a line that begins with a blank, which ends a word
		if i := strings.Index(planted, first) + len(first); blanks && strings.TrimLeft(planted[i:], " \t")[0] != '<' { // else a message of its own
			planted = planted[:i] + "\n " + planted[i:]
		}
	case 3: // comes in two parts
		i := min(cut, len(planted))
		replay.Write([]byte(planted[:i]), received)
		planted = planted[i:]
	}
	replay.Write([]byte(planted+"\n"), received.Add(time.Second))
	replay.Close(received.Add(time.Second))
	for _, l := range r.sink.Lines() {
		out.Write(l)
	}
	for len(listener.Messages()) != 0 {
		m := <-listener.Messages()
		out.Write(m.Raw)
		out.Write(m.Event)
	}
	for _, part := range []string{first, last} {
		if bytes.Contains(out.Bytes(), []byte(part)) {
			t.Errorf("%q is in the output of %q:\n%s", part, planted, out.Bytes())
		}
	}
	if b := r.accounts.Account("x").Balance(); b.Difference() != 0 || b.InMemory != 0 || int(b.Received) != r.sink.Count()+int(b.Dropped) {
		t.Errorf("balance %+v", b)
	}
}
