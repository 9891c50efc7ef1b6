package amazontest

import (
	"crypto/md5" // what S3 makes ETags of
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// version is one version of an object, or the mark of its deletion.
type version struct {
	id, body string
	deleted  bool
	at       time.Time
}

func (v version) etag() string {
	sum := md5.Sum([]byte(v.body))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// Object gives the content of an object, by bucket/key; false if there is none.
func (a *Amazon) Object(path string) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, ok := a.newest(path)
	return v.body, ok
}

// Put puts an object, by bucket/key.
func (a *Amazon) Put(path, body string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.store(path, version{body: body})
}

// Remove removes an object with all its versions.
func (a *Amazon) Remove(path string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.objects, path)
}

func (a *Amazon) newest(path string) (version, bool) {
	all := a.objects[path]
	if len(all) == 0 || all[len(all)-1].deleted {
		return version{}, false
	}
	return all[len(all)-1], true
}

func (a *Amazon) store(path string, v version) version {
	a.made++
	v.id, v.at = "null", time.Now()
	if !a.versions {
		a.objects[path] = nil
	} else {
		v.id = "v" + strconv.Itoa(a.made)
	}
	a.objects[path] = append(a.objects[path], v)
	return v
}

func (a *Amazon) s3(w http.ResponseWriter, q *query) {
	asked := q.r.URL.Query()
	switch {
	case q.r.Method == http.MethodGet && asked.Has("versions"):
		a.listVersions(w, q)
	case q.r.Method == http.MethodGet && asked.Has("list-type"):
		a.list(w, q)
	case q.r.Method == http.MethodGet || q.r.Method == http.MethodHead:
		a.get(w, q, asked.Get("versionId"))
	case q.r.Method == http.MethodPut:
		a.put(w, q)
	case q.r.Method == http.MethodDelete:
		a.delete(w, q)
	default:
		q.refuse(w, http.StatusNotImplemented, "NotImplemented", "", "this stand-in does not know it")
	}
}

func (a *Amazon) get(w http.ResponseWriter, q *query, id string) {
	v, ok := a.newest(q.path)
	for _, old := range a.objects[q.path] {
		if id != "" && old.id == id {
			v, ok = old, !old.deleted
		}
	}
	if !ok || id != "" && v.id != id {
		q.refuse(w, http.StatusNotFound, "NoSuchKey", "", "The specified key does not exist.")
		return
	}
	w.Header().Set("ETag", v.etag())
	w.Header().Set("Last-Modified", v.at.UTC().Format(http.TimeFormat))
	w.Header().Set("x-amz-version-id", v.id)
	http.ServeContent(w, q.r, "", v.at, strings.NewReader(v.body))
}

func (a *Amazon) put(w http.ResponseWriter, q *query) {
	sum := sha256.Sum256([]byte(q.body))
	if want := q.r.Header.Get("X-Amz-Checksum-Sha256"); want != base64.StdEncoding.EncodeToString(sum[:]) {
		q.refuse(w, http.StatusBadRequest, "BadDigest", "", "The SHA256 you specified did not match what we received: "+want)
		return
	}
	now, there := a.newest(q.path)
	match, none := q.r.Header.Get("If-Match"), q.r.Header.Get("If-None-Match")
	switch {
	case match != "" && !there:
		q.refuse(w, http.StatusNotFound, "NoSuchKey", "", "The specified key does not exist.")
	case match != "" && match != now.etag(), none == "*" && there:
		q.refuse(w, http.StatusPreconditionFailed, "PreconditionFailed", "", "At least one of the pre-conditions you specified did not hold")
	default:
		v := a.store(q.path, version{body: q.body})
		w.Header().Set("ETag", v.etag())
		w.Header().Set("x-amz-version-id", v.id)
	}
}

func (a *Amazon) delete(w http.ResponseWriter, q *query) {
	now, there := a.newest(q.path)
	if match := q.r.Header.Get("If-Match"); match != "" && there && match != now.etag() {
		q.refuse(w, http.StatusPreconditionFailed, "PreconditionFailed", "", "At least one of the pre-conditions you specified did not hold")
		return
	}
	if a.versions {
		a.store(q.path, version{deleted: true})
	} else {
		delete(a.objects, q.path)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *Amazon) listVersions(w http.ResponseWriter, q *query) {
	prefix := q.r.URL.Query().Get("prefix")
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?><ListVersionsResult>`)
	for path, all := range a.objects {
		key, inside := strings.CutPrefix(path, strings.Trim(q.path, "/")+"/")
		for i := len(all) - 1; inside && i >= 0 && strings.HasPrefix(key, prefix); i-- {
			kind := "Version"
			if all[i].deleted {
				kind = "DeleteMarker"
			}
			fmt.Fprintf(w, `<%s><Key>%s</Key><VersionId>%s</VersionId><IsLatest>%v</IsLatest><LastModified>%s</LastModified><Size>%d</Size></%s>`,
				kind, key, all[i].id, i == len(all)-1, all[i].at.UTC().Format(time.RFC3339), len(all[i].body), kind)
		}
	}
	fmt.Fprint(w, `</ListVersionsResult>`)
}

// list is what Terraform asks for its workspaces: there are none beside the default one.
func (a *Amazon) list(w http.ResponseWriter, _ *query) {
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>`)
}
