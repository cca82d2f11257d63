package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// inFlights are the rows of the table: how many exchanges run at once.
var inFlights = []int{1, 16, 64, 512}

// settings are the command line.
type settings struct {
	clients    []string // in the order of the table
	inFlights  []int
	rounds     int
	time       time.Duration // of one cell in one round
	cpuProfile string
	loss       bool
	failover   bool
	soak       time.Duration // 0: no soak
}

func parseSettings(args []string) (settings, error) {
	s := settings{clients: clientNames, inFlights: inFlights}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "one client, one number in flight, or both: radclient, 64, radclient/64")
	flags.IntVar(&s.rounds, "rounds", 5, "how often each cell is measured; the table has the median")
	flags.DurationVar(&s.time, "time", time.Second, "how long a cell is measured in each round")
	flags.StringVar(&s.cpuProfile, "cpuprofile", "", "write a CPU profile of the client to this file; needs -only with both")
	flags.BoolVar(&s.loss, "loss", false, "compare logins while a fifth of the packets is lost in each direction")
	flags.BoolVar(&s.failover, "failover", false, "watch the logins while the first of two servers dies and comes back")
	flags.DurationVar(&s.soak, "soak", 0, "keep a Vault with the plugin at work for so long, and compare the end with the start")
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	if *only != "" {
		if err := s.restrict(*only); err != nil {
			return settings{}, err
		}
	}
	switch {
	case flags.NArg() > 0:
		return settings{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.rounds < 1:
		return settings{}, fmt.Errorf("-rounds is %d: use 1 or more", s.rounds)
	case s.time <= 0:
		return settings{}, fmt.Errorf("-time is %s: use more than 0", s.time)
	case s.soak < 0:
		return settings{}, fmt.Errorf("-soak is %s: use a time such as 60s or 1h", s.soak)
	case s.cpuProfile != "" && len(s.clients)*len(s.inFlights) > 1:
		return settings{}, errors.New("-cpuprofile needs -only with a client and a number, such as radclient/64")
	}
	return s, nil
}

// restrict leaves what -only names.
func (s *settings) restrict(only string) error {
	for part := range strings.SplitSeq(only, "/") {
		count, err := strconv.Atoi(part)
		switch {
		case slices.Contains(clientNames, part):
			s.clients = []string{part}
		case err == nil && count > 0:
			s.inFlights = []int{count}
		default:
			return fmt.Errorf("-only: %q is neither a client (%s) nor a number in flight", part, strings.Join(clientNames, ", "))
		}
	}
	return nil
}
