package body

import (
	"bytes"
	"strings"
	"testing"
)

// naiveColumns cuts a line byte by byte, for comparison with Columns.
func naiveColumns(p []byte) [][]byte {
	var all [][]byte
	start := 0
	for i := 0; ; i++ {
		if i == start && i < len(p) && p[i] == '"' {
			for i++; i < len(p); i++ {
				if p[i] == '"' {
					if i+1 < len(p) && p[i+1] == '"' {
						i++
						continue
					}
					break
				}
			}
			if i == len(p) {
				return append(all, p[start:])
			}
			continue
		}
		if i == len(p) {
			return append(all, p[start:])
		}
		if p[i] == ',' {
			all = append(all, p[start:i])
			start = i + 1
		}
	}
}

func FuzzColumns(f *testing.F) {
	for _, s := range []string{
		"", ",", "a", "a,b", "1,2026/03/14 14:28:52,0072,TRAFFIC,end,,,,,,,,,,,,,x,y",
		`a,"b,c",d`, `a,"b""c,",d,e`, `"a",b`, `a,b"c,d"e,f,g,h,i,j,k`, `a,"open,b,c`, `a,"x"y,z`, `a,"`, `,,,,,,,,,,,,,,,,"q,q",,,,,,,,z`,
		strings.Repeat(",ab", 40), strings.Repeat(`,a long column,"quoted, ""twice""",`, 12), strings.Repeat("no comma in it ", 9) + ",,,,,,,,,,x",
	} {
		f.Add([]byte(s), uint8(1), uint8(3))
		f.Add([]byte(s), uint8(30), uint8(9))
	}
	f.Fuzz(func(t *testing.T, p []byte, first, step uint8) {
		want := naiveColumns(p)
		c := Columns{Line: p}
		for n := int(first); n < len(want)+3; n += int(step)%97 + 1 {
			got := c.At(n)
			if n >= len(want) {
				if got != nil {
					t.Fatalf("column %d of %q: %q, there are %d", n, p, got, len(want))
				}
				continue
			}
			w := want[n]
			if len(w) >= 2 && w[0] == '"' && w[len(w)-1] == '"' {
				w = w[1 : len(w)-1]
			}
			if !bytes.Equal(got, w) {
				t.Fatalf("column %d of %q: %q, want %q", n, p, got, w)
			}
		}
	})
}
