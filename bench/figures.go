package main

import (
	"slices"
	"time"

	"vault-plugin-auth-radius/bench/percentile"
)

// figures are a row of the table.
type figures struct {
	rate        float64 // exchanges per second
	p50, p99    float64 // of the time of an exchange, in microseconds
	allocations float64 // per exchange, as all that follow
	allocated   float64 // octets
	calls       float64 // system calls; 0 if they were not counted
	client      float64 // processor time in microseconds
	stub        float64 // the same, of the server
}

// figuresOf returns the medians of rounds.
func figuresOf(rounds []result, counted calls) figures {
	return figures{
		rate:        median(rounds, func(r result) float64 { return float64(r.Exchanges) / r.Elapsed.Seconds() }),
		p50:         median(rounds, func(r result) float64 { return micros(r.P50) }),
		p99:         median(rounds, func(r result) float64 { return micros(r.P99) }),
		allocations: median(rounds, func(r result) float64 { return float64(r.Allocations) / float64(r.Exchanges) }),
		allocated:   median(rounds, func(r result) float64 { return float64(r.Allocated) / float64(r.Exchanges) }),
		calls:       counted.total(),
		client:      median(rounds, func(r result) float64 { return micros(r.ClientTime) / float64(r.Before+r.Exchanges) }),
		stub:        median(rounds, func(r result) float64 { return micros(r.StubTime) / float64(r.Before+r.Exchanges) }),
	}
}

// to divides each figure by the other's.
func (f figures) to(other figures) figures {
	return figures{
		rate:        f.rate / other.rate,
		p50:         f.p50 / other.p50,
		p99:         f.p99 / other.p99,
		allocations: f.allocations / other.allocations,
		allocated:   f.allocated / other.allocated,
		calls:       f.calls / other.calls,
		client:      f.client / other.client,
		stub:        f.stub / other.stub,
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func median(rounds []result, value func(result) float64) float64 {
	var values []float64
	for _, r := range rounds {
		values = append(values, value(r))
	}
	slices.Sort(values)
	return percentile.Of(values, 50)
}
