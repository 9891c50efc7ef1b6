// Package report turns the runs of a suite into what people read: a Markdown file, one HTML
// file that needs nothing beside it, and the table of the README.
//
// Figures are medians of the runs, with the lowest and the highest. Subjects are compared
// only where the machine was quiet in all their runs; otherwise the report says which
// run was disturbed and by how much, and prints no ratio.
package report
