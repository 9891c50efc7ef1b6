package hec

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// Answers to the old token come when the new one is in force: they count for nothing,
// and their posts go again at once.
func TestOldTokenIsRefusedLate(t *testing.T) {
	for _, late := range []hectest.Answer{hectest.Refuse(403, 4, "Invalid token"), hectest.Refuse(401, 3, "Invalid authorization"), hectest.HTML(403)} {
		changed := make(chan struct{})
		var old atomic.Int32
		s := serve(t, hectest.Options{Token: "the-new-one", Script: func(q *hectest.Request) hectest.Answer {
			if q.Header.Get("Authorization") != "Splunk "+testToken {
				return hectest.Answer{}
			}
			old.Add(1)
			<-changed
			return late
		}})
		r := newRig(t, func(o *Options) { o.Retry.Max = time.Hour }, s)
		src := newMemory(records(5, 2)...)
		wait := r.start(t.Context(), src)
		testkit.Eventually(t, "three posts with the old token", func() bool { return old.Load() == 3 })
		testkit.Must(t, r.setToken("the-new-one"))
		close(changed)
		r.ends(wait, src, 10, s)
		if st := r.Endpoints()[0]; !st.Up || old.Load() != 3 || strings.Contains(r.log.String(), "refuses") {
			t.Errorf("%+v, %d posts with the old token; log:\n%s", st, old.Load(), r.log)
		}
	}
}

// shownBy are the texts in which a secret could be seen.
func shownBy(t *testing.T, r *rig, reg *prometheus.Registry) string {
	t.Helper()
	letters := testkit.Try(r.dead.List())(t)
	text := r.log.String() + dump(t, reg)
	for _, l := range letters {
		text += l.Text + l.Reason + l.Endpoint
	}
	for _, e := range r.Endpoints() {
		text += e.LastAnswer + e.URL
	}
	return text
}

// partOf returns five characters of a secret in a row that a text holds.
func partOf(text, secret string) string {
	low := strings.ToLower(strings.ReplaceAll(text, "<secret>", "|"))
	for _, s := range []string{secret, base64.StdEncoding.EncodeToString([]byte("Splunk " + secret))[10:]} {
		s = strings.ToLower(s)
		for i := 0; i+5 <= len(s); i++ {
			if strings.Contains(low, s[i:i+5]) {
				return s[i : i+5]
			}
		}
	}
	return ""
}

// A page repeats the token at every place before and behind the cut, in every encoding,
// and so do polls, probes, headers of the wrong kind and letters.
func TestRepeatedTokenIsNotSeen(t *testing.T) {
	const guid = "8f3a91c2-5d7e-4b60-a1f9-c27d3e80b64a"
	each := func(format string) string {
		var b strings.Builder
		for _, c := range guid {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
	for _, sent := range []string{
		guid, strings.ToUpper(guid), html.EscapeString(guid), url.QueryEscape(guid), each("&#%d;"), each("&#x%X;"),
		each("%%%02x"), each("%%%02X"), each(`\u%04x`), guid[:20] + "\r\n  " + guid[20:], guid[:18] + "<br>" + guid[18:],
		base64.StdEncoding.EncodeToString([]byte("Splunk " + guid)), base64.StdEncoding.EncodeToString([]byte("x:" + guid)),
	} {
		var n atomic.Int32
		page := func() string { return strings.Repeat("x", 60+int(n.Add(1))%70) + " " + sent + " <end>" }
		s := serve(t, hectest.Options{
			Token:  guid,
			Health: func() hectest.Answer { return hectest.Answer{Status: 502, Body: page()} },
			Script: func(q *hectest.Request) hectest.Answer {
				switch q.N % 4 {
				case 0:
					return hectest.Answer{Status: 502, Body: page()}
				case 1:
					return hectest.Answer{Status: 503, Code: 23, Text: page()}
				case 2:
					return hectest.Answer{Status: 403, Body: page()}
				}
				return hectest.Answer{Status: 400, Code: 6, Text: page()}
			},
		})
		reg := prometheus.NewRegistry()
		r := newRig(t, func(o *Options) {
			o.Token, o.InFlight, o.Registerer, o.HealthInterval = guid, 1, reg, 2*time.Millisecond
		}, s)
		for range 4 {
			r.all(newMemory(records(2, 1)...))
			if part := partOf(shownBy(t, r, reg), guid); part != "" {
				t.Fatalf("%q: %q is seen in\n%s", sent, part, shownBy(t, r, reg))
			}
		}
		if !strings.Contains(shownBy(t, r, reg), "<secret>") {
			t.Errorf("%q: nothing is seen at all:\n%s", sent, shownBy(t, r, reg))
		}
	}
}

// The token before the present one is as secret, and so is a password.
func TestOldTokenIsNotSeen(t *testing.T) {
	const old, fresh, pass = "8f3a91c2-5d7e-4b60-a1f9-c27d3e80b64a", "93b8e8f8-eade-4fcf-8b0d-9f8e7d6c5b4a", "Xk3v9-Qz7w2-Jp"
	s := serve(t, hectest.Options{Script: hectest.Always(hectest.Answer{Status: 400, Code: 6, Text: old + " " + fresh + " " + pass})})
	reg := prometheus.NewRegistry()
	r := newRig(t, func(o *Options) {
		o.Registerer, o.Token = reg, old
		o.Endpoints = []string{strings.Replace(s.URL(), "http://", "http://splunk:"+pass+"@", 1)}
	})
	testkit.Must(t, r.setToken(fresh))
	r.all(newMemory(records(2, 1)...))
	for _, secret := range []string{old, fresh, pass} {
		if part := partOf(shownBy(t, r, reg), secret); part != "" {
			t.Errorf("%q is seen", part)
		}
	}
}

// An error of a library repeats what the server sent.
func TestSecretInABrokenAnswer(t *testing.T) {
	const guid = "8f3a91c2-5d7e-4b60-a1f9-c27d3e80b64a"
	s := serve(t, hectest.Options{Token: guid, Script: hectest.Always(hectest.Answer{Status: 200, Body: "x",
		Header: http.Header{"Content-Encoding": {guid}}})})
	reg := prometheus.NewRegistry()
	r := newRig(t, func(o *Options) { o.Registerer, o.Token = reg, guid }, s)
	src := newMemory(records(1, 1)...)
	wait := r.start(t.Context(), src)
	testkit.Eventually(t, "it is out", func() bool { return !r.AnyUp() })
	if part := partOf(shownBy(t, r, reg), guid); part != "" {
		t.Errorf("%q is seen in\n%s", part, shownBy(t, r, reg))
	}
	s.SetScript(nil)
	testkit.Must(t, r.setToken(guid))
	testkit.Must(t, wait())
}
