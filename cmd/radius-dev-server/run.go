package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/netip"
	"time"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/fips"
	"vault-plugin-auth-radius/internal/radiustest"
)

// Exit codes of the command.
const (
	exitOK    = 0
	exitFault = 1
	exitUsage = 2
)

// remembered is how many requests the server keeps to recognise
// retransmissions: a server that runs for days must not grow.
const remembered = 1 << 16

// Attribute types of the answers (RFC 2865 sections 5.11 and 5.25).
const (
	typeFilterID radius.Type = 11
	typeClass    radius.Type = 25
)

// users are public knowledge, which is why the server stays on loopback.
func users() radiustest.Users {
	text := func(t radius.Type, value string) radiustest.Attribute {
		return radiustest.Attribute{Type: t, Value: []byte(value)}
	}
	return radiustest.Users{
		"alice": {Password: "alice-password", Attributes: []radiustest.Attribute{
			text(typeClass, "staff"), text(typeFilterID, "vpn-users"),
		}},
		"bob":   {Password: "bob-password", Attributes: []radiustest.Attribute{text(typeClass, "admins")}},
		"carol": {Password: "carol-password", Code: "123456"},
	}
}

type settings struct {
	listen string
	secret string
	loss   radiustest.Loss
	delay  time.Duration
}

// run serves until the context ends and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintln(stderr, "radius-dev-server:", err)
		return exitUsage
	}
	if err := serve(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "radius-dev-server:", err)
		return exitFault
	}
	return exitOK
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var o settings
	flags := flag.NewFlagSet("radius-dev-server", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run reports errors, once
	flags.StringVar(&o.listen, "listen", "127.0.0.1:18120", "loopback address and UDP `address:port`; port 0: any free one")
	flags.StringVar(&o.secret, "secret", "testing123", "shared secret")
	flags.Float64Var(&o.loss.Rate, "loss", 0, "`share` of the datagrams to lose in each direction, 0 to 1")
	flags.Uint64Var(&o.loss.Seed, "seed", 0, "which datagrams to lose: the same `number`, the same ones")
	flags.DurationVar(&o.delay, "delay", 0, "how late to answer, such as 300ms")

	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(stderr)
		flags.Usage()
	}
	if err != nil {
		return o, err
	}
	return o, o.check(flags.Args())
}

func (o settings) check(rest []string) error {
	address, err := netip.ParseAddrPort(o.listen)
	checks := []struct {
		bad    bool
		advice string
	}{
		{len(rest) > 0, fmt.Sprintf("unexpected argument %q: everything is set with flags", rest)},
		{err != nil, fmt.Sprintf("-listen is %q: give an IP address and a port, such as 127.0.0.1:18120 or [::1]:18120", o.listen)},
		{err == nil && !address.Addr().IsLoopback(), fmt.Sprintf("-listen is %q: use a loopback address, such as 127.0.0.1;"+
			" the users and passwords of this server are public knowledge", o.listen)},
		{o.secret == "", "-secret is empty: give the secret that the client uses"},
		{!(o.loss.Rate >= 0 && o.loss.Rate <= 1), fmt.Sprintf("-loss is %v: use a share between 0 and 1", o.loss.Rate)},
		{o.delay < 0, fmt.Sprintf("-delay is %s: use 0 or more", o.delay)},
	}
	var problems []error
	for _, c := range checks {
		if c.bad {
			problems = append(problems, errors.New(c.advice))
		}
	}
	return errors.Join(problems...)
}

// errOnlyFIPS is why the server does not start: the first packet would end it.
var errOnlyFIPS = errors.New("this server speaks RADIUS/1.0, whose MD5 GODEBUG=fips140=only forbids: " +
	"start it without that variable")

func serve(ctx context.Context, o settings, stdout, stderr io.Writer) error {
	if fips.Mode() == "only" {
		return errOnlyFIPS
	}
	logger := log.New(stderr, "", log.LstdFlags)
	server, err := radiustest.Start(radiustest.Options{
		Address: o.listen,
		Secret:  o.secret,
		Handler: logged(delayed(users().Handler(), o.delay), logger),
		Loss:    o.loss,
		Discarded: func(r *radiustest.Request) {
			logger.Printf("discarded %q from %s: %s", r.Username(), r.From, r.Discarded)
		},
		Keep: remembered,
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "listening on %s\n", server.Addr()); err != nil {
		return errors.Join(err, server.Close())
	}
	<-ctx.Done()
	return server.Close()
}

// delayed answers late by d.
func delayed(next radiustest.Handler, d time.Duration) radiustest.Handler {
	return func(r *radiustest.Request) []radiustest.Answer {
		var answers []radiustest.Answer
		for _, answer := range next(r) {
			answers = append(answers, answer.After(d))
		}
		return answers
	}
}

// logged returns a handler that writes a line per request, with the user and the answer.
// Passwords, codes and the secret stay out of it.
func logged(next radiustest.Handler, to *log.Logger) radiustest.Handler {
	return func(r *radiustest.Request) []radiustest.Answer {
		answers := next(r)
		outcome := "no answer"
		if len(answers) > 0 {
			outcome = answers[0].Code().String()
		}
		to.Printf("%s %q from %s, copy %d: %s", r.Packet.Code, r.Username(), r.From, r.Copy, outcome)
		return answers
	}
}
