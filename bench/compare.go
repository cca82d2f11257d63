package main

import (
	"context"
	"fmt"
	"io"
	"slices"
)

// cell is one client with so many exchanges in flight.
type cell struct {
	client   string
	inFlight int
}

// compare measures all cells and prints the table.
func compare(ctx context.Context, s settings, stdout io.Writer) error {
	t := table{settings: s, rounds: map[cell][]result{}, calls: map[cell]calls{}}
	for round := range s.rounds {
		for _, cell := range s.cells(round) {
			r, err := do(ctx, task{client: cell.client, inFlight: cell.inFlight, time: s.time, cpuProfile: s.cpuProfile})
			if err != nil {
				return err
			}
			t.rounds[cell] = append(t.rounds[cell], r)
		}
	}
	failures := t.failures()
	if failures == 0 {
		t.uncounted = t.countCalls(ctx)
	} else {
		t.uncounted = fmt.Errorf("%d exchanges failed", failures)
	}
	t.print(stdout)
	if failures > 0 {
		return t.uncounted
	}
	return ctx.Err()
}

// countCalls counts the system calls of every cell.
func (t table) countCalls(ctx context.Context) error {
	for _, cell := range t.settings.cells(0) {
		counted, err := countCalls(ctx, task{client: cell.client, inFlight: cell.inFlight})
		if err != nil {
			return err
		}
		t.calls[cell] = counted
	}
	return nil
}

// cells returns the cells of a round. The client that begins alternates.
func (s settings) cells(round int) []cell {
	clients := slices.Clone(s.clients)
	if round%2 == 1 {
		slices.Reverse(clients)
	}
	var cells []cell
	for _, inFlight := range s.inFlights {
		for _, client := range clients {
			cells = append(cells, cell{client: client, inFlight: inFlight})
		}
	}
	return cells
}
