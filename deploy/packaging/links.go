package main

import (
	"path"
	"regexp"
	"strings"
)

// link is a link or an image of Markdown.
var link = regexp.MustCompile(`!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)`)

// relinked returns a document of the repository with its links as they are in a package: those
// to a file that is shipped lead there, those to other files leave their text.
func relinked(text, from string, copied map[string]string) string {
	return link.ReplaceAllStringFunc(text, func(found string) string {
		m := link.FindStringSubmatch(found)
		file, heading, anchored := strings.Cut(m[2], "#")
		if file == "" || strings.Contains(m[2], "://") || strings.HasPrefix(m[2], "mailto:") {
			return found
		}
		to, shipped := copied[path.Join(path.Dir(from), file)]
		if !shipped {
			return m[1]
		}
		file = relative(path.Dir(copied[from]), to)
		if anchored {
			file += "#" + heading
		}
		return found[:len(found)-len(m[2])-1] + file + ")"
	})
}

// relative is the way from a folder to a file; both are slash-separated and below one root.
func relative(folder, file string) string {
	up, down := strings.Split(folder, "/"), strings.Split(file, "/")
	for len(up) > 0 && len(down) > 1 && up[0] == down[0] {
		up, down = up[1:], down[1:]
	}
	return strings.Repeat("../", len(up)) + strings.Join(down, "/")
}
