package dialect_test

import (
	"os"
	"testing"

	"syslog-gateway/internal/dialect"
)

const referenceFile = "../../docs/metadata.md"

// TestReference holds docs/metadata.md to the tables. UPDATE=1 writes the file.
func TestReference(t *testing.T) {
	want := dialect.Reference()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(referenceFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the tables say; UPDATE=1 go test ./internal/dialect writes it anew", referenceFile)
	}
}
