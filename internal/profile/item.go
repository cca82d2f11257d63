package profile

// The sizes that a definition may have. Both lengths are those of the columns
// that SQL schemas for RADIUS use; a value of 253 octets is also the longest
// that most attributes carry (RFC 2865 section 5).
const (
	MaxItems           = 1000 // per list
	MaxAttributeLength = 64   // octets, with list and tag
	MaxValueLength     = 253  // octets, before expansion
)

// Item is a check or reply item as it is written.
type Item struct {
	// Attribute is a name of the dictionary, in any case. A tag may follow
	// (Tunnel-Type:1), and in check items a list may precede: request (the
	// default), reply (what the source answered) or client (what the client
	// says of itself, under names in no dictionary; it may be made up, and
	// compares as text).
	Attribute string `json:"attribute"`
	Operator  string `json:"op"`
	// Value is literal but for expansions: %{Attribute}, %{reply:Attribute},
	// %{Attribute[1]}, %{Attribute:-default}, %{1} (a group of the last pattern)
	// and %% for a percent sign.
	Value string `json:"value"`
}

// Definition is a profile as it is stored.
type Definition struct {
	Check []Item // all must hold; none: the profile always matches
	Reply []Item // in the order in which they apply
}
