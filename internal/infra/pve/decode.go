package pve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Int is an integer however the API writes it: 5, 5.0, 1e+08, "5", true, null or "".
type Int int64

// UnmarshalJSON implements json.Unmarshaler.
func (i *Int) UnmarshalJSON(b []byte) error {
	s, err := scalar(b)
	if err != nil {
		return err
	}
	if s == "" {
		*i = 0
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(s, 64)
		if ferr != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return fmt.Errorf("pve: %q is not an integer", s)
		}
		n = int64(f)
	}
	*i = Int(n)
	return nil
}

// scalar gives a JSON scalar as text: numbers without exponent, true as 1, false as 0,
// null as "". Anything else is given as JSON.
func scalar(b []byte) (string, error) {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0 || string(b) == "null":
		return "", nil
	case string(b) == "true":
		return "1", nil
	case string(b) == "false":
		return "0", nil
	case b[0] == '"':
		var s string
		err := json.Unmarshal(b, &s)
		return s, err
	case b[0] == '{' || b[0] == '[':
		var out bytes.Buffer
		err := json.Compact(&out, b)
		return out.String(), err
	}
	return number(string(b))
}

// maxExponent is far above what a number of the API has.
const maxExponent = 40

func number(s string) (string, error) {
	mantissa, exponent, ok := strings.Cut(strings.ToLower(s), "e")
	if !ok {
		return s, nil
	}
	if e, err := strconv.Atoi(exponent); err != nil || e > maxExponent || e < -maxExponent || len(mantissa) > maxExponent {
		return "", fmt.Errorf("pve: number %.50s is out of range", s)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return "", fmt.Errorf("pve: %q is not a number", s)
	}
	if r.IsInt() {
		return r.Num().String(), nil
	}
	return strings.TrimRight(r.FloatString(maxExponent+len(mantissa)), "0"), nil
}

// Config is the configuration of a guest, or another flat object, with every value as
// text. It holds its own digest (see Digest).
type Config map[string]string

// UnmarshalJSON implements json.Unmarshaler, so that Client.Get can fill a Config. The
// same key is a number in one version of the API and a string in another.
func (c *Config) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	out := make(Config, len(raw))
	for k, v := range raw {
		s, err := scalar(v)
		if err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		out[k] = s
	}
	*c = out
	return nil
}

// Digest names the state of the object that was read. A write that sends it is refused
// (IsStale) when somebody changed the object since.
func (c Config) Digest() string { return c["digest"] }

// Int is a value as an integer; false where it is none.
func (c Config) Int(key string) (int64, bool) {
	n, err := strconv.ParseInt(c[key], 10, 64)
	return n, err == nil
}

// Bool is a value as a boolean, which Proxmox VE writes as 0 and 1; or def when unset.
func (c Config) Bool(key string, def bool) bool {
	switch strings.ToLower(c[key]) {
	case "":
		return def
	case "1", "on", "yes", "true":
		return true
	}
	return false
}
