package workflow

import (
	"context"
	"fmt"
	"slices"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/workflow/upload"
)

// Access says how Proxmox VE and its nodes are reached.
type Access struct {
	API        pve.Options // Node comes from the declaration
	NodeHost   string      // a node's address for SSH (PROXMOX_VE_HOSTNAME); "": see upload.Uploader
	KnownHosts string      // file of host keys for SSH
}

// Cluster is a connection to Proxmox VE.
type Cluster struct {
	Client   *pve.Client
	Root     *pve.Client // root@pam by password, beside a token; nil without one
	SSH      *upload.Uploader
	Endpoint string // URL of the API
}

// Connect builds the clients for an estate. It sends nothing. With a token, a password of
// root@pam makes a second client, for the steps that need it and for nothing else.
func Connect(a Access, e *declaration.Estate) (*Cluster, error) {
	a.API.Node = e.Node
	client, err := pve.New(a.API)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Client: client, Endpoint: a.API.Endpoint, SSH: &upload.Uploader{Key: e.SSH.PrivateKey, User: e.SSH.User,
		API: client, KnownHosts: a.KnownHosts, Host: a.NodeHost, Endpoint: a.API.Endpoint}}
	if a.API.Token == "" || a.API.Username != "root@pam" || a.API.Password == "" {
		return c, nil
	}
	a.API.Token = ""
	if c.Root, err = pve.New(a.API); err != nil {
		client.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the connections.
func (c *Cluster) Close() {
	c.Client.Close()
	if c.Root != nil {
		c.Root.Close()
	}
}

// rootCA is the certificate of the authority that every cluster makes for itself and all
// its nodes share (Proxmox VE Administration Guide, Certificate Management).
const rootCA = "pve-root-ca.pem"

// identity distinguishes one Proxmox VE from another: the fingerprint of its root CA, which any
// user may read, or its address if it shows none.
func (c *Cluster) identity(ctx context.Context) (string, error) {
	var certificates []struct{ Filename, Fingerprint string }
	// The node that answers calls itself localhost.
	if err := c.Client.Get(ctx, pve.Path("nodes", "localhost", "certificates", "info"), nil, &certificates); err != nil {
		return "", fmt.Errorf("identify the cluster: %w", err)
	}
	for _, cert := range certificates {
		if cert.Filename == rootCA && cert.Fingerprint != "" {
			return "root CA " + cert.Fingerprint, nil
		}
	}
	return "address " + c.Endpoint, nil
}

// root gives a client that is root@pam itself; nil without such credentials.
func (c *Cluster) root() apply.API {
	switch {
	case c.Client.IsRoot():
		return c.Client
	case c.Root != nil:
		return c.Root
	}
	return nil
}

// tryRoot logs in as root@pam if a step of the plan needs it, so that a wrong password
// is found before the first step.
func (c *Cluster) tryRoot(ctx context.Context, p *plan.Plan) error {
	needsRoot := func(c change.Change) bool {
		return slices.ContainsFunc(c.Steps, func(s change.Step) bool { return s.Root })
	}
	if c.Root == nil || !slices.ContainsFunc(p.Changes, needsRoot) {
		return nil
	}
	if _, err := c.Root.Version(ctx); err != nil {
		return fmt.Errorf("nothing was done: a step needs root@pam, and its login with PROXMOX_VE_PASSWORD failed: %w", err)
	}
	return nil
}
