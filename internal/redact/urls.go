package redact

import "strings"

// telling are the names whose values are secrets wherever they stand. A name that ends
// with one of them counts too.
var telling = []string{"token", "password", "passwd", "secret", "apikey", "api_key", "access_key", "authorization"}

// URL returns what is meant to be a URL, and may be none, without what is before its
// last @ and without the values of its query.
func URL(url string) string {
	hide := make([]bool, len(url))
	hideUser(url, hide)
	hideValues(url, hide)
	return cover(url, hide)
}

// URLs does to each URL in a text what [URL] does, and takes out what follows a telling
// name and an equals sign.
func URLs(text string) string {
	if !strings.ContainsAny(text, "@=") {
		return text
	}
	hide := make([]bool, len(text))
	for i := 0; i < len(text); {
		n := word(text[i:])
		if n == 0 {
			i++
			continue
		}
		url := text[i : i+n]
		user, _, ok := strings.Cut(url, "@")
		if ok && (strings.Contains(user, "//") || strings.Contains(user, ":") && user[0] != '/') {
			hideUser(url, hide[i:i+n])
		}
		hideValues(url, hide[i:i+n])
		i += n
	}
	return cover(text, hide)
}

// word is the length of what may be one URL.
func word(text string) int {
	if i := strings.IndexAny(text, " \t\r\n\"'`,<>()[]{}"); i >= 0 {
		// The address of IPv6 is in brackets, and may be followed by a port and a path.
		if text[i] == '[' && strings.HasSuffix(text[:i], "//") || i > 0 && text[i] == '[' && text[i-1] == '@' {
			if end := strings.IndexByte(text[i:], ']'); end > 0 {
				return i + end + 1 + word(text[i+end+1:])
			}
		}
		return i
	}
	return len(text)
}

// hideUser hides what is before the last @ of a URL.
func hideUser(url string, hide []bool) {
	end := strings.LastIndexByte(url, '@')
	if end < 0 {
		return
	}
	begin := 0
	if i := strings.Index(url, "//"); i >= 0 && i < end {
		begin = i + 2
	}
	cross(hide[begin:end])
}

// hideValues hides what a URL's query and fragment hold but the names, and what follows
// a telling name elsewhere.
func hideValues(url string, hide []bool) {
	query := len(url)
	if i := strings.IndexAny(url, "?#"); i >= 0 && strings.Contains(url[:i], "/") {
		query = i
	}
	for i := 0; i < query; i++ {
		if url[i] == '=' && tells(url[:i]) {
			end := i + 1 + pieceOf(url[i+1:])
			cross(hide[i+1 : end])
			i = end
		}
	}
	for i := query + 1; i < len(url); i++ {
		end := i + pieceOf(url[i:])
		if name := strings.IndexByte(url[i:end], '='); name >= 0 && url[i-1] != '#' {
			i += name + 1
		}
		cross(hide[i:end])
		i = end
	}
}

// pieceOf is how far a part of a query goes.
func pieceOf(text string) int {
	if i := strings.IndexAny(text, "&;#"); i >= 0 {
		return i
	}
	return len(text)
}

func cross(hide []bool) {
	for i := range hide {
		hide[i] = true
	}
}

// tells reports whether a text ends with a telling name.
func tells(text string) bool {
	for _, name := range telling {
		if n := len(text) - len(name); n >= 0 && strings.EqualFold(text[n:], name) {
			return true
		}
	}
	return false
}
