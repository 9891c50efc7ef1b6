// Package reader reads JSON in which every value knows its file, line and path. An
// [Object] is asked for its keys one by one, each with its type, default and rules; what is
// wrong, and where each value came from, is collected in a [Report]. Keys that were
// never asked for are problems.
//
// What the keys mean is not known here.
package reader
