package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const token = "11112222-aaaa-bbbb-cccc-5ec4e7000000"

// each replaces every character by f of it.
func each(text string, f func(i int, c byte) string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteString(f(i, text[i]))
	}
	return b.String()
}

// encodings are ways in which a page may quote what it was sent, with their inverses if the
// standard library has them.
var encodings = map[string]func(string) string{
	"plain":        func(s string) string { return s },
	"upper case":   strings.ToUpper,
	"mixed case":   func(s string) string { return each(s, mixed) },
	"html":         html.EscapeString,
	"html decimal": func(s string) string { return each(s, func(_ int, c byte) string { return fmt.Sprintf("&#%d;", c) }) },
	"html open":    func(s string) string { return each(s, func(_ int, c byte) string { return fmt.Sprintf("&#%d", c) }) },
	"html hex":     func(s string) string { return each(s, func(_ int, c byte) string { return fmt.Sprintf("&#x%x;", c) }) },
	"html HEX":     func(s string) string { return each(s, func(_ int, c byte) string { return fmt.Sprintf("&#X%X;", c) }) },
	"html padded":  func(s string) string { return each(s, func(_ int, c byte) string { return fmt.Sprintf("&#%07d;", c) }) },
	"html named":   func(s string) string { return strings.NewReplacer("-", "&hyphen;").Replace(s) },
	"html hyphens": func(s string) string { return strings.NewReplacer("-", "&#45;").Replace(s) },
	"html twice": func(s string) string {
		return html.EscapeString(each(s, func(_ int, c byte) string { return fmt.Sprintf("&#%d;", c) }))
	},
	"url":       url.QueryEscape,
	"url lower": func(s string) string { return each(s, func(_ int, c byte) string { return fmt.Sprintf("%%%02x", c) }) },
	"url upper": func(s string) string { return each(s, func(_ int, c byte) string { return fmt.Sprintf("%%%02X", c) }) },
	"url twice": func(s string) string {
		return each(s, func(_ int, c byte) string { return fmt.Sprintf("%%25%02X", c) })
	},
	"url hyphens":  func(s string) string { return strings.ReplaceAll(s, "-", "%2D") },
	"json":         func(s string) string { return each(s, func(_ int, c byte) string { return fmt.Sprintf(`\u%04x`, c) }) },
	"json upper":   func(s string) string { return each(s, func(_ int, c byte) string { return fmt.Sprintf(`\u%04X`, c) }) },
	"json twice":   func(s string) string { return each(s, func(_ int, c byte) string { return fmt.Sprintf(`\\u%04x`, c) }) },
	"quoted":       func(s string) string { return each(s, func(_ int, c byte) string { return fmt.Sprintf(`\x%02x`, c) }) },
	"json string":  func(s string) string { j, _ := json.Marshal(s); return string(j) },
	"base64":       func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 url":   func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"base64 auth":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte("Splunk " + s)) },
	"basic":        func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x:" + s)) },
	"basic long":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("splunk:" + s + "\n")) },
	"base64 url%":  func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("é:" + s))) },
	"hex":          func(s string) string { return hex.EncodeToString([]byte(s)) },
	"lines":        func(s string) string { return wrap(s, "\n") },
	"folded":       func(s string) string { return wrap(s, "\r\n\t ") },
	"soft breaks":  func(s string) string { return wrap(s, "=\r\n") },
	"wbr":          func(s string) string { return wrap(s, "<wbr>") },
	"br":           func(s string) string { return wrap(s, "<br />\n") },
	"marked up":    func(s string) string { return wrap(s, `</b><b class="x">`) },
	"zero width":   func(s string) string { return wrap(s, "\u200b") },
	"soft hyphen":  func(s string) string { return wrap(s, "&shy;") },
	"json lines":   func(s string) string { return wrap(s, `\n`) },
	"base64 lines": func(s string) string { return wrap(base64.StdEncoding.EncodeToString([]byte("Splunk "+s)), "\r\n ") },
}

func mixed(i int, c byte) string {
	if i%2 == 0 {
		return strings.ToUpper(string(c))
	}
	return string(c)
}

