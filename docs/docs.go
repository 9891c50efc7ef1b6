// Package docs has those pages of the documentation that the program shows: what is needed
// to run a gateway. Not those of provision, nor how it is made, nor the long list of products,
// which `gateway pack show` has.
package docs

import "embed"

// Files are the pages, in Markdown, by their names in this folder.
//
//go:embed README.md cluster.md configuration.md glossary.md guarantees.md high-availability.md install.md metadata.md
//go:embed operations.md packs.md rules.md sizing.md tls.md troubleshooting.md upgrade.md devices/*.md
var Files embed.FS
