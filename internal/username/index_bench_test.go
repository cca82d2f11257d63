package username

import (
	"fmt"
	"testing"
)

func BenchmarkMatch(b *testing.B) {
	index := NewIndex()
	names := make([]string, 100_000)
	for i := range names {
		names[i] = fmt.Sprintf("registered-user-of-%06d", i) // 25 octets
	}
	index.Fill(names)
	for _, name := range []string{"registered-user-of-000007", "jos\u00e9@corp"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				index.Match(name)
			}
		})
	}
}

func BenchmarkFill(b *testing.B) {
	names := make([]string, 100_000)
	for i := range names {
		names[i] = fmt.Sprintf("registered-user-of-%06d", i)
	}
	for b.Loop() {
		NewIndex().Fill(names)
	}
}
