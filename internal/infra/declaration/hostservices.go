package declaration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// hostServices checks what Ansible builds on the node itself and keeps it as it was
// written, for the inventory.
func (b *builder) hostServices(r *object) {
	hs := r.object("host_services")
	if hs == nil {
		return
	}
	if nas := hs.object("nas"); nas != nil {
		b.nas(nas)
	}
	hs.end()
	b.e.HostServices = hs.v.raw()
}

func (b *builder) nas(o *object) {
	for _, key := range []string{"zfs_dataset", "zfs_quota", "smb_share_name"} {
		o.needText(key, singleLine)
	}
	o.needText("mount_point", absolute)
	if o.get("directories") == nil {
		o.missing("directories")
	}
	o.texts("directories", nil, notEmpty, singleLine)
	o.typed("group_name", isText)
	o.typed("description", isText)
	for _, u := range o.objects("managed_users") {
		u.needText("name", pattern(wordText, "is not a login name", ""))
		u.needText("password_secret_env", pattern(envName, "is not the name of a variable", "such as NAS_USER_PASSWORD; the password itself stays in the environment"))
		u.texts("unix_groups", nil, notEmpty)
		u.typed("shell", isText)
		u.typed("create_home", isFlag)
		u.end()
	}
	for _, s := range o.objects("shares") {
		s.needText("name", singleLine)
		s.needText("path", absolute)
		s.needText("valid_users", singleLine)
		s.typed("browsable", isFlag)
		s.typed("read_only", isFlag)
		s.typed("force_group", isText)
		s.typed("comment", isText)
		for _, mask := range []string{"create_mask", "directory_mask"} {
			if v := s.typed(mask, isText); v != nil {
				b.check(v, []rule{pattern(octal, "is not an octal mask", "such as 0664")})
			}
		}
		s.end()
	}
	o.end()
}

// raw is the value as compact JSON, without comments.
func (v *value) raw() json.RawMessage {
	var b bytes.Buffer
	v.write(&b)
	return b.Bytes()
}

func (v *value) write(b *bytes.Buffer) {
	switch v.kind {
	case isObject:
		b.WriteByte('{')
		comma := ""
		for _, m := range v.members {
			if m.name != comment {
				fmt.Fprintf(b, "%s%s:", comma, quoted(m.name))
				m.value.write(b)
				comma = ","
			}
		}
		b.WriteByte('}')
	case isList:
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.write(b)
		}
		b.WriteByte(']')
	case isText:
		b.WriteString(quoted(v.text))
	default:
		b.WriteString(v.text)
	}
}

// quoted is a JSON string, with & < > as they are.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string into a buffer: can't fail
	return strings.TrimSuffix(b.String(), "\n")
}
