package stats

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"syslog-gateway/internal/testkit"
)

// TestComplaints: a scanner does not fill the log, and the number of suppressed lines is logged.
func TestComplaints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(testkit.Log)
		errorLog := newErrorLog(slog.New(slog.NewTextHandler(log, nil)))
		for i := range 100 {
			errorLog.Printf("http: TLS handshake error from 192.0.2.%d: EOF", i)
		}
		testkit.Equal(t, "errors were logged", strings.Count(log.String(), "handshake"), maxErrors)
		<-time.After(errorWindow) // the clock of the bubble: nobody waits
		errorLog.Print("another")
		testkit.Holds(t, "the log", log.String(), fmt.Sprintf("count=%d", 100-maxErrors), "complaint=another")
	})
}
