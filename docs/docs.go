// Package docs has those pages of the documentation that the program shows.
package docs

import _ "embed"

// Operations is operations.md, in Markdown.
//
//go:embed operations.md
var Operations string
