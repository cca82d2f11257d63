package radiusauth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/acct"
)

const fieldEnvelope = "envelope"

// pageFields are those of a query that gives a page.
func pageFields(more map[string]*framework.FieldSchema) map[string]*framework.FieldSchema {
	more[fieldPage] = &framework.FieldSchema{Type: framework.TypeInt, Query: true, Default: 1, Description: "Which page to read, from 1."}
	more[fieldPageSize] = &framework.FieldSchema{Type: framework.TypeInt, Query: true, Default: 10, Description: "How many a page has, 1 to 100."}
	more[fieldEnvelope] = query("true: the answer is an object with count, next, previous and results. count is null above 10,000.")
	return more
}

func query(description string) *framework.FieldSchema {
	return &framework.FieldSchema{Type: framework.TypeString, Query: true, Description: description}
}

// queryTime reads a time of a query; zero if there is none.
func queryTime(d *framework.FieldData, field string, problems acct.Problems) time.Time {
	text := d.Get(field).(string)
	if text == "" {
		return time.Time{}
	}
	at, err := acct.ParseTime(text)
	if err != nil {
		problems[field] = err.Error()
	}
	return at
}

// queryBool reads a boolean of a query as clients write it; nil if there is none.
func queryBool(d *framework.FieldData, field string, problems acct.Problems) *bool {
	switch text := strings.TrimSpace(d.Get(field).(string)); strings.ToLower(text) {
	case "":
		return nil
	case "true", "t", "1", "yes", "y", "on":
		return new(true)
	case "false", "f", "0", "no", "n", "off":
		return new(false)
	default:
		problems[field] = fmt.Sprintf("is %.40q: use true or false", text)
		return nil
	}
}

// listQuery is how an answer with many records is wanted.
type listQuery struct {
	page     acct.Page
	envelope bool
	filters  url.Values // what else the client has written
}

// readListQuery reads the page of a query, and what the next ones have to repeat.
func readListQuery(d *framework.FieldData, problems acct.Problems) listQuery {
	list := listQuery{
		page:    acct.Page{Number: d.Get(fieldPage).(int), Size: d.Get(fieldPageSize).(int)},
		filters: url.Values{},
	}
	if envelope := queryBool(d, fieldEnvelope, problems); envelope != nil {
		list.envelope = *envelope
	}
	for field, schema := range d.Schema {
		if _, written := d.Raw[field]; written && schema.Query && schema.Type == framework.TypeString {
			list.filters.Set(field, d.Get(field).(string))
		}
	}
	return list
}

// reference returns another page as a reference to this one's URL, which the plugin does
// not know (RFC 3986 section 4.2).
func (l listQuery) reference(page acct.Page) string {
	values := url.Values{fieldPage: {strconv.Itoa(page.Number)}, fieldPageSize: {strconv.Itoa(page.Size)}}
	for field, texts := range l.filters {
		values[field] = texts
	}
	return "?" + values.Encode()
}

// pageLinks are references to other pages, by their relation (RFC 8288); "" if there is none.
type pageLinks struct{ first, previous, next, last string }

// links returns the references to pages as far as they are known: more tells whether a
// page follows; total is nil if the records were not counted.
func (l listQuery) links(more bool, total *int) pageLinks {
	links := pageLinks{first: l.reference(l.page.First())}
	previous, exists := l.page.Previous()
	if total != nil {
		last := l.page.Last(*total)
		previous.Number = min(previous.Number, last.Number)
		links.last = l.reference(last)
	}
	if exists {
		links.previous = l.reference(previous)
	}
	if more {
		links.next = l.reference(l.page.Next())
	}
	return links
}

// header returns the value of the field Link.
func (l pageLinks) header() string {
	var links []string
	for _, link := range []struct{ relation, reference string }{
		{"first", l.first}, {"prev", l.previous}, {"next", l.next}, {"last", l.last},
	} {
		if link.reference != "" {
			links = append(links, fmt.Sprintf("<%s>; rel=%q", link.reference, link.relation))
		}
	}
	return strings.Join(links, ", ")
}

// total returns the number of all records; nil if it is not known exactly.
func (b *backend) total(count int, exact bool, err error) (*int, error) {
	switch {
	case isUnavailable(err): // the page is there: it is worth more than its number
		b.Logger().Warn("records were not counted", "error", err)
		return nil, nil
	case err != nil:
		return nil, err
	case !exact:
		return nil, nil
	}
	return &count, nil
}

// arrayAnswer is a JSON array without Vault's envelope.
func arrayAnswer[T any](found []T, links pageLinks) (*logical.Response, error) {
	return listAnswer(orEmpty(found), links)
}

// envelopeAnswer is the array in the envelope that clients of django-rest-framework know.
func envelopeAnswer[T any](found []T, total *int, links pageLinks) (*logical.Response, error) {
	return listAnswer(map[string]any{
		"count": total, "next": orNull(links.next), "previous": orNull(links.previous), "results": orEmpty(found),
	}, links)
}

func orEmpty[T any](found []T) []T {
	if found == nil {
		return []T{}
	}
	return found
}

func orNull(reference string) any {
	if reference == "" {
		return nil
	}
	return reference
}

// listAnswer is an answer with the links in its header as well. Vault hands the header on
// if the mount is tuned for it.
func listAnswer(list any, links pageLinks) (*logical.Response, error) {
	body, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("encoding records: %w", err)
	}
	answer := freeradiusAnswer(http.StatusOK, string(body))
	answer.Headers = map[string][]string{"Link": {links.header()}}
	return answer, nil
}
