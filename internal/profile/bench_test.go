package profile

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// manyProfiles are 100 profiles of ten items, five checked and five replied. The
// login below matches all of them, which is the most work there can be.
func manyProfiles(tb testing.TB, operator string) []*Profile {
	tb.Helper()
	var definitions []Definition
	for i := range 100 {
		definitions = append(definitions, Definition{
			Check: items(
				portIs, "==", "Virtual",
				port, "<=", fmt.Sprint(1000+i),
				caller, operator, "^10[.]",
				"User-Password", "==", "%{User-Password}",
				"reply:"+class, "=*", "ANY",
			),
			Reply: items(
				session, ":=", fmt.Sprint(3600+i),
				"Idle-Timeout", "=", "600",
				message, "+=", fmt.Sprint("profile ", i),
				"Tunnel-Type:1", ":=", "VLAN",
				"Tunnel-Private-Group-Id:1", ":=", fmt.Sprint(100+i),
			),
		})
	}
	return compileAll(tb, definitions...)
}

var loginPairs = []string{
	"User-Name", "bob", "User-Password", "bob-password", nas, "10.0.0.1", "NAS-Identifier", "vault",
	port, "10", portIs, "Virtual", caller, "10.1.2.3", "Service-Type", "Login-User",
}

func BenchmarkHundredProfilesOfTenItems(b *testing.B) {
	profiles := manyProfiles(b, "=~")
	request, reply := attributes(b, loginPairs...), attributes(b, class, "admins", "Filter-Id", "vpn")
	client := map[string]string{"device": "laptop"}
	b.ReportAllocs()
	for b.Loop() {
		input, err := NewInput(noon, request, reply, client)
		require.NoError(b, err)
		if decision := Evaluate(profiles, input); len(decision.Matched) != len(profiles) {
			b.Fatal(decision)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	definition := Definition{Check: items(caller, "=~", "^([0-9A-Fa-f]{2}[:-]){5}([0-9A-Fa-f]{2})$"), Reply: items(session, ":=", "3600")}
	b.ReportAllocs()
	for b.Loop() {
		compileAll(b, definition)
	}
}

// The fast path allocates for what it returns, not for each item it looks at.
// Without a pattern here: the race detector has the regexp package allocate.
func TestManyProfilesAllocateLittle(t *testing.T) {
	profiles := manyProfiles(t, "!=")
	request, reply := attributes(t, loginPairs...), attributes(t, class, "admins", "Filter-Id", "vpn")
	allocations := testing.AllocsPerRun(10, func() {
		decision := Evaluate(profiles, newInput(t, request, reply, map[string]string{"device": "laptop"}))
		require.Len(t, decision.Matched, len(profiles))
	})
	require.LessOrEqual(t, allocations, 50.0)
}
