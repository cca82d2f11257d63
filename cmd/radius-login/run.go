package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/cliconfig"
	"github.com/hashicorp/vault/api/tokenhelper"

	"vault-plugin-auth-radius/radiuslogin"
)

// Exit codes of the command; a signal's is 128 and its number.
const (
	exitOK     = 0
	exitUsage  = 1
	exitFailed = 2
)

// run logs in and returns the exit code.
func run(ctx context.Context, arguments []string, in *os.File, out, problems *os.File) int {
	o, err := parseOptions(arguments)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, usage)
		return exitOK
	case err != nil:
		fmt.Fprintln(problems, "radius-login:", err)
		return exitUsage
	case o.version:
		fmt.Fprintln(out, version)
		return exitOK
	}
	l, err := newLogin(o, in, out, problems)
	if err != nil {
		fmt.Fprintln(problems, "radius-login:", err)
		return exitUsage
	}
	return l.run(ctx)
}

// login is one login, and what it talks to.
type login struct {
	options  *options
	client   *api.Client
	store    tokenhelper.TokenHelper // nil: the token is not stored
	dialogue *dialogue
	progress *progress
	output   output
	problems io.Writer
}

// newLogin returns a login. What can fail here does, before a code is typed in vain.
func newLogin(o *options, in *os.File, out, problems *os.File) (*login, error) {
	client, err := newClient(o)
	if err != nil {
		return nil, err
	}
	l := &login{options: o, client: client, dialogue: newDialogue(in, problems), progress: &progress{}, problems: problems}
	if !o.noStore {
		if l.store, err = cliconfig.DefaultTokenHelper(); err != nil {
			return nil, fmt.Errorf("the token helper of Vault's command line does not work: %w", err)
		}
	}
	if l.dialogue.atTerminal() && isTerminal(problems) {
		l.progress.out = problems
	}
	l.output = output{to: out, format: o.format, terminal: isTerminal(out)}
	return l, nil
}

func isTerminal(file *os.File) bool {
	_, err := modesOf(int(file.Fd())) // #nosec G115 -- descriptors are small
	return err == nil
}

// newClient returns a client of the Vault that variables and flags name. It has no token, and
// tries nothing again.
func newClient(o *options) (*api.Client, error) {
	config := api.DefaultConfig()
	if config.Error != nil {
		return nil, fmt.Errorf("the variables for Vault are wrong: %w", config.Error)
	}
	if o.address != "" {
		config.Address = o.address
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, err
	}
	client.ClearToken()
	client.SetMaxRetries(0)
	if namespace := strings.Trim(o.namespace, "/"); namespace != "" {
		client.SetNamespace(namespace + "/")
	}
	if o.wrapTTL > 0 {
		client.SetWrappingLookupFunc(func(string, string) string { return o.wrapTTL.String() })
	}
	return client, nil
}

// run asks, logs in, and delivers the token. The terminal is what it was after it.
func (l *login) run(ctx context.Context) int {
	defer l.dialogue.end()
	secret, err := l.logIn(ctx)
	l.dialogue.end()
	if code := signalCode(ctx); code != 0 {
		fmt.Fprintln(l.problems, "radius-login: ended; no token is stored")
		return code
	}
	if err != nil {
		l.complain(l.explain(err))
		return exitCode(err)
	}
	return l.deliver(secret)
}

// logIn returns the token, or what it is wrapped in.
func (l *login) logIn(ctx context.Context) (*api.Secret, error) {
	if err := l.dialogue.begin(); err != nil {
		return nil, err
	}
	method, err := l.method(ctx)
	if err != nil {
		return nil, err
	}
	l.progress.begin()
	secret, err := method.Login(ctx, l.client)
	l.progress.end()
	if err != nil {
		return nil, err
	}
	if requiresMFA(secret) {
		if secret, err = l.validateMFA(ctx, secret.Auth.MFARequirement); err != nil {
			return nil, err
		}
	}
	if secret.WrapInfo != nil && !l.options.noStore {
		return l.unwrap(ctx, secret.WrapInfo.Token)
	}
	return secret, nil
}

