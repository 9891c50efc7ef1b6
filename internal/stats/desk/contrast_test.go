package desk

import (
	"fmt"
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// luminance is that of WCAG 2.2, of a colour such as #1c5aa6.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil || len(colour) != 7 {
		t.Fatalf("%q is no colour", colour)
	}
	part := func(shift uint) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}

func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// colours are the variables of a block of a style.
func colours(block string) map[string]string {
	all := make(map[string]string)
	for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(block, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// TestContrast: text has a contrast of 4.5 at least, lines and shapes that mean something of 3
// (WCAG 2.2, 1.4.3 and 1.4.11), in light and in dark.
func TestContrast(t *testing.T) {
	text, err := fs.ReadFile(files, "style/a-colours.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, _ := strings.Cut(string(text), "@media")
	if got := contrast(t, "#777777", "#ffffff"); got >= 4.5 || got < 4.4 {
		t.Errorf("the control has %.2f", got)
	}
	for name, block := range map[string]string{"light": light, "dark": dark} {
		c := colours(block)
		if len(c) != 14 {
			t.Errorf("%s has the colours %v", name, c)
		}
		for _, pair := range []struct {
			what, on string
			least    float64
		}{
			{"ink", "ground", 7}, {"soft", "ground", 4.5}, {"quiet", "ground", 4.5}, {"accent", "ground", 4.5}, {"warn", "ground", 4.5}, {"bad", "ground", 4.5},
			{"ink", "code", 4.5}, {"soft", "code", 4.5}, {"accent", "code", 4.5}, {"warn", "code", 4.5}, {"bad", "code", 4.5}, // what a link has led to
			{"ink", "pale", 4.5}, {"ink", "warn-fill", 4.5}, {"ink", "bad-fill", 4.5}, // words of the queue above its level
			{"ground", "accent", 4.5}, {"ground", "bad", 4.5}, // buttons
			{"accent", "pale", 3}, {"warn", "pale", 3}, {"bad", "pale", 3}, // outlines of bands, what crosses them
		} {
			if got := contrast(t, c[pair.what], c[pair.on]); got < pair.least {
				t.Errorf("%s: %s on %s has %.2f, and needs %.1f", name, pair.what, pair.on, got, pair.least)
			}
		}
	}
}

// TestColoursAreNamed: styles use the colours of the table only, which TestContrast judges.
func TestColoursAreNamed(t *testing.T) {
	all := joined("style/*.css")
	_, rest, _ := strings.Cut(all, "\n* {")
	if found := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b[^{]*;|rgba?\(|hsl`).FindAllString(rest, -1); len(found) > 0 {
		t.Errorf("colours without a name: %q", found)
	}
	known := colours(all)
	for _, m := range regexp.MustCompile(`var\(--([a-z-]+)\)`).FindAllStringSubmatch(all, -1) {
		if known[m[1]] == "" {
			t.Errorf("there is no colour %s", m[1])
		}
	}
}

// TestFilesAreSmall: each has one subject.
func TestFilesAreSmall(t *testing.T) {
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 24<<10 {
			err = fmt.Errorf("%s has %d bytes", path, info.Size())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
