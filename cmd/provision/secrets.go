package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/secrets"
	"syslog-gateway/internal/infra/secrets/github"
	"syslog-gateway/internal/infra/secrets/needs"
	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/redact"
)

// encryptedName is the file of values beside the declaration if no flag gives one.
const encryptedName = "secrets.enc.yaml"

// tokens are the variables of a GitHub token, as the program gh reads them. They are those
// of a person: no workflow ever gets them.
func tokens() []string { return []string{"GH_TOKEN", "GITHUB_TOKEN"} }

func newSecrets(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secrets",
		Short: "The secrets that the estate's GitHub workflows read: listed, checked, set",
		Long: `Reads which secrets the workflows in .github/workflows name, and looks for their values:
in the environment first, as doppler run, aws-vault exec or a keychain set it, then in
secrets.enc.yaml beside the declaration, encrypted with SOPS. Values are never printed.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(newSecretsList(s), newSecretsCheck(s), newSecretsSync(s))
	return cmd
}

// secretFlags say where names and values are.
type secretFlags struct {
	workflows, file, repository string
}

func (f *secretFlags) flags(cmd *cobra.Command, github string) {
	cmd.Flags().StringVar(&f.workflows, "workflows", "", "`DIR` of the workflows (default: .github/workflows of the declaration's repository)")
	cmd.Flags().StringVar(&f.file, "sops", "", "`FILE` with values, encrypted with SOPS (default: secrets.enc.yaml beside the declaration, if there is one)")
	if github != "" {
		cmd.Flags().StringVar(&f.repository, "github", "", github)
	}
}

// secret is one name that workflows read, and where its value is.
type secret struct {
	Name   string   `json:"name"`
	State  string   `json:"state"`            // found or missing, on this machine
	Where  string   `json:"where,omitempty"`  // of what was found
	GitHub string   `json:"github,omitempty"` // set or missing; "" if GitHub was not asked
	Files  []string `json:"files"`

	value redact.Secret
}

const (
	stateFound   = "found"
	stateMissing = "missing"
	stateSet     = "set"
)

// find reads the workflows and looks for the values.
func (f *secretFlags) find(ctx context.Context, s *settings) (all []secret, notes []string, err error) {
	folder := cmp.Or(f.workflows, needs.Folder(s.deployment()))
	if folder == "" {
		return nil, nil, fmt.Errorf("there is no .github/workflows in the repository of %s: name the folder with --workflows", s.deployment())
	}
	found, err := needs.Read(folder)
	if err != nil {
		return nil, nil, err
	}
	sources := needs.Sources{Env: os.Getenv, Reserved: tokens()}
	file := cmp.Or(f.file, filepath.Join(filepath.Dir(s.deployment()), encryptedName))
	if _, missing := os.Lstat(file); missing == nil || f.file != "" {
		if err := sources.Load(ctx, file, secrets.Options{Env: os.Getenv, Home: home()}); err != nil {
			return nil, nil, err
		}
	}
	for _, n := range found.Needs {
		one := secret{Name: n.Name, Files: n.Files, State: stateMissing}
		if one.value, one.Where = sources.Find(n.Name); one.Where != "" {
			one.State = stateFound
		}
		all = append(all, one)
	}
	return all, found.Notes, nil
}

// open is the repository that a flag names.
func (f *secretFlags) open() (*github.Repository, error) {
	token := ""
	for _, name := range tokens() {
		token = cmp.Or(token, os.Getenv(name))
	}
	return github.New(github.Options{Repository: f.repository, Token: redact.Secret(token), API: os.Getenv("GITHUB_API_URL")})
}

// ask says of each secret whether GitHub has it.
func ask(ctx context.Context, r *github.Repository, all []secret) error {
	names, err := r.Names(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].GitHub = stateMissing; names[all[i].Name] {
			all[i].GitHub = stateSet
		}
	}
	return nil
}

func printSecrets(o output, all []secret, notes []string) error {
	if o.json {
		return o.document(append([]secret{}, all...))
	}
	t := o.table()
	for _, s := range all {
		where := printable.Escape(cmp.Or(s.Where, "-"))
		if s.GitHub != "" {
			where += "\tGitHub: " + s.GitHub
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.State, s.Name, where, printable.Escape(strings.Join(s.Files, ", ")))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintf(o.messages, "note: %s\n", printable.Escape(n))
	}
	return nil
}

// missing are the names in a state.
func missing(all []secret, is func(secret) bool) (names []string) {
	for _, s := range all {
		if is(s) {
			names = append(names, s.Name)
		}
	}
	return names
}

func newSecretsList(s *settings) *cobra.Command {
	var f secretFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Names, where the value is, and which workflow reads it",
		Args:  cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			all, notes, err := f.find(cmd.Context(), s)
			if err != nil {
				return err
			}
			return printSecrets(s.output(cmd), all, notes)
		}),
	}
	f.flags(cmd, "")
	return cmd
}

func newSecretsCheck(s *settings) *cobra.Command {
	var f secretFlags
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Whether everything is there; with --github, in GitHub",
		Long: `Lists the secrets, and ends with exit code 1 if a value is missing on this machine; with
--github, if the repository or its organization lacks one. GitHub shows names alone: whether
a value is the right one cannot be seen.`,
		Args: cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			all, notes, err := f.find(cmd.Context(), s)
			if err != nil {
				return err
			}
			lacks, remedy := func(s secret) bool { return s.State == stateMissing }, "run this under `doppler run --` or `aws-vault exec PROFILE --`, or put them into "+encryptedName
			if f.repository != "" {
				r, err := f.open()
				if err != nil {
					return err
				}
				if err := ask(cmd.Context(), r, all); err != nil {
					return err
				}
				lacks, remedy = func(s secret) bool { return s.GitHub == stateMissing }, "`provision secrets sync --github "+f.repository+"` sets them"
			}
			if err := printSecrets(s.output(cmd), all, notes); err != nil {
				return err
			}
			if names := missing(all, lacks); len(names) > 0 {
				return fmt.Errorf("missing: %s; %s", strings.Join(names, ", "), remedy)
			}
			return nil
		}),
	}
	f.flags(cmd, "`OWNER/REPO` to ask which secrets it has")
	return cmd
}

func newSecretsSync(s *settings) *cobra.Command {
	var f secretFlags
	var only keys
	var yes bool
	cmd := &cobra.Command{
		Use:   "sync --github OWNER/REPO",
		Short: "Set the secrets in GitHub, sealed by the repository's public key",
		Long: `Sets every secret whose value is on this machine as a secret of the repository, sealed for
its public key. Nothing is set if one is missing here and in GitHub. What only GitHub has
stays as it is; nothing is removed. The token is that of GH_TOKEN or GITHUB_TOKEN, which
no workflow ever gets.`,
		Args: cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			all, notes, err := f.find(cmd.Context(), s)
			if err != nil {
				return err
			}
			if all, err = chosen(all, only); err != nil {
				return err
			}
			return f.sync(cmd, s.output(cmd), all, notes, yes)
		}),
	}
	f.flags(cmd, "`OWNER/REPO` whose secrets are set")
	cmd.Flags().Var(&only, "only", "`NAME`… of the secrets to set; all others stay as they are")
	yesFlag(cmd, &yes)
	_ = cmd.MarkFlagRequired("github") // it is a flag
	return cmd
}

// chosen are the secrets that --only names.
func chosen(all []secret, only keys) ([]secret, error) {
	if len(only) == 0 {
		return all, nil
	}
	var some []secret
	for _, name := range only {
		i := slices.IndexFunc(all, func(s secret) bool { return s.Name == strings.ToUpper(name) })
		if i < 0 {
			return nil, fmt.Errorf("--only %s: no workflow reads a secret of that name", name)
		}
		some = append(some, all[i])
	}
	return some, nil
}

func (f *secretFlags) sync(cmd *cobra.Command, o output, all []secret, notes []string, yes bool) error {
	ctx := cmd.Context()
	r, err := f.open()
	if err != nil {
		return err
	}
	if err := ask(ctx, r, all); err != nil {
		return err
	}
	key, err := r.Key(ctx)
	if err != nil {
		return err
	}
	if !o.json {
		if err := printSecrets(o, all, notes); err != nil {
			return err
		}
	}
	if names := missing(all, func(s secret) bool { return s.State == stateMissing && s.GitHub == stateMissing }); len(names) > 0 {
		return fmt.Errorf("missing here and in GitHub: %s; nothing was set: run this under `doppler run --` or `aws-vault exec PROFILE --`, put them into %s, or leave them out by --only",
			strings.Join(names, ", "), encryptedName)
	}
	if names := missing(all, func(s secret) bool { return len(s.value.Reveal()) > github.MaxValue }); len(names) > 0 {
		return fmt.Errorf("longer than the %d KiB that GitHub takes: %s; nothing was set", github.MaxValue>>10, strings.Join(names, ", "))
	}
	if names := missing(all, func(s secret) bool { return s.State == stateFound && s.expires() }); len(names) > 0 {
		return fmt.Errorf("%s: these are of a session of aws-vault, which ends within hours; nothing was set: "+
			"let the workflow take a role by OIDC, run this without aws-vault, or choose others by --only", strings.Join(names, ", "))
	}
	if err := (confirmation{yes: yes, in: cmd.InOrStdin()}).ask(o.messages, "Type yes to set what was found in "+f.repository+": "); err != nil {
		return err
	}
	var done []string
	for i := range all {
		one := &all[i]
		if one.State != stateFound {
			continue
		}
		if _, err := r.Set(ctx, key, one.Name, one.value); err != nil {
			return halfway(done, one.Name, err)
		}
		one.GitHub = stateSet
		done = append(done, one.Name)
	}
	if o.json {
		return o.document(append([]secret{}, all...))
	}
	_, err = fmt.Fprintf(o.messages, "%s set in %s.\n", printable.Count(len(done), "secret"), f.repository)
	return err
}

// halfway says what is set when the next secret could not be.
func halfway(done []string, next string, err error) error {
	is := "nothing was set"
	if len(done) > 0 {
		is = "set " + strings.Join(done, ", ") + ", and no more"
	}
	if !github.IsRefused(err) {
		is += ", unless " + next + " is all the same"
	}
	return fmt.Errorf("%s: %w; run it again when that is mended", is, err)
}

// expires says whether the value is a session's, which ends within hours.
func (s secret) expires() bool {
	session := []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
	return slices.Contains(session, s.Name) && strings.HasPrefix(s.Where, "aws-vault") && os.Getenv("AWS_SESSION_TOKEN") != ""
}
