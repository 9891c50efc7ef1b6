// Package redact removes secrets from text before people see it. Answers of servers, texts
// with URLs and errors of libraries pass through it before they are cut, logged, shown or
// stored.
//
// [Secrets] knows tokens and passwords. It leaves no more than four characters of one in a
// row: complete, cut or wrapped, plain or escaped (HTML, URL, JSON, also nested), in Base64
// or hexadecimal, in upper or lower case. [URLs] finds secrets by their position: user and
// password before the host of a URL, the values of its query, and what follows a word such
// as token=.
//
// A secret of up to four characters is removed only where it is a whole word, because its
// characters occur everywhere.
package redact
