// Package source keeps the external authentication sources: the stored entries, their problems,
// and the checkers of each kind: RADIUS servers, directories, the hashes stored here.
package source

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/username"
)

// The storage keys of sources: what those of entries begin with, before the id, and that of
// the last id.
const (
	KeyPrefix   = "extauth/"
	SequenceKey = "sequence/extauth"
)

// Type is the kind of an external authentication source.
type Type string

// The types of sources, in the order in which lists show them.
const (
	TypeRADIUS Type = "radius"
	TypeCERB   Type = "cerb" // a RADIUS server to which the NAS-Identifier names a service
	TypeLDAP   Type = "ldap"
	TypeAD     Type = "ad"
)

// Types are all of them, in that order.
var Types = []Type{TypeRADIUS, TypeCERB, TypeLDAP, TypeAD}

// isRADIUS reports whether sources of the type speak RADIUS.
func (t Type) isRADIUS() bool { return t == TypeRADIUS || t == TypeCERB }

// Local is the name that stands for the passwords stored here. No source can have it.
const Local = "local"

// Entry is a stored external authentication source.
type Entry struct {
	ID       int64  `json:"id"`
	Revision int64  `json:"revision"` // counts changes
	Type     Type   `json:"type"`
	Name     string `json:"name"`

	Hosts           []Host            `json:"hosts"`
	Port            int               `json:"port"` // 0: the usual port
	BindTo          string            `json:"bindto"`
	Realms          []string          `json:"realms"`
	ReplyAttributes map[string]string `json:"reply_attributes"`

	NASID string `json:"nasid,omitempty"` // radius, cerb
	// RADIUS is nil for directories, Directory for RADIUS servers.
	RADIUS    *RADIUSSettings    `json:"radius,omitempty"`
	Directory *DirectorySettings `json:"directory,omitempty"`

	Unread []string `json:"-"` // what is wrong with values that were given
}

// DirectorySettings hold the settings of a directory.
type DirectorySettings struct {
	DialTimeout int `json:"dial_timeout"` // seconds
	ReadTimeout int `json:"read_timeout"` // seconds

	SSL            bool   `json:"ssl"`
	SSLCert        string `json:"ssl_cert"`
	StartTLS       bool   `json:"starttls"`
	AllowCleartext bool   `json:"allow_cleartext"`

	TLSClientCert string `json:"tls_client_cert,omitempty"`
	TLSClientKey  string `json:"tls_client_key,omitempty"`
	TLSServerName string `json:"tls_server_name,omitempty"`

	BindDN        string `json:"ldap_binddn,omitempty"`
	UserAttribute string `json:"user_attribute,omitempty"`

	UserSearchBase   string `json:"user_search_base,omitempty"`
	UserSearchFilter string `json:"user_search_filter,omitempty"`
	SearchBindDN     string `json:"search_binddn,omitempty"`
	SearchPassword   string `json:"search_password,omitempty"`

	Domain string `json:"ad_domain,omitempty"`

	GroupSearchBase      string `json:"group_search_base"`
	GroupSearchFilter    string `json:"group_search_filter"`
	GroupSearchAttribute string `json:"group_search_attribute"`
}

// NewEntry returns a source of the type before anything is set.
func NewEntry(kind Type) *Entry {
	entry := &Entry{Type: kind, Realms: []string{}, ReplyAttributes: map[string]string{}}
	switch {
	case kind.isRADIUS():
		settings := DefaultRADIUSSettings()
		entry.RADIUS = &settings
	default:
		settings := DefaultRADIUSSettings()
		entry.Directory = &DirectorySettings{DialTimeout: settings.DialTimeout, ReadTimeout: settings.ReadTimeout, GroupSearchAttribute: "cn"}
		if kind == TypeLDAP {
			entry.Directory.UserAttribute = "uid"
		}
	}
	return entry
}

// UnmarshalJSON reads a stored source. What an earlier version has not stored has its default, as in
// the config: else the next write of another field would be refused.
func (s *Entry) UnmarshalJSON(data []byte) error {
	settings := DefaultRADIUSSettings()
	type plain Entry // without this method
	stored := plain{RADIUS: &settings}
	if err := json.Unmarshal(data, &stored); err != nil {
		return err
	}
	if !stored.Type.isRADIUS() {
		stored.RADIUS = nil
	}
	*s = Entry(stored)
	return nil
}

