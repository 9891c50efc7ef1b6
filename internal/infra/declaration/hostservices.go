package declaration

import (
	"encoding/json"

	"syslog-gateway/internal/infra/declaration/reader"
)

// hostServices checks what Ansible builds on the node itself and keeps it as it was
// written, for the inventory.
type hostServices struct{ report *reader.Report }

func (b hostServices) read(r *reader.Object) json.RawMessage {
	hs := r.Object("host_services")
	if hs == nil {
		return nil
	}
	if nas := hs.Object("nas"); nas != nil {
		b.nas(nas)
	}
	hs.End()
	return hs.Value.Raw()
}

func (b hostServices) nas(o *reader.Object) {
	for _, key := range []string{"zfs_dataset", "zfs_quota", "smb_share_name"} {
		o.NeedText(key, singleLine)
	}
	o.NeedText("mount_point", absolute)
	if o.Get("directories") == nil {
		o.Missing("directories")
	}
	o.Texts("directories", nil, reader.NotEmpty, singleLine)
	o.Typed("group_name", reader.KindText)
	o.Typed("description", reader.KindText)
	for _, u := range o.Objects("managed_users") {
		u.NeedText("name", pattern(wordText, "is not a login name", ""))
		u.NeedText("password_secret_env", pattern(envName, "is not the name of a variable", "such as NAS_USER_PASSWORD; the password itself stays in the environment"))
		u.Texts("unix_groups", nil, reader.NotEmpty)
		u.Typed("shell", reader.KindText)
		u.Typed("create_home", reader.KindFlag)
		u.End()
	}
	for _, s := range o.Objects("shares") {
		s.NeedText("name", singleLine)
		s.NeedText("path", absolute)
		s.NeedText("valid_users", singleLine)
		s.Typed("browsable", reader.KindFlag)
		s.Typed("read_only", reader.KindFlag)
		s.Typed("force_group", reader.KindText)
		s.Typed("comment", reader.KindText)
		for _, mask := range []string{"create_mask", "directory_mask"} {
			if v := s.Typed(mask, reader.KindText); v != nil {
				b.report.Check(v, []reader.Rule{pattern(octal, "is not an octal mask", "such as 0664")})
			}
		}
		s.End()
	}
	o.End()
}
