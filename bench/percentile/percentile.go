// Package percentile tells what most of a number of values do not exceed.
package percentile

import "cmp"

// Of returns the smallest value that so many percent of the sorted ones do not exceed; the zero value
// if there are none.
func Of[T cmp.Ordered](sorted []T, percent int) T {
	if len(sorted) == 0 {
		return *new(T)
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}
