// Package screen shows the state of a running gateway in a terminal: [WriteStatus] as plain
// text for people and scripts, [Top] as a screen that is kept up to date. Both show what the
// API says.
//
// Names, lines and answers of others are text: control characters are shown as \x1b and the
// like, so that no terminal obeys them.
package screen
