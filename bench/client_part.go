package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime/pprof"
	"time"
)

// warmUp is how long a client runs before it is measured.
const warmUp = 200 * time.Millisecond

// task holds what a client process is to do, from its command line.
type task struct {
	client     string
	server     netip.AddrPort
	inFlight   int
	time       time.Duration // to measure
	each       int           // exchanges of each worker instead, without a warm-up; 0: none
	cpuProfile string        // file to write; empty: none
}

func (t task) args() []string {
	return []string{
		clientPart,
		"-client", t.client,
		"-server", t.server.String(),
		"-inflight", fmt.Sprint(t.inFlight),
		"-time", t.time.String(),
		"-each", fmt.Sprint(t.each),
		"-cpuprofile", t.cpuProfile,
	}
}

func parseTask(args []string) (task, error) {
	var t task
	flags := flag.NewFlagSet(clientPart, flag.ContinueOnError)
	flags.StringVar(&t.client, "client", "", "client")
	flags.TextVar(&t.server, "server", netip.AddrPort{}, "address of the server")
	flags.IntVar(&t.inFlight, "inflight", 1, "exchanges at once")
	flags.DurationVar(&t.time, "time", 0, "time to measure")
	flags.IntVar(&t.each, "each", 0, "exchanges of each worker, instead of a time")
	flags.StringVar(&t.cpuProfile, "cpuprofile", "", "file for a CPU profile")
	return t, flags.Parse(args)
}

// runClient does a task and writes its result as JSON.
func runClient(ctx context.Context, args []string, stdout io.Writer) error {
	t, err := parseTask(args)
	if err != nil {
		return err
	}
	login, err := newLogin(t.client, t.server)
	if err != nil {
		return err
	}
	l := load{login: login, inFlight: t.inFlight, time: t.time, each: t.each}
	var before result
	if t.each == 0 {
		before = load{login: login, inFlight: t.inFlight, time: warmUp}.run(ctx)
	}
	measured, err := profiled(t.cpuProfile, func() result { return l.run(ctx) })
	if err != nil {
		return err
	}
	measured.Before = before.Exchanges
	return json.NewEncoder(stdout).Encode(measured)
}

// profiled runs work under the CPU profiler; without a file, it just runs it.
func profiled(file string, work func() result) (result, error) {
	if file == "" {
		return work(), nil
	}
	out, err := os.Create(file) // #nosec G304 -- the file that the caller names
	if err != nil {
		return result{}, err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return result{}, errors.Join(err, out.Close())
	}
	measured := work()
	pprof.StopCPUProfile()
	return measured, out.Close()
}
