package loadgen

import (
	"syscall"
	"time"
)

// Result is the number of messages sent and their cost.
type Result struct {
	Transport string `json:"transport"`
	// Sent counts messages that the kernel took whole; Errors those it refused.
	Sent   uint64 `json:"sent"`
	Errors uint64 `json:"errors"`
	// FirstError is the first refusal in words.
	FirstError string `json:"first_error,omitempty"`
	// Bytes are those of the sent messages with their framing.
	Bytes uint64 `json:"bytes"`
	// First and Next bound the sequence numbers used: First to Next-1.
	First uint64 `json:"first_seq"`
	Next  uint64 `json:"next_seq"`
	// Started and Finished are microseconds since the Unix epoch: before the first
	// and behind the last write.
	Started  int64 `json:"started_us"`
	Finished int64 `json:"finished_us"`
	// Wall and CPU are seconds; CPU is that of this process, the kernel's part of
	// sending included.
	Wall float64 `json:"wall_seconds"`
	CPU  float64 `json:"cpu_seconds"`
	// Rate is messages a second.
	Rate float64 `json:"rate"`
	// CPUPerMessage is microseconds.
	CPUPerMessage float64 `json:"cpu_us_per_message"`
	// Behind is the longest time by which paced sending was late, in seconds.
	Behind float64 `json:"behind_seconds"`
	// Sockets is how many were open.
	Sockets int `json:"sockets"`
	// ByPort counts the sent messages by port.
	ByPort map[int]uint64 `json:"by_port"`
}

// processCPU is the CPU time this process has used, user and system.
func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// tally sums up the senders.
func (r *Result) tally(senders []*sender) {
	r.ByPort = make(map[int]uint64)
	for _, s := range senders {
		r.Errors += s.errors
		if s.err != nil && r.FirstError == "" {
			r.FirstError = s.err.Error()
		}
		for _, l := range s.targets {
			r.Sockets += len(l.outs)
			r.Sent += l.sent
			r.Bytes += l.bytes
			r.ByPort[l.port] += l.sent
		}
	}
	if r.Sent > 0 {
		r.CPUPerMessage = r.CPU * 1e6 / float64(r.Sent)
	}
	if r.Wall > 0 {
		r.Rate = float64(r.Sent) / r.Wall
	}
}
