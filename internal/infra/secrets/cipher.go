package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// sealed is how SOPS writes an encrypted value.
var sealed = regexp.MustCompile(`^ENC\[AES256_GCM,data:([^,]*),iv:([^,]*),tag:([^,]*),type:([^\]]*)\]$`)

const (
	keyLength = 32   // of the data key: AES-256
	maxNonce  = 1024 // SOPS uses 32 bytes
)

var (
	errNotSealed = errors.New("is not encrypted")
	errDamaged   = errors.New("cannot be decrypted: it was changed, moved from another key, or encrypted with another data key")
)

// unseal decrypts one value and returns it with its type, one of SOPS's str, int,
// float, bool, bytes, comment. Path is bound into the value, so that values cannot be
// exchanged: keys that lead to it, each followed by a colon.
func unseal(value string, key []byte, path string) (clear, kind string, err error) {
	fields := sealed.FindStringSubmatch(value)
	if fields == nil {
		return "", "", errNotSealed
	}
	var raw [3][]byte
	for i := range raw {
		if raw[i], err = base64.StdEncoding.DecodeString(fields[i+1]); err != nil {
			return "", "", errDamaged
		}
	}
	data, nonce, tag := raw[0], raw[1], raw[2]
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", "", fmt.Errorf("the data key has %d bytes instead of %d", len(key), keyLength)
	}
	if len(nonce) == 0 || len(nonce) > maxNonce {
		return "", "", errDamaged
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil || len(tag) != gcm.Overhead() {
		return "", "", errDamaged
	}
	plain, err := gcm.Open(nil, nonce, append(data, tag...), []byte(path))
	if err != nil {
		return "", "", errDamaged
	}
	return string(plain), fields[4], nil
}

// typed checks a clear value against its type and gives the YAML tag, the value as it
// is written in a document, and as it is counted in the MAC.
func typed(clear, kind string) (tag, text, counted string, err error) {
	switch kind {
	case "str", "bytes":
		return "!!str", clear, clear, nil
	case "int":
		if _, err := strconv.ParseInt(clear, 10, 64); err == nil {
			return "!!int", clear, clear, nil
		}
	case "float":
		if f, err := strconv.ParseFloat(clear, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			plain := strconv.FormatFloat(f, 'f', -1, 64)
			return "!!float", plain, plain, nil
		}
	case "bool":
		if b, err := strconv.ParseBool(clear); err == nil {
			return "!!bool", strconv.FormatBool(b), titled(b), nil
		}
	default:
		return "", "", "", &unsupportedError{fmt.Sprintf("is of type %q, which only sops itself knows", kind)}
	}
	return "", "", "", fmt.Errorf("is of type %q and does not hold one", kind)
}

// titled is how SOPS, once a Python program, counts truth values.
func titled(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
