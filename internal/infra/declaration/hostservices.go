package declaration

import (
	"encoding/json"
)

// hostServices checks what Ansible builds on the node itself and keeps it as it was
// written, for the inventory.
type hostServices struct{ report *Report }

func (b hostServices) read(r *Object) json.RawMessage {
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

func (b hostServices) nas(o *Object) {
	for _, key := range []string{"zfs_dataset", "zfs_quota", "smb_share_name"} {
		o.NeedText(key, singleLine)
	}
	o.NeedText("mount_point", absolute)
	if o.Get("directories") == nil {
		o.Missing("directories")
	}
	o.Texts("directories", nil, notEmpty, singleLine)
	o.Typed("group_name", KindText)
	o.Typed("description", KindText)
	for _, u := range o.Objects("managed_users") {
		u.NeedText("name", pattern(wordText, "is not a login name", ""))
		u.NeedText("password_secret_env", pattern(envName, "is not the name of a variable", "such as NAS_USER_PASSWORD; the password itself stays in the environment"))
		u.Texts("unix_groups", nil, notEmpty)
		u.Typed("shell", KindText)
		u.Typed("create_home", KindFlag)
		u.End()
	}
	for _, s := range o.Objects("shares") {
		s.NeedText("name", singleLine)
		s.NeedText("path", absolute)
		s.NeedText("valid_users", singleLine)
		s.Typed("browsable", KindFlag)
		s.Typed("read_only", KindFlag)
		s.Typed("force_group", KindText)
		s.Typed("comment", KindText)
		for _, mask := range []string{"create_mask", "directory_mask"} {
			if v := s.Typed(mask, KindText); v != nil {
				b.report.Check(v, []TextRule{pattern(octal, "is not an octal mask", "such as 0664")})
			}
		}
		s.End()
	}
	o.End()
}