// wrap puts a text between every seven characters.
func wrap(s, between string) string {
	return each(s, func(i int, c byte) string {
		if i > 0 && i%7 == 0 {
			return between + string(c)
		}
		return string(c)
	})
}

// leak returns five characters in a row of a secret that remain in a text, or "". It decodes
// the text with the standard library.
func leak(text, secret string) string {
	low := strings.ToLower(secret)
	var codes []string
	for lead := range 3 {
		code := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", lead) + secret))
		codes = append(codes, strings.ToLower(code[(lead*8+5)/6:(lead+len(secret))*8/6]))
	}
	for piece := range strings.SplitSeq(text, Placeholder) {
		for range 4 {
			plain := strings.ToLower(strings.Join(strings.Fields(piece), ""))
			for _, s := range append(codes, low) {
				for i := 0; i+5 <= len(s); i++ {
					if strings.Contains(plain, s[i:i+5]) {
						return s[i : i+5]
					}
				}
			}
			piece = html.UnescapeString(piece)
			if u, err := url.PathUnescape(piece); err == nil {
				piece = u
			}
			var s string
			if json.Unmarshal([]byte(`"`+piece+`"`), &s) == nil {
				piece = s
			}
		}
	}
	return ""
}

func TestEveryEncoding(t *testing.T) {
	secrets := []string{token, "Pa55w&rd<1>", "hunter2!", "%41geheim+=x"}
	var s Secrets
	s.Add(secrets...)
	for name, encode := range encodings {
		for _, secret := range secrets {
			sent := encode(secret)
			page := "<html><p>Authorization: Splunk " + sent + "</p> was refused</html>"
			got := s.Text(page)
			if run := leak(got, secret); run != "" {
				t.Errorf("%s: %q is left in %q of %q", name, run, got, page)
			}
			if !strings.Contains(got, Placeholder) || !strings.Contains(got, "was refused") {
				t.Errorf("%s: %q", name, got)
			}
			for cut := range len(page) { // at each position, before it is redacted
				if run := leak(s.Text(page[:cut]), secret); run != "" {
					t.Fatalf("%s: %q is left of the first %d bytes: %q", name, run, cut, s.Text(page[:cut]))
				}
				if run := leak(s.Text(page[cut:]), secret); run != "" {
					t.Fatalf("%s: %q is left behind byte %d: %q", name, run, cut, s.Text(page[cut:]))
				}
			}
		}
	}
	// The control: without redaction the secret is found.
	if leak("<p>"+token+"</p>", token) == "" || leak(encodings["url twice"](token), token) == "" {
		t.Error("the test sees nothing")
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	var s Secrets
	s.Add(token, "tok", "abc")
	for in, want := range map[string]string{
		"":                                       "",
		"503 Server is busy (HEC code 9)":        "503 Server is busy (HEC code 9)",
		"dial tcp 192.0.2.1:8088: i/o timeout":   "dial tcp 192.0.2.1:8088: i/o timeout",
		"the token is invalid":                   "the token is invalid",
		"token tok is invalid":                   "token <secret> is invalid",
		"Splunk tok":                             "Splunk <secret>",
		"stock, tokens, tok":                     "stock, tokens, <secret>",
		"%zz &#; &#x; \\u12 \\ & < %":            "%zz &#; &#x; \\u12 \\ & < %",
		"1111 333 2222":                          "1111 333 2222",
		"a\xff\xfe" + token + "\xffé":            "a\xff\xfe<secret>\xffé",
		"write to admin@example.com":             "write to admin@example.com",
		"two " + token + " and " + token + " it": "two <secret> and <secret> it",
	} {
		if got := s.Text(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := new(Secrets).Text(token); got != token {
		t.Errorf("nothing is known: %q", got)
	}
}

func TestURLs(t *testing.T) {
	for in, want := range map[string]string{
		"https://u:p@h:8088/x":                      "https://<secret>@h:8088/x",
		"https://u:p@ss@h/x":                        "https://<secret>@h/x",
		"https://u:p/ss@h":                          "https://<secret>@h",
		`parse "http://u:p@h:port": invalid port`:   `parse "http://<secret>@h:port": invalid port`,
		"https://h/x?token=abc&channel=d#f":         "https://h/x?token=<secret>&channel=<secret>#<secret>",
		"https://[::1]:8088/x?token=abc is bad":     "https://[::1]:8088/x?token=<secret> is bad",
		"https://u:p@[::1]:8088/ is bad":            "https://<secret>@[::1]:8088/ is bad",
		"splunk:8088?token=abc":                     "splunk:8088?token=<secret>",
		"hec_token=abc, password=d&x=y":             "hec_token=<secret>, password=<secret>&x=y",
		"open /home/u:x@y/f: no such file":          "open /home/u:x@y/f: no such file",
		"u:p@h:8088":                                "<secret>@h:8088",
		"a=b https://h:1/p key: value x?y=z":        "a=b https://h:1/p key: value x?y=z",
		"first //u:p@h/?a=b then https://u:q@h/?c=": "first //<secret>@h/?a=<secret> then https://<secret>@h/?c=",
	} {
		if got := URLs(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"user@h":              "<secret>@h",
		"https://u:p w@h":     "https://<secret>@h",
		`https://u:"p"@h?t=x`: "https://<secret>@h?t=<secret>",
		"https://h:8088":      "https://h:8088",
		"https://h/?token":    "https://h/?<secret>",
		"https://h#a=b":       "https://h#<secret>",
		"https://h/?a&b=c":    "https://h/?<secret>&b=<secret>",
		"https://h/?=x;y=z":   "https://h/?=<secret>;y=<secret>",
	} {
		if got := URL(in); got != want {
			t.Errorf("URL %q: %q, want %q", in, got, want)
		}
	}
}

func TestOldSecretsAreForgotten(t *testing.T) {
	var s Secrets
	for i := range 3 * maxSecrets {
		s.Add(fmt.Sprintf("secret-number-%04d", i))
	}
	if len(s.known) != maxSecrets {
		t.Errorf("%d are known", len(s.known))
	}
	if got := s.Text("it is secret-number-0095"); got != "it is "+Placeholder {
		t.Errorf("%q", got)
	}
	if n := len(s.Text(strings.Repeat("x", 1<<20))); n != maxText {
		t.Errorf("%d bytes", n)
	}
}

// A long text is redacted wherever in it a secret is, and not cut.
func TestLongText(t *testing.T) {
	var s Secrets
	s.Add(token)
	for name, encode := range encodings {
		sent := encode(token)
		for _, before := range []int{0, maxText/2 - 20, maxText/2 - 3, maxText - 20, maxText + 5, 3*maxText - 9} {
			got := s.All(strings.Repeat(".", before) + " " + sent + " " + strings.Repeat(".", maxText))
			if run := leak(got, token); run != "" {
				t.Errorf("%s behind %d bytes: %q is left", name, before, run)
			}
			if !strings.HasSuffix(got, strings.Repeat(".", maxText)) || !strings.HasPrefix(got, strings.Repeat(".", before)) {
				t.Errorf("%s behind %d bytes: the rest has changed", name, before)
			}
		}
	}
}

// For any text, and however often the secret is escaped in it, no five characters in a row
// remain.
func FuzzText(f *testing.F) {
	f.Add("<p>&#", token, "\n</p>", uint64(1))
	f.Add("\\", "Pa55w&rd", "%", uint64(2))
	f.Add("%25", "abcdefgh", "&amp;", uint64(3))
	names := slices.Sorted(maps.Keys(encodings))
	f.Fuzz(func(t *testing.T, before, secret, after string, seed uint64) {
		if strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) || // no token
			len(secret) <= shown || len(before)+len(after) > 1000 || len(secret) > 100 {
			return
		}
		var s Secrets
		s.Add(secret)
		rnd := rand.New(rand.NewPCG(seed, 1))
		sent := encodings[names[rnd.IntN(len(names))]](secret)
		page := before + sent + after
		got := s.Text(page)
		for piece := range strings.SplitSeq(got, Placeholder) {
			low := fold(piece)
			for i := 0; i+shown+1 <= len(secret); i++ {
				if strings.Contains(low, fold(secret)[i:i+shown+1]) {
					t.Errorf("%q is left in %q of %q", secret[i:i+shown+1], got, page)
				}
			}
		}
	})
}
