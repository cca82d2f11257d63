package dictionary

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func lookup(t testing.TB, name string) *Attribute {
	t.Helper()
	a, found := Standard().Lookup(name)
	require.True(t, found, name)
	return a
}

func TestTheStandardDictionaryHasNoMistake(t *testing.T) {
	t.Parallel()
	_, err := parseStandard()
	require.NoError(t, err)
}

// Not parallel: it measures what all goroutines allocate.
func TestTheStandardDictionaryIsSmall(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d, err := parseStandard()
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Greater(t, len(d.names), 8000)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(10<<20))
}

func TestAttributesAreThoseOfTheRFCs(t *testing.T) {
	t.Parallel()
	for _, want := range []Attribute{
		{Name: "User-Name", Number: 1, Type: String},                                                                                // RFC 2865
		{Name: "User-Password", Number: 2, Type: String, Encrypt: 1},                                                                // RFC 2865
		{Name: "NAS-IP-Address", Number: 4, Type: IPAddr},                                                                           // RFC 2865
		{Name: "State", Number: 24, Type: Octets},                                                                                   // RFC 2865
		{Name: "Vendor-Specific", Number: 26, Type: VSA},                                                                            // RFC 2865
		{Name: "Event-Timestamp", Number: 55, Type: Date},                                                                           // RFC 2869
		{Name: "NAS-Port-Type", Number: 61, Type: Integer},                                                                          // RFC 2865
		{Name: "Tunnel-Type", Number: 64, Type: Integer, Tagged: true},                                                              // RFC 2868
		{Name: "Tunnel-Password", Number: 69, Type: String, Tagged: true, Encrypt: 2},                                               // RFC 2868
		{Name: "EAP-Message", Number: 79, Type: Octets, Long: true},                                                                 // RFC 3579
		{Name: "NAS-IPv6-Address", Number: 95, Type: IPv6Addr},                                                                      // RFC 3162
		{Name: "Framed-Interface-Id", Number: 96, Type: InterfaceID},                                                                // RFC 3162
		{Name: "Framed-IPv6-Prefix", Number: 97, Type: IPv6Prefix},                                                                  // RFC 3162
		{Name: "MIP6-Feature-Vector", Number: 124, Type: Integer64},                                                                 // RFC 5447
		{Name: "PMIP6-Home-IPv4-HoA", Number: 155, Type: IPv4Prefix},                                                                // RFC 6572
		{Name: "IPv6-6rd-Prefix", Number: 173, Path: []uint32{173, 2}, Type: IPv6Prefix},                                            // RFC 6930
		{Name: "Frag-Status", Number: 241, Path: []uint32{241, 1}, Type: Integer},                                                   // RFC 7499
		{Name: "Extended-Vendor-Specific-5", Number: 245, Path: []uint32{245, 26}, Type: EVS, Long: true},                           // RFC 6929
		{Name: "MS-MPPE-Send-Key", Vendor: 311, Number: 16, Type: Octets, Encrypt: 2},                                               // RFC 2548
		{Name: "Cisco-AVPair", Vendor: 9, Number: 1, Type: String},                                                                  //
		{Name: "WiMAX-Release", Vendor: 24757, Number: 1, Path: []uint32{1, 1}, Type: String},                                       //
		{Name: "Huntgroup-Name", Number: 1031, Type: String, Internal: true},                                                        //
		{Name: "Auth-Type", Number: 1000, Type: Integer, Internal: true},                                                            //
		{Name: "Simultaneous-Use", Number: 1034, Type: Integer, Internal: true},                                                     //
		{Name: "FreeRADIUS-802.1X-Anonce", Vendor: 11344, Number: 245, Path: []uint32{245, 26, 11344, 1}, Type: Octets, Long: true}, //
	} {
		a := lookup(t, want.Name)
		exported := Attribute{
			Name: a.Name, Vendor: a.Vendor, Number: a.Number, Path: a.Path, Type: a.Type, Tagged: a.Tagged,
			Encrypt: a.Encrypt, Long: a.Long, Internal: a.Internal,
		}
		require.Equal(t, want, exported)
		if a.Path == nil {
			wire, found := Standard().LookupWire(a.Vendor, a.Number)
			require.True(t, found)
			require.Same(t, a, wire)
		}
	}
}

func TestAttributesHaveTypesNamedAsInFreeRADIUS(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"User-Name": "string", "Class": "octets", "NAS-Port": "integer", "NAS-IP-Address": "ipaddr", "Framed-Interface-Id": "ifid",
		"Framed-IPv6-Prefix": "ipv6prefix", "WiMAX-DHCPv4-Server": "combo-ip", "WiMAX-GMT-Timezone-offset": "signed", "PKM-SAID": "short",
	} {
		require.Equal(t, want, lookup(t, name).Type.String(), name)
	}
	require.Equal(t, "unknown", Type(0).String())
	require.Equal(t, "unknown", Type(255).String())
}

