package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/radiustest"
)

// The course of the first of several servers, none of which answers Status-Server,
// while a login comes now and then. It takes half an hour, so its time is virtual.
const (
	rareInterval    = 75 * time.Second
	rareDiesAfter   = 4 * rareInterval
	rareLivesAfter  = rareDiesAfter + 30*time.Minute
	rareEndsAfter   = rareLivesAfter + 15*time.Minute
	rareReadTimeout = 10 * time.Second
)

var rareAddresses = []netip.AddrPort{
	netip.MustParseAddrPort("192.0.2.1:1812"),
	netip.MustParseAddrPort("192.0.2.2:1812"),
	netip.MustParseAddrPort("192.0.2.3:1812"),
}

// rareCase is a way to ask servers that answer no Status-Server.
type rareCase struct {
	name         string
	servers      int
	fromTheStart bool // the first server is silent before the first login
	pushes       bool // each login takes a user 12 s, and the first user ignores it
	change       func(*radclient.Config)
}

var rareCases = []rareCase{
	{name: "failover", servers: 2},
	{name: "round_robin", servers: 2, change: func(c *radclient.Config) { c.Strategy = radclient.RoundRobin }},
	{name: "status_check=off", servers: 2, change: func(c *radclient.Config) { c.StatusCheck = radclient.StatusCheckOff }},
	{name: "dead from the start", servers: 2, fromTheStart: true},
	{name: "three servers", servers: 3},
	{name: "one name, two addresses", servers: 2, fromTheStart: true, change: oneName},
	{name: "pushes, read_timeout=60", servers: 2, pushes: true, change: func(c *radclient.Config) { c.ReadTimeout = time.Minute }},
}

// oneName makes the servers addresses of one host name.
func oneName(c *radclient.Config) {
	var addresses []netip.Addr
	for _, server := range c.Servers {
		addresses = append(addresses, netip.MustParseAddr(server.Host))
	}
	c.Servers = c.Servers[:1]
	c.Servers[0].Host = "radius.example.com"
	c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return addresses, nil }
}

// rareFigures are what a case costs.
type rareFigures struct {
	Logins, Failed int
	Worst          time.Duration // of the logins that did not fail
	UsedAgain      time.Duration // after the first server's return
	Requests       int64         // at all servers, copies not counted
}

// watchRareLogins prints what the death of a server without Status-Server costs.
func watchRareLogins(ctx context.Context, stdout io.Writer) error {
	process, err := self(ctx, nil, rarePart)
	if err != nil {
		return err
	}
	output, err := process.Output()
	if err != nil {
		return err
	}
	var figures []rareFigures
	// The line after the figures is that of package testing.
	if err := json.NewDecoder(bytes.NewReader(output)).Decode(&figures); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nno server answers Status-Server; a login each %s;"+
		" the first server is silent for 30 minutes (virtual time)\n\n", rareInterval)
	rows := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(rows, "servers\tlogins\tfailed\tworst of the others\tused again after\trequests\t")
	for i, f := range figures {
		again := f.UsedAgain.Round(time.Second).String()
		if rareCases[i].pushes {
			again = "-"
		}
		fmt.Fprintf(rows, "%s\t%d\t%d\t%s\t%s\t%d\t\n",
			rareCases[i].name, f.Logins, f.Failed, f.Worst.Round(10*time.Millisecond), again, f.Requests)
	}
	return rows.Flush()
}

// runRare is the part that lives in virtual time, which only tests have.
func runRare() {
	var figures []rareFigures
	all := func(t *testing.T) {
		for _, rare := range rareCases {
			synctest.Test(t, func(t *testing.T) { figures = append(figures, rare.watch(t)) })
		}
		if err := json.NewEncoder(os.Stdout).Encode(figures); err != nil {
			t.Fatal(err)
		}
	}
	everything := func(string, string) (bool, error) { return true, nil }
	testing.Main(everything, []testing.InternalTest{{Name: rarePart, F: all}}, nil, nil)
}

// watch logs in now and then at servers of the case.
func (rare rareCase) watch(t *testing.T) rareFigures {
	network := radiustest.NewNetwork(radiustest.NetworkOptions{Latency: 500 * time.Microsecond})
	start := time.Now()
	var requests atomic.Int64
	answer := func(r *radiustest.Request) []radiustest.Answer {
		if r.Packet.Code == radius.CodeStatusServer || r.Copy > 1 {
			return nil
		}
		requests.Add(1)
		switch {
		case !rare.pushes:
			return []radiustest.Answer{r.Accept()}
		case time.Since(start) < rareInterval:
			return nil // ignored
		}
		return []radiustest.Answer{r.Accept().After(12 * time.Second)}
	}
	config := radclient.Config{ReadTimeout: rareReadTimeout, ResponseWindow: 5 * time.Second, Dial: network.Dial}
	for _, address := range rareAddresses[:rare.servers] {
		server, err := radiustest.Start(radiustest.Options{Network: network, Address: address.String(), Secret: secret, Handler: answer})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = server.Close() }()
		config.Servers = append(config.Servers, radclient.Server{
			Host: address.Addr().String(), Port: int(address.Port()), Secret: radclient.NewSecret(secret),
		})
	}
	if rare.change != nil {
		rare.change(&config)
	}
	client, err := radclient.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if !rare.pushes {
		silence := rareDiesAfter - time.Second
		if rare.fromTheStart {
			silence = 0
		}
		time.AfterFunc(silence, func() { network.Blackhole(rareAddresses[0], true) })
		time.AfterFunc(rareLivesAfter, func() { network.Blackhole(rareAddresses[0], false) })
	}
	figures := rareFigures{UsedAgain: rareEndsAfter - rareLivesAfter}
	for i := range int(rareEndsAfter / rareInterval) {
		time.Sleep(time.Until(start.Add(time.Duration(i)*rareInterval + time.Millisecond)))
		began := time.Now()
		verdict, err := client.Authenticate(t.Context(), radclient.Credentials{Username: username(i), Password: password})
		figures.Logins++
		if err != nil {
			figures.Failed++
			continue
		}
		figures.Worst = max(figures.Worst, time.Since(began))
		if back := began.Sub(start) - rareLivesAfter; back > 0 && verdict.Server == rareAddresses[0].String() {
			figures.UsedAgain = min(figures.UsedAgain, back)
		}
	}
	figures.Requests = requests.Load()
	return figures
}
