package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	username   string
	path       string
	address    string
	namespace  string
	wrapTTL    time.Duration
	attributes map[string]string
	noStore    bool
	noPrint    bool
	tokenOnly  bool
	format     string
	field      string
	version    bool
}

// formats are those of -format.
var formats = []string{"table", "json", "yaml", "yml"}

// secrets are what is never an argument: the process list and the shell's history have those.
var secrets = []string{"password", "passcode", "totp"}

// parseOptions reads the arguments: flags, and username=NAME anywhere among them.
func parseOptions(arguments []string) (*options, error) {
	o := &options{attributes: map[string]string{}}
	if err := refuseSecrets(arguments); err != nil {
		return nil, err
	}
	flags := o.flags()
	for rest := arguments; ; {
		if err := flags.Parse(rest); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			break
		}
		if err := o.takeArgument(flags.Arg(0)); err != nil {
			return nil, err
		}
		rest = flags.Args()[1:]
	}
	return o, o.check()
}

func (o *options) flags() *flag.FlagSet {
	flags := flag.NewFlagSet("radius-login", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run reports errors, once, and the usage is written by hand
	flags.StringVar(&o.username, "username", "", "")
	flags.StringVar(&o.path, "path", "radius", "")
	flags.StringVar(&o.address, "address", "", "")
	flags.StringVar(&o.namespace, "namespace", "", "")
	flags.StringVar(&o.namespace, "ns", "", "")
	flags.Func("wrap-ttl", "", o.takeWrapTTL)
	flags.Func("attribute", "", o.takeAttribute)
	flags.BoolVar(&o.noStore, "no-store", false, "")
	flags.BoolVar(&o.noPrint, "no-print", false, "")
	flags.BoolVar(&o.tokenOnly, "token-only", false, "")
	flags.StringVar(&o.format, "format", cmp.Or(os.Getenv("VAULT_FORMAT"), "table"), "")
	flags.StringVar(&o.field, "field", "", "")
	flags.BoolVar(&o.version, "version", false, "")
	return flags
}

// refuseSecrets returns an error for an argument that names a password or a code, without it.
func refuseSecrets(arguments []string) error {
	for _, argument := range arguments {
		name, _, _ := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		isFlag := strings.HasPrefix(argument, "-")
		if slices.Contains(secrets, name) && (isFlag || strings.Contains(argument, "=")) {
			return fmt.Errorf("%s is not taken from the command line, which the process list and the shell's history have: "+
				"radius-login asks for it, or reads it from standard input", name)
		}
	}
	return nil
}

// takeArgument reads an argument that is no flag. What it is stays out of errors: it may be a
// password.
func (o *options) takeArgument(argument string) error {
	name, value, hasValue := strings.Cut(argument, "=")
	if !hasValue || name != "username" {
		return errors.New("an argument is neither a flag nor username=NAME: see radius-login -h")
	}
	o.username = value
	return nil
}

func (o *options) takeAttribute(text string) error {
	name, value, hasValue := strings.Cut(text, "=")
	if !hasValue || name == "" {
		return errors.New("give NAME=VALUE")
	}
	o.attributes[name] = value
	return nil
}

// takeWrapTTL reads a duration; a number alone is of seconds.
func (o *options) takeWrapTTL(text string) error {
	if _, err := strconv.ParseUint(text, 10, 32); err == nil {
		text += "s"
	}
	ttl, err := time.ParseDuration(text)
	if err != nil || ttl < 0 || ttl > 0 && ttl < time.Second {
		return errors.New("give seconds, or a duration such as 90s or 5m")
	}
	o.wrapTTL = ttl
	return nil
}

func (o *options) check() error {
	if o.tokenOnly {
		o.noStore, o.field, o.noPrint = true, "token", false
	}
	if !slices.Contains(formats, o.format) {
		return fmt.Errorf("-format is %q: give table, json or yaml", o.format)
	}
	if o.noStore && o.noPrint {
		return errors.New("with -no-store and -no-print the token would be lost: give one of them")
	}
	o.path = strings.Trim(strings.TrimPrefix(strings.Trim(o.path, "/"), "auth/"), "/")
	if o.path == "" {
		return errors.New("-path is empty: name the path at which the method is enabled, such as radius")
	}
	return nil
}
