package apply_test

import (
	"os"
	"testing"

	"syslog-gateway/internal/testkit"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	return testkit.Try(os.ReadFile(path))(t)
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	testkit.Must(t, os.WriteFile(path, data, 0o600))
}