// method asks for name and password, and returns how to log in with them.
func (l *login) method(ctx context.Context) (*radiuslogin.Method, error) {
	name := l.options.username
	if name == "" {
		var err error
		name, err = l.dialogue.ask(ctx, question{what: "the username", prompt: "Username: ", echo: true})
		if err == nil && name == "" {
			err = &inputError{what: "the username", err: errors.New("it is empty")}
		}
		if err != nil {
			return nil, err
		}
	}
	password, err := l.dialogue.ask(ctx, question{what: "the password", prompt: "Password (will be hidden): "})
	if err != nil {
		return nil, err
	}
	return &radiuslogin.Method{
		Username: name, Password: radiuslogin.Text(password),
		Mount: l.options.path, Attributes: l.options.attributes, Answer: l.answer,
	}, nil
}

// answer asks the user what the server asks. It is called while the request's progress is shown.
func (l *login) answer(ctx context.Context, challenge radiuslogin.Challenge) (string, error) {
	l.progress.end()
	defer l.progress.begin()
	q := question{
		what: "the answer to the server's challenge", message: challenge.Message,
		prompt: "Answer (will be hidden): ", echo: challenge.Echo,
	}
	if challenge.Echo {
		q.prompt = "Answer: "
	}
	return l.dialogue.ask(ctx, q)
}

func (l *login) unwrap(ctx context.Context, token string) (*api.Secret, error) {
	l.client.SetWrappingLookupFunc(func(string, string) string { return "" })
	l.client.SetToken(token)
	secret, err := l.client.Logical().UnwrapWithContext(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("the token cannot be unwrapped: %w", err)
	}
	return secret, nil
}

// explain returns the error with what to do about it.
func (l *login) explain(err error) error {
	var failure *radiuslogin.Error
	var response *api.ResponseError
	if !errors.As(err, &failure) {
		return err
	}
	forbidden := errors.As(err, &response) && response.StatusCode == http.StatusForbidden
	if forbidden || errors.Is(err, radiuslogin.ErrNotFound) {
		return fmt.Errorf("%w; Vault says so of a path without a method, too: is it enabled at auth/%s? -path and -namespace say where",
			err, l.options.path)
	}
	return err
}

// exitCode returns the exit code of a login that failed.
func exitCode(err error) int {
	var input *inputError
	if errors.As(err, &input) {
		return exitUsage
	}
	return exitFailed
}

// deliver stores the token and shows what the flags ask for.
func (l *login) deliver(secret *api.Secret) int {
	hasToken := secret != nil && secret.Auth != nil && secret.Auth.ClientToken != ""
	isWrapped := secret != nil && secret.WrapInfo != nil && l.store == nil
	if !hasToken && !isWrapped {
		fmt.Fprintln(l.problems, "radius-login: Vault's answer has no token")
		return exitFailed
	}
	l.output.warn(l.problems, secret)
	code := l.keep(secret)
	if l.options.noPrint && code == exitOK {
		return code
	}
	if err := l.show(secret, code == exitOK); err != nil {
		l.complain(err)
		return exitUsage
	}
	return code
}

// complain shows an error, which may have what another server has sent.
func (l *login) complain(err error) {
	fmt.Fprintln(l.problems, "radius-login:", printable(err.Error()))
}

// keep stores the token, or says that it is not stored.
func (l *login) keep(secret *api.Secret) int {
	if l.store == nil {
		if !l.options.tokenOnly {
			fmt.Fprintln(l.problems, "The token is not stored: set VAULT_TOKEN to it, or pass it with each request.")
		}
		return exitOK
	}
	if err := l.store.Store(secret.Auth.ClientToken); err != nil {
		l.complain(fmt.Errorf("logged in, but the token cannot be stored: %w", err))
		return exitFailed
	}
	if name := tokenVariable(); name != "" {
		fmt.Fprintf(l.problems, "WARNING! %s is set, and goes before the token that is stored now: unset it.\n", name)
	}
	return exitOK
}

// show prints the field that is asked for, or all.
func (l *login) show(secret *api.Secret, stored bool) error {
	if field := l.options.field; field != "" && stored {
		if l.options.tokenOnly && secret.WrapInfo != nil {
			field = "wrapping_token"
		}
		return l.output.field(secret, field)
	}
	if l.options.format == "table" && stored && l.store != nil {
		fmt.Fprint(l.output.to, "Success! You are logged in, and the token is stored for Vault's command line.\n\n")
	}
	return l.output.secret(secret)
}
