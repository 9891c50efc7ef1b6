package queue

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// childEnv makes the test binary a process to be killed: it works on the queue in
// the folder that the variable names, and says what it did on standard output.
const childEnv = "QUEUE_TEST_CHILD"

// child appends until it is killed, and acknowledges what it takes, with four takers.
func child(dir string) int {
	s, err := start(Options{Path: dir, Shards: 1, MaxSize: 1 << 30, SegmentSize: 256 << 10, SyncInterval: 10 * time.Millisecond})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go s.Run(context.Background())
	q := s.Shards()[0]
	lines := make(chan string)
	var mu sync.Mutex
	var acked []int
	go func() { // says what a start must know of
		for range time.Tick(2 * time.Millisecond) {
			mu.Lock()
			now := acked
			acked = nil
			mu.Unlock()
			q.acks.write()
			for _, n := range now {
				lines <- fmt.Sprintf("not %d", n)
			}
		}
	}()
	for range 4 {
		go func() {
			var buf []byte
			for {
				rec, err := q.Next(context.Background(), buf)
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				buf = rec.Body
				if rand.IntN(5) == 0 { // not always: a record that always comes back blocks the others
					q.Nack(rec.Seq)
					continue
				}
				var n int
				fmt.Sscanf(string(rec.Body), `{"n":%d,`, &n)
				lines <- fmt.Sprintf("try %d", n) // before, since the kill may come between
				q.Ack(rec.Seq)
				mu.Lock()
				acked = append(acked, n)
				mu.Unlock()
			}
		}()
	}
	go func() {
		start, _ := strconv.Atoi(os.Getenv(childEnv + "_FROM"))
		for n := start; ; n++ {
			if err := q.Append(record(n, 50+n%7000)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			lines <- fmt.Sprintf("has %d", n)
		}
	}()
	for line := range lines {
		fmt.Println(line) // one write each, so that nothing said is lost
	}
	return 0
}

func TestKilledProcessLosesNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 3))
	dir := fastDir(t) // what a killed process leaves is the same on every file system
	accepted, tried, stored := map[int]bool{}, map[int]bool{}, map[int]int{}
	from, repeated := 0, 0
	for life := range 8 {
		for _, line := range killed(t, dir, from, 300+rnd.IntN(2000)) {
			n, err := strconv.Atoi(line[4:])
			if err != nil {
				t.Fatalf("seed %d: the child says %q", seed, line)
			}
			switch line[:3] {
			case "has":
				accepted[n] = true
				from = max(from, n+1)
			case "not":
				stored[n] = life
			default:
				if before, known := stored[n]; known && before < life {
					t.Fatalf("seed %d: record %d was acknowledged and stored in life %d, and comes again in life %d", seed, n, before, life)
				}
				if tried[n] {
					repeated++
				}
				tried[n] = true
			}
		}
		from += 10 // some may have been stored and not printed
	}
	s := open(t, options(dir))
	q := s.Shards()[0]
	queued := map[int]bool{}
	last := -1
	for rec := range remaining(t, q) {
		n := number(t, rec)
		if n <= last {
			t.Fatalf("seed %d: record %d after %d", seed, n, last)
		}
		last = n
		queued[n] = true
		q.Ack(rec.Seq)
	}
	for n := range accepted {
		if !queued[n] && !tried[n] {
			t.Fatalf("seed %d: accepted record %d of %d is lost", seed, n, len(accepted))
		}
	}
	for n := range stored {
		if queued[n] {
			t.Fatalf("seed %d: record %d was acknowledged and stored, and comes again", seed, n)
		}
	}
	t.Logf("%d accepted, %d acknowledged and stored, %d came again", len(accepted), len(stored), repeated)
	if q.Stats().Corrupt != 0 {
		t.Fatalf("seed %d: %+v", seed, q.Stats())
	}
}

// killed runs a child until it has said so many lines, kills it, and returns all
// that it said.
func killed(t *testing.T, dir string, from, lines int) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir, fmt.Sprintf("%s_FROM=%d", childEnv, from))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out := testkit.Try(cmd.StdoutPipe())(t)
	testkit.Must(t, cmd.Start())
	r := bufio.NewReader(out)
	var said []string
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			break
		}
		testkit.Must(t, err)
		said = append(said, strings.TrimSpace(line))
		if len(said) == lines {
			testkit.Must(t, cmd.Process.Kill())
		}
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the child ended by itself: %v %s", err, &stderr)
	}
	return said
}
