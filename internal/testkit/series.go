package testkit

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// Series are the samples of one scrape of /metrics, by their names with labels.
type Series map[string]float64

// ReadSeries reads Prometheus's text format as the gateway writes it: without time stamps.
func ReadSeries(r io.Reader) (Series, error) {
	all := make(Series)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || line[0] == '#' {
			continue
		}
		if v, err := strconv.ParseFloat(line[i+1:], 64); err == nil {
			all[line[:i]] = v
		}
	}
	return all, lines.Err()
}

// Sum adds the samples of a metric whose labels hold all of the texts.
func (s Series) Sum(name string, labels ...string) (total float64) {
next:
	for full, v := range s {
		if full != name && !strings.HasPrefix(full, name+"{") {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(full, l) {
				continue next
			}
		}
		total += v
	}
	return total
}
