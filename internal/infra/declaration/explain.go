package declaration

import (
	"context"

	"syslog-gateway/internal/infra/declaration/reader"
)

// What is wrong with a declaration, or worth a note, and where values come from.
type (
	Problem  = reader.Problem
	Problems = reader.Problems
	Setting  = reader.Setting
)

// Explain returns every effective value, in the order in which the declaration is
// read, with its origin. It does so for a wrong declaration, too, as far as that can
// be read; the error is then the one of [Load].
func Explain(ctx context.Context, o Options) ([]Setting, error) {
	_, report := load(ctx, o)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(report.Problems) > 0 {
		return report.Settings, report.Problems.Sort()
	}
	return report.Settings, nil
}
