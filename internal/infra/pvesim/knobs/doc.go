// Package knobs is what a test does to the simulated cluster besides talking to it:
// [Failures] make requests and tasks fail, [Journal] shows what was requested, and [Hand]
// changes the state as another person would, without a request.
//
// How a request is answered without a failure is not decided here.
package knobs
