package acct

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// The tables of FreeRADIUS (mods-config/sql/main/postgresql/schema.sql).
const (
	sessionTable  = "radacct"
	postAuthTable = "radpostauth"
)

// kind is the kind of a column: its type in tables made here, and the types that
// existing ones may have.
type kind struct {
	definition string
	types      []uint32
}

var (
	textKind    = &kind{"text", []uint32{pgtype.TextOID, pgtype.VarcharOID}}
	numberKind  = &kind{"bigint", []uint32{pgtype.Int8OID}}
	timeKind    = &kind{"timestamp with time zone", []uint32{pgtype.TimestamptzOID}}
	addressKind = &kind{"inet", []uint32{pgtype.InetOID, pgtype.TextOID, pgtype.VarcharOID}}
)

// column is a column of a table, and the field of T that it holds.
type column[T any] struct {
	name     string
	kind     *kind
	extra    string // the rest of its definition, after the type
	presence presence
	field    func(*T) any
}

// presence is whether a table may lack a column.
type presence int

const (
	required presence = iota // the table cannot be used
	optional                 // older tables do without
	added                    // it is added to tables of FreeRADIUS, all or none: see addColumns
)

var sessionColumns = []column[Record]{
	{"acctsessionid", textKind, "NOT NULL", required, func(r *Record) any { return &r.SessionID }},
	{"acctuniqueid", textKind, "NOT NULL UNIQUE", required, func(r *Record) any { return &r.UniqueID }},
	{"username", textKind, "", required, func(r *Record) any { return &r.Username }},
	{"groupname", textKind, "", optional, func(r *Record) any { return &r.GroupName }},
	{"realm", textKind, "", required, func(r *Record) any { return &r.Realm }},
	{"nasipaddress", addressKind, "NOT NULL", required, func(r *Record) any { return &r.NASAddress }},
	{"nasportid", textKind, "", required, func(r *Record) any { return &r.NASPortID }},
	{"nasporttype", textKind, "", required, func(r *Record) any { return &r.NASPortType }},
	{"acctstarttime", timeKind, "", required, func(r *Record) any { return &r.StartTime }},
	{"acctupdatetime", timeKind, "", required, func(r *Record) any { return &r.UpdateTime }},
	{"acctstoptime", timeKind, "", required, func(r *Record) any { return &r.StopTime }},
	{"acctinterval", numberKind, "", required, func(r *Record) any { return &r.Interval }},
	{"acctsessiontime", numberKind, "", required, func(r *Record) any { return &r.SessionTime }},
	{"acctauthentic", textKind, "", required, func(r *Record) any { return &r.Authentication }},
	{"connectinfo_start", textKind, "", required, func(r *Record) any { return &r.ConnectionInfoStart }},
	{"connectinfo_stop", textKind, "", required, func(r *Record) any { return &r.ConnectionInfoStop }},
	{"acctinputoctets", numberKind, "", required, func(r *Record) any { return &r.InputOctets }},
	{"acctoutputoctets", numberKind, "", required, func(r *Record) any { return &r.OutputOctets }},
	{"calledstationid", textKind, "", required, func(r *Record) any { return &r.CalledStationID }},
	{"callingstationid", textKind, "", required, func(r *Record) any { return &r.CallingStationID }},
	{"acctterminatecause", textKind, "", required, func(r *Record) any { return &r.TerminateCause }},
	{"servicetype", textKind, "", required, func(r *Record) any { return &r.ServiceType }},
	{"framedprotocol", textKind, "", required, func(r *Record) any { return &r.FramedProtocol }},
	{"framedipaddress", addressKind, "", required, func(r *Record) any { return &r.FramedIPAddress }},
	{"framedipv6address", addressKind, "", required, func(r *Record) any { return &r.FramedIPv6Address }},
	{"framedipv6prefix", addressKind, "", required, func(r *Record) any { return &r.FramedIPv6Prefix }},
	{"framedinterfaceid", textKind, "", required, func(r *Record) any { return &r.FramedInterfaceID }},
	{"delegatedipv6prefix", addressKind, "", required, func(r *Record) any { return &r.DelegatedIPv6Prefix }},
	{"class", textKind, "", optional, func(r *Record) any { return &r.Class }},
	{"nasidentifier", textKind, "", added, func(r *Record) any { return &r.NASIdentifier }},
	{"heardstarttime", timeKind, "", added, func(r *Record) any { return &r.HeardStart }},
	{"heardupdatetime", timeKind, "", added, func(r *Record) any { return &r.HeardUpdate }},
	{"heardstoptime", timeKind, "", added, func(r *Record) any { return &r.HeardStop }},
	{"guessedstop", textKind, "", added, func(r *Record) any { return (*string)(&r.Guess) }},
	{"toldsessiontime", numberKind, "", added, func(r *Record) any { return &r.ToldTime }},
	{"earliersessions", numberKind, "", added, func(r *Record) any { return &r.Earlier }},
}

