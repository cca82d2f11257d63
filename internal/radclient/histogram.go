package radclient

import (
	"slices"
	"time"
)

// RoundTripBuckets are the upper bounds of the buckets of round trips, but for the last, which
// has none. There are few, since each is a series of each server.
var RoundTripBuckets = []time.Duration{
	5 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond,
	2500 * time.Millisecond, 10 * time.Second,
}

// Histogram counts round trips by how long they took.
type Histogram struct {
	Counts []uint64 // of each bucket alone; the last is of those above all bounds
	Sum    time.Duration
}

func newHistogram() Histogram { return Histogram{Counts: make([]uint64, len(RoundTripBuckets)+1)} }

// add counts a round trip. One that is as long as a bound is in the bucket below it.
func (h *Histogram) add(roundTrip time.Duration) {
	bucket, _ := slices.BinarySearch(RoundTripBuckets, roundTrip)
	h.Counts[bucket]++
	h.Sum += roundTrip
}

func (h *Histogram) clone() Histogram { return Histogram{slices.Clone(h.Counts), h.Sum} }
