package config

import (
	"crypto/tls"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes.
type Size int64

// The units that sizes are written in.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
	TiB Size = 1 << 40

	kB Size = 1e3
	MB Size = 1e6
	GB Size = 1e9
	TB Size = 1e12
)

// unit is a unit of sizes. Binary units come first, so [Size.String] prefers them.
type unit struct {
	name string
	size Size
}

func units() []unit {
	return []unit{
		{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB},
		{"TB", TB}, {"GB", GB}, {"MB", MB}, {"kB", kB}, {"B", 1},
	}
}

// ParseSize reads a size such as "512KiB", "100 GB" or "4096".
func ParseSize(text string) (Size, error) {
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	name := text[len(number):]
	factor := Size(1)
	if name != "" && number != "" {
		var err error
		if factor, err = unitSize(name); err != nil {
			return 0, err
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	switch {
	case err != nil || strings.HasPrefix(number, "+"):
		return 0, fmt.Errorf("is not a whole number with a unit")
	case n < 0:
		return 0, fmt.Errorf("is negative")
	case n > math.MaxInt64/int64(factor):
		return 0, fmt.Errorf("is too large")
	}
	return Size(n) * factor, nil
}

func unitSize(name string) (Size, error) {
	for _, u := range units() {
		if u.name == name {
			return u.size, nil
		}
	}
	for _, u := range units() {
		if strings.EqualFold(u.name, name) || strings.EqualFold(strings.TrimSuffix(u.name, "iB"), name) {
			return 0, fmt.Errorf("has the unknown unit %q; did you mean %s?", name, u.name)
		}
	}
	return 0, fmt.Errorf("has the unknown unit %q", name)
}

// String returns the shortest exact form of the size; [ParseSize] reads it.
func (s Size) String() string {
	best := unit{"B", 1}
	for _, u := range units() {
		if s != 0 && s%u.size == 0 && s/u.size < s/best.size {
			best = u
		}
	}
	return strconv.FormatInt(int64(s/best.size), 10) + best.name
}

// Count is a number of parts of the program, such as event loops; 0 is "auto": a number that
// fits the processors.
type Count int

// String returns the number, or auto.
func (c Count) String() string {
	if c == 0 {
		return "auto"
	}
	return strconv.Itoa(int(c))
}

// TLSVersion is "1.2" or "1.3".
type TLSVersion string

// Number returns the version as a constant of crypto/tls.
func (v TLSVersion) Number() uint16 {
	if v == "1.3" {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}

// durationText writes 1h for what time.Duration writes as 1h0m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
