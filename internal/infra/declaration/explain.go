package declaration

import "context"

// HiddenText stands for what came encrypted, and for passwords and keys.
const HiddenText = "<secret>"

// Setting is an effective value and where it came from.
type Setting struct {
	Path  string `json:"path"`  // JSON path
	Value string `json:"value"` // as JSON would have it; <secret> for what is not shown
	From  string `json:"from"`  // file:line, "environment NAME", "default", or what it is derived from
}

// Explain returns every effective value, in the order in which the declaration is
// read, with its origin. It does so for a wrong declaration, too, as far as that can
// be read; the error is then the one of [Load].
func Explain(ctx context.Context, o Options) ([]Setting, error) {
	_, l := load(ctx, o)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(l.Problems) > 0 {
		return l.Settings, l.Problems.sort()
	}
	return l.Settings, nil
}
