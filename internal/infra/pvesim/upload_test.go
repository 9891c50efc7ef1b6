package pvesim

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// upload sends a file as requests and Terraform's provider do: the fields first.
func (r *rig) upload(name, content string, kv ...string) reply {
	r.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i+1 < len(kv); i += 2 {
		testkit.Must(r, w.WriteField(kv[i], kv[i+1]))
	}
	part := testkit.Try(w.CreateFormFile("filename", name))(r)
	_ = testkit.Try(part.Write([]byte(content)))(r)
	testkit.Must(r, w.Close())
	req := testkit.Try(http.NewRequest("POST", r.url+"/api2/json/nodes/pve1/storage/local/upload", &body))(r)
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Authorization", "PVEAPIToken="+r.token)
	return r.send(req)
}

// ended is how the task of an answer ended.
func (r *rig) ended(a reply) string {
	r.Helper()
	upid := strings.Trim(string(a.Data), `"`)
	status, _ := r.object("/nodes/" + strings.Split(upid, ":")[1] + "/tasks/" + upid + "/status")["exitstatus"].(string)
	return status
}

func TestUploadIsChecked(t *testing.T) {
	r := newRig(t, Options{})
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // of FIPS 180-2
	testkit.Equal(t, "a file", r.ended(r.upload("tiny image.iso", "abc", "content", "iso")), "OK")
	testkit.Equal(t, "the checksum", r.ended(r.upload("t.tar.gz", "abc", "content", "vztmpl", "checksum-algorithm", "sha256", "checksum", strings.ToUpper(abc))), "OK")
	testkit.Holds(t, "another checksum", r.ended(r.upload("u.tar.gz", "abd", "content", "vztmpl", "checksum-algorithm", "sha256", "checksum", abc)), "checksum mismatch: got '")
	for _, algorithm := range []string{"md5", "sha1", "sha224", "sha384", "sha512"} {
		testkit.Holds(t, algorithm, r.ended(r.upload("u.tar.gz", "abc", "content", "vztmpl", "checksum-algorithm", algorithm, "checksum", "00")), "checksum mismatch: got '")
	}
	testkit.Equal(t, "overwritten", r.ended(r.upload("tiny image.iso", "abcd", "content", "iso")), "OK")
	list := get[[]map[string]any](r, "/nodes/pve1/storage/local/content", "content", "iso")
	if len(list) != 1 || list[0]["volid"] != "local:iso/tiny_image.iso" || list[0]["size"] != 4.0 {
		t.Errorf("content: %v", list)
	}
	testkit.Lacks(t, "content", r.ok("GET", "/nodes/pve1/storage/local/content"), "u.tar.gz")

	r.wrong("filename", "wrong file extension", r.upload("tiny.txt", "abc", "content", "iso"))
	r.wrong("content", "property is missing and it is not optional", r.upload("tiny.iso", "abc"))
	testkit.Equal(t, "a part without end", r.raw("POST", "/api2/json/nodes/pve1/storage/local/upload", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"a.iso\"\r\n\r\nabc").Status, 400)
	testkit.Equal(t, "no boundary", r.raw("POST", "/api2/json/nodes/pve1/storage/local/upload", "multipart/form-data", "abc").Status, 400)
	r.refused(500, "missing temporary file name", r.do("POST", "/nodes/pve1/storage/local/upload", "content", "iso", "filename", "a.iso"))
	r.token = "root@pam!sim=wrong"
	testkit.Equal(t, "a wrong token", r.upload("tiny.iso", "abc", "content", "iso").Status, 401)
}
