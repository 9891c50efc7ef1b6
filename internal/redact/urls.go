package redact

import "strings"

// secretNames are the names whose values are secrets anywhere. A name may also
// end with one of them.
var secretNames = []string{"token", "password", "passwd", "secret", "apikey", "api_key", "access_key", "authorization"}

// URL returns a URL without what is before its last @ and without the values of its query.
// The URL may be invalid.
func URL(url string) string {
	hide := make([]bool, len(url))
	hideUser(url, hide)
	hideValues(url, hide)
	return cover(url, hide)
}

// URLs applies [URL] to each URL in a text, and removes what follows a secret name and an
// equals sign.
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

// word returns the length of what may be one URL at the front of a text.
func word(text string) int {
	if i := strings.IndexAny(text, " \t\r\n\"'`,<>()[]{}"); i >= 0 {
		// An IPv6 address is in brackets, and a port and a path may follow.
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
	hideAll(hide[begin:end])
}

// hideValues hides query and fragment of a URL except for the names, and what follows a
// secret name elsewhere.
func hideValues(url string, hide []bool) {
	query := len(url)
	if i := strings.IndexAny(url, "?#"); i >= 0 && strings.Contains(url[:i], "/") {
		query = i
	}
	for i := 0; i < query; i++ {
		if url[i] == '=' && endsWithSecretName(url[:i]) {
			end := i + 1 + pieceOf(url[i+1:])
			hideAll(hide[i+1 : end])
			i = end
		}
	}
	for i := query + 1; i < len(url); i++ {
		end := i + pieceOf(url[i:])
		if name := strings.IndexByte(url[i:end], '='); name >= 0 && url[i-1] != '#' {
			i += name + 1
		}
		hideAll(hide[i:end])
		i = end
	}
}

// pieceOf returns the length of the part of a query at the front of a text.
func pieceOf(text string) int {
	if i := strings.IndexAny(text, "&;#"); i >= 0 {
		return i
	}
	return len(text)
}

// hideAll hides all bytes.
func hideAll(hide []bool) {
	for i := range hide {
		hide[i] = true
	}
}

// endsWithSecretName reports whether a text ends with a secret name.
func endsWithSecretName(text string) bool {
	for _, name := range secretNames {
		if n := len(text) - len(name); n >= 0 && strings.EqualFold(text[n:], name) {
			return true
		}
	}
	return false
}