// postAuthColumns leave out pass, where FreeRADIUS's own queries put passwords.
var postAuthColumns = []column[PostAuth]{
	{"username", textKind, "NOT NULL", required, func(a *PostAuth) any { return &a.Username }},
	{"reply", textKind, "", required, func(a *PostAuth) any { return &a.Reply }},
	{"calledstationid", textKind, "", required, func(a *PostAuth) any { return &a.CalledStationID }},
	{"callingstationid", textKind, "", required, func(a *PostAuth) any { return &a.CallingStationID }},
	{"authdate", timeKind, "NOT NULL DEFAULT now()", required, func(a *PostAuth) any { return &a.Time }},
	{"class", textKind, "", optional, func(a *PostAuth) any { return &a.Class }},
}

// encode returns a field as a parameter of a statement; NULL if it is unknown.
func encode(field any) any {
	switch v := field.(type) {
	case *string:
		if *v != "" {
			return *v
		}
	case **int64:
		if *v != nil {
			return **v
		}
	case *Time:
		if !v.IsZero() {
			return v.Time
		}
	case *netip.Addr:
		if v.IsValid() {
			return v.String()
		}
	case *netip.Prefix:
		if v.IsValid() {
			return v.String()
		}
	}
	return nil
}

// decode sets a field to a value of the database. A value of another program that is of
// no use here is unknown.
func decode(field, value any) {
	switch v := field.(type) {
	case *string:
		*v, _ = value.(string)
	case **int64:
		if n, ok := value.(int64); ok {
			*v = &n
		}
	case *Time:
		if t, ok := value.(time.Time); ok {
			*v = TimeOf(t)
		}
	case *netip.Addr:
		text, _ := value.(string)
		*v, _ = parseAddress(text)
	case *netip.Prefix:
		text, _ := value.(string)
		*v, _ = parsePrefix(text)
	}
}

// table is a table as it is in the database: with the columns of ours that it has.
type table[T any] struct {
	name    string
	key     string // the column that counts the rows
	columns []column[T]
	widths  []int // in characters, by column; 0 means any
}

// definition returns the statement that makes the table.
func (t table[T]) definition(more ...string) string {
	lines := append([]string{t.key + " bigserial PRIMARY KEY"}, more...)
	for _, c := range t.columns {
		lines = append(lines, strings.TrimSpace(c.name+" "+c.kind.definition+" "+c.extra))
	}
	return "CREATE TABLE IF NOT EXISTS " + t.name + " (" + strings.Join(lines, ", ") + ")"
}

