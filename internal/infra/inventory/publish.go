package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

// Publish writes the inventory of an estate to files by Sync. nodes says where guests are,
// by VMID, if that is not where they are declared; by is the program that does it.
func Publish(e *declaration.Estate, nodes map[int]string, targets []string, by string) ([]Result, error) {
	text, err := Document(e.Placed(nodes))
	if err != nil {
		return nil, err
	}
	meta, err := NewMeta(e, text, by)
	if err != nil {
		return nil, err
	}
	return Sync(targets, text, meta)
}

// Meta is the sidecar terraform_inventory.meta.json: the document itself has no field
// for it, since its readers refuse keys that they do not know.
type Meta struct {
	Version      int    `json:"version"`       // of the sidecar's shape
	DesiredState string `json:"desired_state"` // Fingerprint of the declaration that was applied
	Inventory    string `json:"inventory"`     // SHA-256 of the document beside it
	Guests       int    `json:"guests"`
	WrittenBy    string `json:"written_by"` // program and version
}

// Fingerprint is "sha256:" and the digest of all that is declared for Proxmox VE and
// Ansible; two declarations of the same estate have the same one. Secrets and keys to the node
// are not part of it.
func Fingerprint(e *declaration.Estate) (string, error) {
	bare := *e
	bare.SSH, bare.Notes, bare.InventorySync = declaration.SSH{}, nil, nil
	text, err := json.Marshal(bare)
	if err != nil {
		return "", fmt.Errorf("inventory: fingerprint: %w", err)
	}
	return digest(text), nil
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// NewMeta describes the document of an estate; by is the program that writes it.
func NewMeta(e *declaration.Estate, document []byte, by string) (Meta, error) {
	desired, err := Fingerprint(e)
	if err != nil {
		return Meta{}, err
	}
	return Meta{Version: 1, DesiredState: desired, Inventory: digest(document), Guests: len(e.Guests()), WrittenBy: by}, nil
}
