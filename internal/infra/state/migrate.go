package state

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Source says where Terraform's state is.
type Source struct {
	Location string // a file, or s3://bucket/key
	Region   string // of the bucket and the table; "": as AWS_REGION or the profile says
	Table    string // DynamoDB table of locks; "": none is checked
	Endpoint string // in place of AWS's, for S3 and DynamoDB stand-ins
}

// Migration is what Terraform manages, as its state says.
type Migration struct {
	Source    string      `json:"source"`
	Terraform string      `json:"terraform"` // version that wrote the state
	Serial    uint64      `json:"serial"`
	Lineage   string      `json:"lineage"`
	Items     []Item      `json:"items"`
	Locks     []StateLock `json:"locks,omitempty"`   // who holds locks on it now
	Warning   string      `json:"warning,omitempty"` // the state may not be the newest
}

// StateLock is a lock on a Terraform state.
type StateLock struct {
	Where     string    `json:"where"` // s3://… or dynamodb:…
	ID        string    `json:"id"`
	Operation string    `json:"operation"`
	Who       string    `json:"who"`
	Version   string    `json:"version"`
	Created   time.Time `json:"created"`
	Info      string    `json:"info,omitempty"` // more, such as where the journal is
}

// String names the holder for people.
func (l StateLock) String() string {
	operation, terraform := strings.CutPrefix(l.Operation, "OperationType")
	tool := l.Version
	if terraform {
		tool = strings.TrimSpace("Terraform or OpenTofu " + l.Version)
	}
	s := fmt.Sprintf("%s is locked by %s for %s", l.Where, l.Who, operation)
	if !l.Created.IsZero() {
		s += " since " + l.Created.Local().Format(time.DateTime)
	}
	if l.ID != "" {
		s += fmt.Sprintf(" (%s, lock ID %s)", tool, l.ID)
	}
	if l.Info != "" {
		s += "; " + l.Info
	}
	return s
}

// Guests gives the items that are VMs and containers.
func (m *Migration) Guests() []Item {
	var guests []Item
	for _, i := range m.Items {
		if i.Kind == KindContainer || i.Kind == KindVM {
			guests = append(guests, i)
		}
	}
	return guests
}

// Migrate reads a Terraform state and its locks. It changes neither.
func Migrate(ctx context.Context, s Source) (*Migration, error) {
	bucket, key, remote, err := s.object()
	if err != nil {
		return nil, err
	}
	m := &Migration{Source: s.Location}
	var data []byte
	if remote {
		data, err = m.fetch(ctx, s, bucket, key)
	} else {
		data, err = m.open(s.Location)
	}
	if err != nil {
		return nil, err
	}
	st, err := decodeState(data)
	if err != nil {
		return nil, fmt.Errorf("state: Terraform's state %s: %w", s.Location, err)
	}
	if m.Items, err = st.items(); err != nil {
		return nil, fmt.Errorf("state: Terraform's state %s: %w", s.Location, err)
	}
	m.Terraform, m.Serial, m.Lineage = st.TerraformVersion, st.Serial, st.Lineage
	return m, nil
}

// object splits s3://bucket/key; false for a file.
func (s Source) object() (bucket, key string, remote bool, err error) {
	rest, ok := strings.CutPrefix(s.Location, "s3://")
	if !ok {
		if i := strings.Index(s.Location, "://"); i > 0 {
			return "", "", false, fmt.Errorf("state: %s is not read: give a file, or s3://bucket/key", s.Location)
		}
		return "", "", false, nil
	}
	bucket, key, _ = strings.Cut(rest, "/")
	if bucket == "" || key == "" {
		return "", "", false, fmt.Errorf("state: %s names no object: it should look like s3://bucket/path/terraform.tfstate", s.Location)
	}
	return bucket, key, true, nil
}

// maxState is the largest state that is read, in bytes; real ones are far smaller.
const maxState = 64 << 20

func (m *Migration) open(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("state: Terraform's state: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxState {
		return nil, fmt.Errorf("state: Terraform's state %s: not a file of at most %d MiB", path, maxState>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("state: Terraform's state: %w", err)
	}
	// Terraform's own lock on a local state.
	dir, base := filepath.Split(path)
	if lock, err := os.ReadFile(dir + "." + base + ".lock.info"); err == nil {
		m.lock(path, lock)
	}
	return data, nil
}