// found returns the table as it is, and the problems that keep it from being used.
func (t table[T]) found(descriptions []pgconn.FieldDescription) (actual table[T], problems []string) {
	actual = table[T]{name: t.name, key: t.key}
	for _, c := range t.columns {
		i := slices.IndexFunc(descriptions, func(d pgconn.FieldDescription) bool { return d.Name == c.name })
		switch {
		case i < 0 && c.presence != required:
			continue
		case i < 0:
			problems = append(problems, fmt.Sprintf("column %s is missing: ALTER TABLE %s ADD COLUMN %s %s",
				c.name, t.name, c.name, c.kind.definition))
			continue
		case !slices.Contains(c.kind.types, descriptions[i].DataTypeOID) && c.presence == added:
			continue // it is another program's
		case !slices.Contains(c.kind.types, descriptions[i].DataTypeOID):
			problems = append(problems, fmt.Sprintf("column %s has a wrong type: ALTER TABLE %s ALTER COLUMN %s TYPE %s",
				c.name, t.name, c.name, c.kind.definition))
			continue
		}
		actual.columns = append(actual.columns, c)
		actual.widths = append(actual.widths, width(descriptions[i]))
	}
	if !slices.ContainsFunc(descriptions, func(d pgconn.FieldDescription) bool { return d.Name == t.key && d.DataTypeOID == pgtype.Int8OID }) {
		problems = append(problems, fmt.Sprintf("column %s is missing, or is not a bigint", t.key))
	}
	return actual, problems
}

// width returns how many characters a column of the type varchar(n) takes; 0 if it
// takes any number. The server adds the four octets of a length.
func width(d pgconn.FieldDescription) int {
	if d.DataTypeOID != pgtype.VarcharOID || d.TypeModifier < 4 {
		return 0
	}
	return int(d.TypeModifier) - 4
}

// names returns the columns' names, between commas.
func (t table[T]) names() string {
	names := make([]string, 0, len(t.columns))
	for _, c := range t.columns {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// selection returns a SELECT of the key, then the columns, addresses as text.
func (t table[T]) selection() string {
	names := []string{t.key}
	for _, c := range t.columns {
		if c.kind == addressKind {
			names = append(names, c.name+"::text")
			continue
		}
		names = append(names, c.name)
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM " + t.name
}

// row returns the parameters of a statement that writes an entry.
func (t table[T]) row(entry *T) []any {
	row := make([]any, 0, len(t.columns))
	for i, c := range t.columns {
		value := encode(c.field(entry))
		if value == nil && c.kind == textKind && strings.HasPrefix(c.extra, "NOT NULL") {
			value = ""
		}
		if text, ok := value.(string); ok && t.widths[i] > 0 {
			value = fit(text, t.widths[i])
		}
		row = append(row, value)
	}
	return row
}

// entry returns the entry of a selected row, its key left out.
func (t table[T]) entry(row []any) T {
	var entry T
	for i, c := range t.columns {
		decode(c.field(&entry), row[i])
	}
	return entry
}

// read returns the page that a query chooses, which asks for one row more.
func (t table[T]) read(
	ctx context.Context, conn querier, page Page, sql string, arguments []any, setID func(*T, int64),
) (found []T, more bool, err error) {
	rows, err := conn.Query(ctx, sql, arguments...)
	if err != nil {
		return nil, false, err
	}
	all, err := pgx.CollectRows(rows, values)
	if err != nil {
		return nil, false, err
	}
	for _, row := range all[:min(len(all), page.Size)] {
		entry := t.entry(row[1:])
		id, _ := row[0].(int64)
		setID(&entry, id)
		found = append(found, entry)
	}
	return found, len(all) > page.Size, nil
}

func values(row pgx.CollectableRow) ([]any, error) { return row.Values() }

// placeholders returns $first to $last, between commas.
func placeholders(first, last int) string {
	names := make([]string, 0, last-first+1)
	for n := first; n <= last; n++ {
		names = append(names, fmt.Sprintf("$%d", n))
	}
	return strings.Join(names, ", ")
}

// fit returns a text as a column of that many characters takes it.
func fit(text string, characters int) string {
	if isHex(text) {
		return cutHex(text, characters)
	}
	return cutCharacters(text, characters)
}

func cutCharacters(text string, characters int) string {
	for i := range text {
		if characters == 0 {
			return text[:i]
		}
		characters--
	}
	return text
}
