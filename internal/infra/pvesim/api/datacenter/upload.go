package datacenter

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// upload is the route by which files come onto datastores.
func (a content) upload() *api.Route {
	return &api.Route{Method: "POST", Path: "/nodes/{node}/storage/{storage}/upload", Groups: []string{"storage"},
		Check: api.Need("/storage/{storage}", "Datastore.AllocateTemplate"), Handle: on(a.cluster, a.put), Params: `
			checksum str requires=checksum-algorithm
			checksum-algorithm str enum=md5|sha1|sha224|sha256|sha384|sha512 requires=checksum
			content! str enum=iso|vztmpl|import
			filename! str len=..255
			tmpfilename str re=/var/tmp/pveupload-[0-9a-f]+`}
}

var unsafeName = regexp.MustCompile(`[^-a-zA-Z0-9_.]`)

// put takes an upload. A file of the same name is overwritten, as in reality.
func (a content) put(c *api.Call, st *store.Datastore) (any, error) {
	kind := c.Str("content")
	name := unsafeName.ReplaceAllString(path.Base(strings.ReplaceAll(c.Str("filename"), `\`, "/")), "_")
	switch {
	case !slices.ContainsFunc(extensions(kind), func(e string) bool { return len(name) > len(e) && strings.HasSuffix(strings.ToLower(name), e) }):
		return nil, refusal.BadParam("filename", "wrong file extension")
	case !slices.Contains(st.Content, kind):
		return nil, refusal.Fail("storage '%s' does not support '%s' content", st.ID, kind)
	case c.Upload == nil:
		return nil, refusal.Fail("missing temporary file name")
	}
	v := &store.Volume{ID: st.ID + ":" + kind + "/" + name, Content: kind, Format: store.FileFormat(name), Size: c.Upload.Size, Unpacked: 4 * c.Upload.Size}
	return c.Start("imgcopy", "", func(t *task.Task) error {
		t.Logf("starting file import from: /var/tmp/pveupload")
		if want := c.Str("checksum"); want != "" {
			t.Logf("calculating checksum...")
			if got := c.Upload.Checksum; !strings.EqualFold(got, want) {
				return refusal.Fail("checksum mismatch: got '%s' != expect '%s'", got, want)
			}
			t.Logf("OK, checksum verified")
		}
		if !st.Fits(v.Size) {
			return refusal.Fail("import failed: No space left on device")
		}
		a.cluster.Datastores.PutFile(st, v)
		t.Logf("target node: %s", t.Node)
		t.Logf("target file: %s", a.cluster.Datastores.FilePath(v))
		t.Logf("file size is: %s", store.FormatSize(v.Size))
		t.Logf("finished file import successfully")
		return nil
	}).UPID, nil
}
