// Package redact takes secrets out of text before people see it. Whatever a server
// said, whatever holds a URL and whatever an error of a library says goes through
// here before it is cut, logged, shown or stored.
//
// [Secrets] knows tokens and passwords and finds them by what they are: no run of
// more than four characters of one is left, whether it is whole, cut or wrapped, plain
// or escaped (HTML, URL, JSON, and these within one another), in Base64 or in
// hexadecimal, in upper or lower case. [URLs] finds secrets by where they stand: user
// and password before the host of a URL, the values of its query, and what follows a
// word such as token=.
//
// A secret is longer than four characters. A shorter one is taken out only where it
// stands alone, for its characters are found everywhere.
package redact