// ServerPort returns the port of the hosts that have none of their own.
func (s *Entry) ServerPort() int {
	switch {
	case s.Port != 0:
		return s.Port
	case s.RADIUS != nil:
		return s.RADIUS.DefaultPort()
	case s.Directory.SSL:
		return 636
	}
	return 389
}

// HasRealm reports whether the source checks the users of the realm.
func (s *Entry) HasRealm(realm string) bool {
	return slices.ContainsFunc(s.Realms, func(own string) bool { return username.SameRealm(own, realm) })
}

// withoutOwnRealm returns a name without a realm of the source. Others stay: else users could
// log in under any number of names.
func (s *Entry) withoutOwnRealm(name string) string {
	if user, realm := username.Split(name); s.HasRealm(realm) {
		return user
	}
	return name
}

// Clone returns a copy of everything that a caller could change through the copy.
func (s *Entry) Clone() *Entry {
	copied := *s
	copied.Hosts, copied.Realms = slices.Clone(s.Hosts), slices.Clone(s.Realms)
	copied.ReplyAttributes = maps.Clone(s.ReplyAttributes)
	if s.RADIUS != nil {
		settings := *s.RADIUS
		copied.RADIUS = &settings
	}
	if s.Directory != nil {
		settings := *s.Directory
		copied.Directory = &settings
	}
	return &copied
}

// ErrNotFound means that there is no such source.
var ErrNotFound = errors.New("there is no such source")

// stored are the sources in storage, with the index of their names.
var stored = kv.Named[Entry]{
	Kind:       "source",
	Kinds:      "sources",
	Prefix:     KeyPrefix,
	NamePrefix: "extauth-name/",
	NotFound:   ErrNotFound,
	Of:         func(e *Entry) (int64, string) { return e.ID, e.Name },
	IsName:     IsName,
}

// Load returns a stored source; nil means that there is none.
func Load(ctx context.Context, storage kv.Storage, id int64) (*Entry, error) {
	return stored.Load(ctx, storage, id)
}

// Find returns the source with the id or name in a path; the error is ErrNotFound if there is
// none.
func Find(ctx context.Context, storage kv.Storage, reference string) (*Entry, error) {
	return stored.Find(ctx, storage, reference)
}

// FindNamed returns the source with the name; the error is ErrNotFound if there is none.
func FindNamed(ctx context.Context, storage kv.Storage, name string) (*Entry, error) {
	return stored.FindNamed(ctx, storage, name)
}

// IDs returns the ids of the stored sources in their order.
func IDs(ctx context.Context, storage kv.Storage) ([]int64, error) {
	return stored.IDs(ctx, storage)
}

// LoadAll returns all sources in the order of their ids.
func LoadAll(ctx context.Context, storage kv.Storage) ([]*Entry, error) {
	ids, err := IDs(ctx, storage)
	if err != nil {
		return nil, err
	}
	entries := make([]*Entry, 0, len(ids))
	for _, id := range ids {
		entry, err := Load(ctx, storage, id)
		if err != nil {
			return nil, err
		}
		if entry != nil { // not deleted meanwhile
			entries = append(entries, entry)
		}
	}
	return entries, nil
}

// Save stores a source and the index of its name. before is what is stored; nil means that
// the source is new. The name is free.
func Save(ctx context.Context, storage kv.Storage, before, entry *Entry) error {
	return stored.Save(ctx, storage, before, entry)
}

// Delete deletes a source and the index of its name.
func Delete(ctx context.Context, storage kv.Storage, entry *Entry) error {
	return stored.Delete(ctx, storage, entry)
}

// IsName reports whether the text can be the name of a source: 1 to 63
// letters, digits, - and _, no number, which ids are, and not "local".
func IsName(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return text != "" && len(text) <= 63 && strings.Trim(text, letters) == "" &&
		!kv.IsWholeNumber(text) && !strings.EqualFold(text, Local)
}
