package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// shardWalk goes from each number of shards to each other one, and comes back.
var shardWalk = []int{4, 2, 8, 1, 2, 4, 1, 8, 2, 1, 4, 8, 4}

// resized starts the gateway with so many shards, and with a queue that is small at every
// other start: smaller than what lies on disk.
func (s *site) resized(base string, step int) *process {
	s.t.Helper()
	size := "64MiB"
	if step%2 == 1 {
		size = "1MiB"
	}
	s.write(base + fmt.Sprintf("balancer: {shards: %d}\nqueue: {path: %s/queue, min_free: 1MB, segment_size: 256KiB, max_size: %s}\n",
		shardWalk[step], s.dir, size))
	return s.start()
}

// stream sends marked messages until the receiver ends the connection or n are sent, and
// returns those that the kernel has taken.
func stream(c net.Conn, prefix string, n int) (sent []string) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, c)
	}()
	for i := 0; i < n; i += 50 {
		select {
		case <-ended:
			c.Close()
			return sent
		default:
		}
		group := marks(fmt.Sprintf("%s-%d", prefix, i), 50)
		var buf bytes.Buffer
		for _, m := range group {
			fmt.Fprintf(&buf, "%s\n", line("linux", m+" "))
		}
		if _, err := buf.WriteTo(c); err != nil {
			break
		}
		sent = append(sent, group...)
	}
	c.Close()
	<-ended
	return sent
}

// Every change of the number of shards, and of max_size to less than what is queued,
// under load, by a stop and by kill -9: nothing that was accepted is lost, and what is
// left over is delivered and its folders go.
func TestShardsUpAndDown(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"SIGTERM", "kill -9"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "batch: {max_bytes: 64KiB}\nqueue: {}\n")
			s.uncompressed()
			base := strings.Replace(s.read(), "queue: {}\n", "", 1)
			var sure, maybe []string
			for step := range shardWalk {
				p := s.resized(base, step)
				s.hec.SetDown(step%2 == 0) // then the queue grows past the next start's max_size
				mine := marks(fmt.Sprintf("step%d", step), 6000)
				sendTCP(t, s.dial("tcp", "linux"), "linux", mine)
				testkit.Eventually(t, "all of them are accepted", func() bool {
					m := s.metrics()
					return m.Sum("gateway_received_events_total") == float64(len(mine)) && m.Sum("gateway_pending_events", `stage="memory"`) == 0
				})
				sure = append(sure, mine...)
				s.assertBalance()
				if n := s.metrics().Sum("gateway_dropped_events_total"); n != 0 {
					t.Fatalf("step %d: %v are dropped", step, n)
				}
				c := s.dial("tcp", "linux")
				streamed := make(chan []string)
				go func() { streamed <- stream(c, fmt.Sprintf("load%d", step), 3000) }()
				if how == "SIGTERM" {
					if code := p.stop(); code != 0 {
						t.Fatalf("step %d: exit code %d", step, code)
					}
					sure = append(sure, <-streamed...)
				} else {
					p.kill()
					maybe = append(maybe, <-streamed...)
				}
			}
			s.hec.SetDown(false)
			p := s.resized(base, len(shardWalk)-1)
			testkit.Eventually(t, "the queue is empty", func() bool { return s.metrics().Sum("gateway_queue_events") == 0 })
			s.assertBalance()
			left := func() []string {
				folders, _ := filepath.Glob(filepath.Join(s.dir, "queue", "shard-*"))
				return folders
			}
			testkit.Eventually(t, "the folders of left-over shards are gone", func() bool { return len(left()) == shardWalk[len(shardWalk)-1] })
			lost, twice := missing(s.sink.texts(), sure)
			if lost > 0 || how == "SIGTERM" && twice > 0 {
				t.Errorf("of %d accepted messages %d are lost and %d came twice", len(sure), lost, twice)
			}
			t.Logf("%d of %d accepted messages came twice; %d more were on the way at a kill", twice, len(sure), len(maybe))
			testkit.Equal(t, "exit code", p.stop(), 0)
		})
	}
}

// missing counts the marked messages that did not come, and the arrivals beyond the first.
func missing(events, marks []string) (lost, twice int) {
	seen := make(map[string]int, len(events))
	for _, e := range events {
		if i := strings.Index(e, "mark="); i >= 0 {
			mark, _, _ := strings.Cut(e[i:], " ")
			seen[mark]++
		}
	}
	for _, m := range marks {
		if n := seen[m]; n == 0 {
			lost++
		} else {
			twice += n - 1
		}
	}
	return lost, twice
}

// A shard that is left over drains while the gateway runs: its folder goes, and its bytes
// do not count against max_size any more, however little that is.
func TestLeftOverShardsGoWhileRunning(t *testing.T) {
	t.Parallel()
	s := newSite(t, "batch: {max_bytes: 64KiB}\nqueue: {}\n")
	s.uncompressed()
	base := strings.Replace(s.read(), "queue: {}\n", "", 1)
	write := func(shards int, size string) {
		s.write(base + fmt.Sprintf("balancer: {shards: %d}\nqueue: {path: %s/queue, min_free: 1MB, max_size: %s}\n", shards, s.dir, size))
	}
	write(8, "64MiB")
	p := s.start()
	s.hec.SetDown(true)
	first := marks("first", 20000)
	sendTCP(t, s.dial("tcp", "linux"), "linux", first)
	testkit.Eventually(t, "all are queued", func() bool { return s.metrics().Sum("gateway_queue_events") == float64(len(first)) })
	p.kill()
	write(1, "1MiB")
	p = s.start()
	s.hec.SetDown(false)
	s.waitEvents(len(first))
	testkit.Eventually(t, "one folder is left", func() bool {
		folders, _ := os.ReadDir(filepath.Join(s.dir, "queue"))
		n := 0
		for _, f := range folders {
			if strings.HasPrefix(f.Name(), "shard-") {
				n++
			}
		}
		return n == 1
	})
	if m := s.metrics(); m.Sum("gateway_queue_events", `shard="0"`) != 0 || len(m) == 0 {
		t.Error("shard 0 is not empty")
	} else if _, shown := m[`gateway_queue_events{shard="5"}`]; shown {
		t.Error("a shard that is gone is shown")
	}
	second := marks("second", 20000)
	sendTCP(t, s.dial("tcp", "linux"), "linux", second)
	assertOnce(t, s.waitEvents(len(first)+len(second)), append(first, second...))
	s.assertBalance()
	testkit.Equal(t, "exit code", p.stop(), 0)
}
