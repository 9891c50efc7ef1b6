// Package body reads the bodies that products write behind the syslog header: the columns
// of CSV, the keys of JSON, CEF and LEEF. Its functions are pure, do not allocate, and
// return views into the text. A body that is broken gives no value, never an error.
//
// Headers and times belong in package syslog. Which product writes what belongs in packages
// dialect and pack.
package body
