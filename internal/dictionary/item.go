package dictionary

// Item is one attribute of a packet.
type Item struct {
	Attribute *Attribute
	Tag       uint8  // 1 to 31 (RFC 2868 section 3); 0: none
	Value     []byte // plain: without tag, decrypted
}

// Keys are what hidden values are hidden with.
type Keys struct {
	Secret               []byte
	RequestAuthenticator [16]byte // of the request, also for the attributes of its answer

	// Plain says that values are not hidden: RADIUS/1.1 (RFC 9765 section 5).
	Plain bool
}
