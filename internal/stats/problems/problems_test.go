package problems

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

func TestProblems(t *testing.T) {
	var ring Log
	log := slog.New(ring.Handler(slog.NewTextHandler(io.Discard, nil))).With("shard", 3).WithGroup("disk")
	log.Info("fine")
	for range 500 {
		log.Warn("slow", "ms", 12)
	}
	log.Error("no\nspace", "error", errors.New(strings.Repeat("x", 5000)))
	got := ring.Recent()
	if len(got) != 2 || got[0].Level != "error" || got[0].Message != "no space" || len(got[0].Details) > maxProblemText+10 ||
		got[1].Count != 500 || got[1].Details != "shard=3 disk.ms=12" {
		t.Errorf("%+v", got)
	}
	for i := range 1000 {
		log.Warn(fmt.Sprint("warning ", i))
	}
	if got = ring.Recent(); len(got) != maxProblems || got[0].Message != "warning 999" {
		t.Errorf("%d problems, first %+v", len(got), got[0])
	}
}

// Two endpoints that are down are two problems, and what was held back of the log counts.
func TestProblemsCountWhatHappened(t *testing.T) {
	var ring Log
	log := slog.New(ring.Handler(slog.NewTextHandler(io.Discard, nil)))
	for _, line := range []struct {
		endpoint string
		held     int
	}{{"https://a", 0}, {"https://b", 0}, {"https://a", 7}, {"https://b", 2}} {
		log.Warn("HEC endpoint is down", "endpoint", line.endpoint, "not_logged", line.held)
	}
	got := ring.Recent()
	if len(got) != 2 || got[0].Count != 4 || got[0].Details != "endpoint=https://b not_logged=2" || got[1].Count != 9 {
		t.Errorf("%+v", got)
	}
}
