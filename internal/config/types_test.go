package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/redact"

	"go.yaml.in/yaml/v3"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "0B": 0, "4096": 4096, "1B": 1, "64KiB": 65536, "64 KiB": 65536, "1kB": 1000, "2MiB": 2 << 20, "5MB": 5e6,
		"1GiB": 1 << 30, "100GB": 1e11, "1TiB": 1 << 40, "3TB": 3e12, "9223372036854775807": math.MaxInt64,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GB", "-1", "+1", "1.5GB", "1KB", "1kb", "1 G B", "0x10", "1e3", "9223372036854775808", "9007199254740992KiB", "1GB1", "GB1"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", text, got)
		}
	}
	for size, want := range map[Size]string{0: "0B", 1: "1B", 1000: "1kB", 1024: "1KiB", 65536: "64KiB", 512 * KiB: "512KiB", 1e11: "100GB", 2e9: "2GB", 1 << 40: "1TiB", 1025: "1025B", 1024000: "1000KiB"} {
		if got := size.String(); got != want {
			t.Errorf("Size(%d) = %s, want %s", int64(size), got, want)
		}
	}
}

func TestSizeReadsWhatItWrites(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	for range 10000 {
		size := Size(random.Int64() >> random.IntN(63))
		size -= size % units()[random.IntN(len(units()))].size
		if got, err := ParseSize(size.String()); err != nil || got != size {
			t.Fatalf("seed %d: %d is written %s and read %d, %v", seed, int64(size), size, int64(got), err)
		}
	}
}

func TestSecretHidesItself(t *testing.T) {
	const s = redact.Secret("hunter2")
	c := Default()
	c.HEC.Token, c.Stats.Password = s, s
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("start", "token", s, "config", c, "hec", &c.HEC)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "token", s, "config", c, slog.Any("hec", c.HEC))
	asJSON, err := json.Marshal(map[string]any{"c": c, "p": &c.HEC, "s": s})
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	verbs := ""
	for _, verb := range "vsqxXdctbo" {
		verbs += fmt.Sprintf("%"+string(verb)+" ", s) + fmt.Sprintf("%"+string(verb)+" ", c)
	}
	for _, out := range []string{
		log.String(), string(asJSON), string(asYAML),
		fmt.Sprint(s, c, &c), fmt.Sprintf("%v %+v %#v", s, c, c), verbs, fmt.Errorf("token %v", s).Error(),
	} {
		if strings.Contains(out, "hunter2") || strings.Contains(out, "68756e746572") {
			t.Errorf("shows the secret: %s", out)
		}
		if !strings.Contains(out, redact.Placeholder) && !strings.Contains(out, `\u003csecret\u003e`) {
			t.Errorf("does not say that there is a secret: %s", out)
		}
	}
	if s.Reveal() != "hunter2" {
		t.Error("Reveal does not")
	}
	if redact.Secret("").String() != "" {
		t.Error("a secret that is not set looks set")
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", time.Hour: "1h", 90 * time.Minute: "1h30m", 10 * time.Second: "10s", time.Minute: "1m", 250 * time.Millisecond: "250ms", time.Hour + time.Second: "1h0m1s", 20 * time.Minute: "20m", 10 * time.Hour: "10h"} {
		got := durationText(d)
		if back, err := time.ParseDuration(got); got != want || err != nil || back != d {
			t.Errorf("%v is written %s, want %s", d, got, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"max_size", "path", "min_free", "when_full"}
	for name, want := range map[string]string{
		"max_sise": "max_size", "maxsize": "max_size", "MAX-SIZE": "max_size", "pathh": "path", "apth": "path", "whenfull": "when_full",
		"": "", "colour": "", "free": "", strings.Repeat("max_size", 1000): "",
	} {
		got := strings.TrimSuffix(strings.TrimPrefix(didYouMean(name, known), "; did you mean "), "?")
		if got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
