package hecsink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// hecEvent is an event as HEC takes it. Times may be numbers or numeric strings.
type hecEvent struct {
	Time       json.Number            `json:"time"`
	Host       string                 `json:"host"`
	Source     string                 `json:"source"`
	Sourcetype string                 `json:"sourcetype"`
	Index      string                 `json:"index"`
	Event      json.RawMessage        `json:"event"`
	Fields     map[string]fieldString `json:"fields"`
}

// fieldString is an indexed field: a string or a list of strings (HEC code 15 else).
type fieldString struct{}

func (fieldString) UnmarshalJSON(b []byte) error {
	var one string
	var many []string
	if json.Unmarshal(b, &one) != nil && json.Unmarshal(b, &many) != nil {
		return fmt.Errorf("a field is %s: want a string or a list of strings", b)
	}
	return nil
}

// validate reads every event of a body as Splunk would. It returns the HEC code of the
// first bad one with its number, or code 0.
func validate(body []byte) (code, number int, err error) {
	if !utf8.Valid(body) {
		return codeInvalidData, 0, errors.New("the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	for number = 0; ; number++ {
		var e hecEvent
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return codeSuccess, 0, nil
		} else if err != nil {
			return codeInvalidData, number, err
		}
		switch string(e.Event) {
		case "", "null":
			return codeEventRequired, number, errors.New("the event key is missing")
		case `""`, `{}`:
			return codeEventBlank, number, errors.New("the event is blank")
		}
	}
}