func TestNamesAreFoundInAnyCase(t *testing.T) {
	t.Parallel()
	require.Same(t, lookup(t, "NAS-Port-Type"), lookup(t, "nas-PORT-type"))
	for _, name := range []string{"", "No-Such-Attribute-At-All", "NAS-Port-Typ", string(make([]byte, 1000)), "NAS-Port-Typ\u017f"} {
		_, found := Standard().Lookup(name)
		require.False(t, found, "%q", name)
	}
}

func TestOldNamesMeanTheSameAttribute(t *testing.T) {
	t.Parallel()
	require.True(t, lookup(t, "Client-Id").Same(lookup(t, "NAS-IP-Address")))
	require.False(t, lookup(t, "NAS-IP-Address").Same(lookup(t, "Login-IP-Host")))
	require.False(t, lookup(t, "User-Name").Same(lookup(t, "Cisco-AVPair")), "both have the number 1")

	a, found := Standard().LookupWire(0, 4)
	require.True(t, found)
	require.Equal(t, "NAS-IP-Address", a.Name, "not the old name")

	require.False(t,
		lookup(t, "X-Ascend-Bridge-Address").Same(lookup(t, "Framed-IPv6-Address")),
		"they share a number, but it was not Ascend's",
	)
}

func TestAttributesWithoutNameAreFoundByNumber(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Attribute{
		"Attr-21":              {Name: "Attr-21", Number: 21, Type: Octets},
		"attr-26.9.240":        {Name: "Attr-26.9.240", Vendor: 9, Number: 240, Type: Octets},
		"Attr-26.4294967295.1": {Name: "Attr-26.4294967295.1", Vendor: 4294967295, Number: 1, Type: Octets},
		"Attr-26.429.0x12345":  {Name: "Attr-26.429.74565", Vendor: 429, Number: 74565, Type: Octets}, // its numbers have four octets
		"Attr-241.200":         {Name: "Attr-241.200", Number: 241, Path: []uint32{241, 200}, Type: Octets},
		"Attr-245.26.9.7":      {Name: "Attr-245.26.9.7", Vendor: 9, Number: 245, Path: []uint32{245, 26, 9, 7}, Type: Octets, Long: true},
		"Attr-26.24757.1.200":  {Name: "Attr-26.24757.1.200", Vendor: 24757, Number: 1, Path: []uint32{1, 200}, Type: Octets},
		"Attr-26.9.1":          {Name: "Cisco-AVPair", Vendor: 9, Number: 1, Type: String},
		"Attr-1":               {Name: "User-Name", Number: 1, Type: String},
		"Attr-26.24757.1.1":    {Name: "WiMAX-Release", Vendor: 24757, Number: 1, Path: []uint32{1, 1}, Type: String},
	} {
		a := lookup(t, name)
		exported := Attribute{Name: a.Name, Vendor: a.Vendor, Number: a.Number, Path: a.Path, Type: a.Type, Long: a.Long, Internal: a.Internal}
		require.Equal(t, want, exported)
	}
	for _, name := range []string{
		"Attr-", "Attr-0", "Attr-256", "Attr-1031", "Attr-x", "Attr-1.1", "Attr-26.9", "Attr-26.9.256",
		"Attr-26.9.1.1", "Attr-241.256", "Attr-245.26.9", "Attr-+1", "Attr--1", "Attr-1.",
		"Attr-26.24757.28.11.5.1.1",
	} {
		_, found := Standard().Lookup(name)
		require.False(t, found, name)
	}
}

func TestValuesHaveNames(t *testing.T) {
	t.Parallel()
	require.Contains(t, lookup(t, "NAS-Port-Type").Values(), Value{Name: "Virtual", Number: 5})
	require.Contains(t, lookup(t, "Tunnel-Type").Values(), Value{Name: "VLAN", Number: 13})
	require.Contains(t, lookup(t, "User-Service-Type").Values(), Value{Name: "Login-User", Number: 1}, "under an old name too")
	require.Empty(t, lookup(t, "User-Name").Values())
	values := lookup(t, "Service-Type").Values()
	values[0].Name = "changed"
	require.NotContains(t, lookup(t, "Service-Type").Values(), values[0], "the caller's copy")
}

func BenchmarkStandard(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseStandard(); err != nil {
			b.Fatal(err)
		}
	}
}
