package shared

import (
	"fmt"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/testkit"
)

const recordPath = bucketName + "/" + recordKey

// saved loads, adds a guest, and saves.
func (r *rig) saved(place *Record, key string) {
	r.t.Helper()
	record := testkit.Try(place.Load(r.t.Context()))(r.t)
	record.Put(state.Object{Kind: "lxc", Key: key})
	testkit.Must(r.t, place.Save(r.t.Context(), record))
}

func TestRecordInS3(t *testing.T) {
	r := newRig(t)
	r.Versioned()
	r.saved(r.record(), "dns")
	first := r.Requests()
	testkit.Equal(t, "requests", len(first), 2)
	testkit.Equal(t, "If-None-Match of the first", first[1].Header.Get("If-None-Match"), "*")
	testkit.Equal(t, "encryption", first[1].Header.Get("X-Amz-Server-Side-Encryption"), "AES256")
	r.saved(r.record(), "web")
	second := r.Requests()
	if second[1].Header.Get("If-Match") == "" || second[1].Header.Get("If-None-Match") != "" {
		t.Errorf("the second is not fenced: %v", second[1].Header)
	}
	record := testkit.Try(r.record().Load(t.Context()))(t)
	if record.Serial != 2 || len(record.Objects) != 2 || record.Lineage == "" {
		t.Errorf("%+v", record)
	}
	versions := testkit.Try(r.record().Versions(t.Context()))(t)
	if len(versions) != 2 || !versions[0].Latest {
		t.Fatalf("%+v", versions)
	}
	old := testkit.Try(r.record().Version(t.Context(), versions[1].ID))(t)
	if old.Serial != 1 || len(old.Objects) != 1 {
		t.Errorf("%+v", old)
	}
	testkit.Fails(t, testkit.Err(r.record().Version(t.Context(), "v99")), "v99", "NoSuchKey")
}

func TestKMS(t *testing.T) {
	r := newRig(t)
	bucket := r.account.Bucket(bucketName, amazon.Encryption{On: true, KMSKey: "alias/states"})
	r.saved(NewRecord(bucket, recordKey), "dns")
	header := r.Requests()[1].Header
	testkit.Equal(t, "encryption", header.Get("X-Amz-Server-Side-Encryption"), "aws:kms")
	testkit.Equal(t, "key", header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"), "alias/states")
	r.saved(NewRecord(r.account.Bucket(bucketName, amazon.Encryption{}), recordKey), "web")
	testkit.Equal(t, "as the bucket has it", r.Requests()[1].Header.Get("X-Amz-Server-Side-Encryption"), "")
}

// Two writers: the second one does not overwrite what the first one saved.
func TestRecordIsFenced(t *testing.T) {
	r := newRig(t)
	for _, known := range []bool{false, true} {
		mine, other := r.record(), r.record()
		record := testkit.Try(mine.Load(t.Context()))(t)
		r.saved(other, fmt.Sprint("other ", known))
		before, _ := r.Object(recordPath)
		serial := record.Serial
		testkit.Fails(t, mine.Save(t.Context(), record), "s3://"+recordPath, "another run saved it", "journal stays")
		if after, _ := r.Object(recordPath); after != before || record.Serial != serial {
			t.Errorf("known %v: overwritten, serial %d", known, record.Serial)
		}
	}
	mine := r.record()
	record := testkit.Try(mine.Load(t.Context()))(t)
	r.Remove(recordPath)
	testkit.Fails(t, mine.Save(t.Context(), record), "NoSuchKey")
}

// The answer to a save is lost: it is found to be our own, and the next one is fenced by it.
func TestRecordWhoseAnswerIsLost(t *testing.T) {
	r := newRig(t)
	place := r.record()
	for range 2 { // the first, and a later one
		r.Once("PUT ", amazontest.Lost)
		r.saved(place, "dns")
		r.Fault(nil)
		r.saved(place, "web")
	}
	if record := testkit.Try(r.record().Load(t.Context()))(t); record.Serial != 4 {
		t.Errorf("serial %d", record.Serial)
	}
}

// What cannot be read is an error, never an empty record, and is not overwritten.
func TestRecordsThatCannotBeRead(t *testing.T) {
	r := newRig(t)
	r.saved(r.record(), "dns")
	whole, _ := r.Object(recordPath)
	for says, text := range map[string]string{
		"unexpected end":          whole[:len(whole)/2],
		"the file is empty":       "",
		"newer than":              strings.Replace(whole, `"version": 1`, `"version": 7`, 1),
		"a state of Terraform":    `{"version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "x", "resources": []}`,
		"not a record":            `{}`,
		"declare it under state,": `{"version": 2, "moved": "s3://x/y", "lineage": "z"}`,
	} {
		r.Put(recordPath, text)
		testkit.Fails(t, testkit.Err(r.record().Load(t.Context())), says, "s3://"+recordPath)
		if now, _ := r.Object(recordPath); now != text {
			t.Errorf("%s: overwritten", says)
		}
	}
}

// Credentials end between two saves.
func TestRecordWhenCredentialsEnd(t *testing.T) {
	r := newRig(t)
	place := r.record()
	record := testkit.Try(place.Load(t.Context()))(t)
	testkit.Must(t, place.Save(t.Context(), record))
	r.Always("PUT ", amazontest.Expired)
	testkit.Fails(t, place.Save(t.Context(), record), "save the record", "ExpiredToken", "aws-vault exec")
	r.Fault(nil)
	testkit.Must(t, place.Save(t.Context(), record))
}
