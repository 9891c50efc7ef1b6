package state

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/durable"
)

// recordVersion is the version of the file's format. A newer one is refused.
const recordVersion = 1

// Record is what was applied last.
type Record struct {
	Version     int       `json:"version"`
	Serial      int       `json:"serial"`            // grows by one with each Save
	Lineage     string    `json:"lineage,omitempty"` // the same for all serials of a record that is shared
	Updated     time.Time `json:"updated"`
	Deployment  string    `json:"deployment,omitempty"`  // the declaration's file
	Fingerprint string    `json:"fingerprint,omitempty"` // of the declaration, if all of it was applied
	Cluster     string    `json:"cluster,omitempty"`     // identity of the Proxmox VE that it belongs to
	Objects     []Object  `json:"objects"`               // by Kind, then Key
}

// Object is a guest or pool that we created or adopted.
type Object struct {
	Kind      string `json:"kind"` // lxc, qemu, pool, …: what Proxmox VE calls it
	Key       string `json:"key"`  // of the declaration
	VMID      int    `json:"vmid,omitempty"`
	Node      string `json:"node,omitempty"`
	Name      string `json:"name,omitempty"`
	Class     string `json:"class,omitempty"` // of the firewall
	Protected bool   `json:"protected,omitempty"`
	// Unprotected says that "protection": false was declared, and is not just the default.
	Unprotected bool      `json:"unprotected,omitempty"`
	Applied     time.Time `json:"applied"`
	// Inputs only count when a guest is created, such as its template or the hash of its
	// cloud-init. They are never compared with the guest, and hold no secrets.
	Inputs map[string]string `json:"inputs,omitempty"`
}

// Find gives the object of a kind with a key.
func (r *Record) Find(kind, key string) (Object, bool) {
	i, ok := r.place(kind, key)
	if !ok {
		return Object{}, false
	}
	return r.Objects[i], true
}

// Guest gives the VM or container with a VMID.
func (r *Record) Guest(vmid int) (Object, bool) {
	for _, o := range r.Objects {
		if o.VMID == vmid && (o.Kind == "lxc" || o.Kind == "qemu") {
			return o, true
		}
	}
	return Object{}, false
}

// Put adds an object, or replaces the one with its kind and key.
func (r *Record) Put(o Object) {
	i, ok := r.place(o.Kind, o.Key)
	if ok {
		r.Objects[i] = o
		return
	}
	r.Objects = slices.Insert(r.Objects, i, o)
}

// Remove takes an object out.
func (r *Record) Remove(kind, key string) {
	if i, ok := r.place(kind, key); ok {
		r.Objects = slices.Delete(r.Objects, i, i+1)
	}
}

func (r *Record) place(kind, key string) (int, bool) {
	return slices.BinarySearchFunc(r.Objects, Object{Kind: kind, Key: key}, compare)
}

func compare(a, b Object) int {
	return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Key, b.Key))
}

// Load reads the record. If there is none, it gives an empty one. The error is a
// *MovedError if it was moved.
func (d *Dir) Load(context.Context) (*Record, error) {
	path := d.file(recordName)
	data, err := os.ReadFile(path)
	if missing(err) {
		return &Record{Version: recordVersion}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: read the record: %w", err)
	}
	r, err := Decode(data)
	if moved, ok := errors.AsType[*MovedError](err); ok {
		moved.Folder = d.path
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("state: record %s: %w; restore a copy, or move it away and run `provision adopt`: the record only says what was applied", path, err)
	}
	return r, nil
}

// Decode reads the text of a record. What is not wholly one is an error.
func Decode(data []byte) (*Record, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("the file is empty")
	}
	var form struct {
		Version   int
		Moved     string
		Lineage   string
		Terraform string `json:"terraform_version"`
	}
	if err := json.Unmarshal(data, &form); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if form.Terraform != "" {
		return nil, errors.New("it is a state of Terraform, not a record of provision; the record needs a key of its own")
	}
	if form.Version == movedVersion && form.Moved != "" {
		return nil, &MovedError{To: form.Moved, Lineage: form.Lineage}
	}
	if form.Version > recordVersion {
		return nil, fmt.Errorf("its version %d is newer than %d, the newest that this program knows: use a newer program", form.Version, recordVersion)
	}
	if form.Version < 1 {
		return nil, errors.New("it has no version: not a record of provision")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	r := new(Record)
	if err := dec.Decode(r); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is data after its end")
	}
	return r, r.check()
}

func (r *Record) check() error {
	slices.SortStableFunc(r.Objects, compare)
	for i, o := range r.Objects {
		if o.Kind == "" || o.Key == "" {
			return errors.New("an object has no kind or no key")
		}
		if i > 0 && compare(r.Objects[i-1], o) == 0 {
			return fmt.Errorf("%s %s is there twice", o.Kind, o.Key)
		}
	}
	return nil
}

// Next gives the record as it is saved next, with a higher serial and a new time, and its
// text.
func (r *Record) Next() (*Record, []byte, error) {
	if err := r.check(); err != nil {
		return nil, nil, err
	}
	next := *r
	next.Version, next.Serial, next.Updated = recordVersion, r.Serial+1, time.Now().UTC().Truncate(time.Second)
	if next.Objects == nil {
		next.Objects = []Object{}
	}
	data, err := json.MarshalIndent(next, "", "  ")
	return &next, append(data, '\n'), err
}

// Save replaces the record on disk. It raises r's serial and sets its time. The caller
// holds the lock.
func (d *Dir) Save(_ context.Context, r *Record) error {
	next, data, err := r.Next()
	if err == nil {
		err = durable.WriteFile(d.file(recordName), data, fileMode)
	}
	if err != nil {
		return fmt.Errorf("state: save the record: %w", err)
	}
	*r = *next
	return nil
}

const (
	recordName  = "record.json"
	lockName    = "lock.json"
	guardName   = "lock.guard"
	journalName = "journal.jsonl"

	fileMode = 0o600
	dirMode  = 0o700
)

// Dir is the folder of record, lock and journal.
type Dir struct{ path string }

// Open creates the folder if it does not exist.
func Open(path string) (*Dir, error) {
	d, err := At(path)
	if err == nil {
		err = d.create()
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// At is Open for those who may only read: the folder is created by Lock.
func At(path string) (*Dir, error) {
	if path == "" {
		return nil, errors.New("state: no folder given")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("state: folder %s: %w", path, err)
	}
	return &Dir{path: abs}, nil
}

// create makes the folder.
func (d *Dir) create() error {
	if err := durable.MkdirAll(d.path, dirMode); err != nil {
		return fmt.Errorf("state: create the folder: %w", err)
	}
	return nil
}

// String is the folder's path.
func (d *Dir) String() string { return d.path }

func (d *Dir) file(name string) string { return filepath.Join(d.path, name) }

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
