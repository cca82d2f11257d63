package dictionary

// Attribute is the definition of an attribute. It is immutable.
type Attribute struct {
	Name     string
	Vendor   uint32   // IANA enterprise number; 0 for IETF attributes and FreeRADIUS's internal ones
	Number   uint32   // within the vendor; of an attribute with a Path, that of the outermost container
	Path     []uint32 // numbers from the outermost attribute, where this one is inside others, else nil; not to be changed
	Type     Type
	Tagged   bool // has a tag (RFC 2868 section 3)
	Encrypt  int  // how the value is hidden: 0 not, 1 as User-Password, 2 as Tunnel-Password, 3 as Ascend-Send-Secret
	Long     bool // may be longer than one attribute of a packet can be
	Internal bool // FreeRADIUS's own: never on the wire (Auth-Type, Huntgroup-Name)

	place  place
	size   uint16      // fixed length of Octets in octets; 0: any
	room   uint16      // longest plain value in octets
	values *valueTable // of integer types, shared by the names of one place; nil otherwise
}

// Same reports whether two names mean one attribute: NAS-IP-Address has the old
// name Client-Id. Attributes of one number but of different types are not the
// same: a vendor used a number that was not its own.
func (a *Attribute) Same(other *Attribute) bool {
	return a.place == other.place && a.Type == other.Type
}

// Item is one attribute of a packet.
type Item struct {
	Attribute *Attribute
	Tag       uint8  // 1 to 31 (RFC 2868 section 3); 0: none
	Value     []byte // plain: without tag, decrypted
}

// Keys holds what hidden values are hidden with.
type Keys struct {
	Secret               []byte
	RequestAuthenticator [16]byte // of the request, also for the attributes of its answer

	// Plain means that values are not hidden: RADIUS/1.1 (RFC 9765 section 5).
	Plain bool
}
