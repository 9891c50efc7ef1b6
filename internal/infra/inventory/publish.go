package inventory

import (
	"fmt"

	"syslog-gateway/internal/infra/declaration"
)

// Document gives the inventory of an estate as JSON, checked against its schema.
func Document(e *declaration.Estate) ([]byte, error) {
	inv, err := Build(e)
	if err != nil {
		return nil, err
	}
	text, err := inv.JSON()
	if err != nil {
		return nil, err
	}
	wrong, err := Check(text)
	if err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("the inventory would break its schema: %v", wrong)
	}
	return text, nil
}

// Publish writes the inventory of an estate to files by Sync; by is the program that
// does it.
func Publish(e *declaration.Estate, targets []string, by string) ([]Result, error) {
	text, err := Document(e)
	if err != nil {
		return nil, err
	}
	meta, err := NewMeta(e, text, by)
	if err != nil {
		return nil, err
	}
	return Sync(targets, text, meta)
}
