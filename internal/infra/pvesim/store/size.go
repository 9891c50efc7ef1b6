package store

import (
	"math"
	"path"
	"strconv"
	"strings"
)

// ParseSize reads 4G, 512M, 1.5T or bytes.
func ParseSize(text string) int64 {
	units := map[byte]float64{'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 'T': 1 << 40}
	if text == "" {
		return 0
	}
	unit, ok := units[text[len(text)-1]]
	if ok {
		text = text[:len(text)-1]
	} else {
		unit = 1
	}
	f, _ := strconv.ParseFloat(text, 64)
	return int64(math.Ceil(f * unit))
}

// FormatSize is JSONSchema::format_size: the largest unit that stays whole.
func FormatSize(n int64) string {
	for _, u := range []string{"", "K", "M", "G"} {
		if n%1024 != 0 || n == 0 {
			return strconv.FormatInt(n, 10) + u
		}
		n /= 1024
	}
	return strconv.FormatInt(n, 10) + "T"
}

// FileFormat is how content lists name the format of a file.
func FileFormat(name string) string {
	if before, ext, ok := strings.Cut(name, ".tar."); ok && before != "" {
		return "t" + ext
	}
	return strings.TrimPrefix(path.Ext(name), ".")
}
