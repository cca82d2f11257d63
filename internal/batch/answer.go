package batch

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Data returns the batch for a response, without its users.
func (e *Entry) Data() map[string]any {
	expires := ""
	if e.ExpiresAt != nil {
		expires = e.ExpiresAt.Format(time.RFC3339)
	}
	return map[string]any{
		nameField:          e.Name,
		strategyField:      e.Strategy,
		prefixField:        e.Prefix,
		numberOfUsersField: e.Users,
		"expires_at":       expires,
		"created_at":       e.CreatedAt.Format(time.RFC3339),
	}
}

// Answer is the answer to a new batch. Generated passwords are in no other answer.
type Answer struct {
	Entry    *Entry
	Rows     []Row
	Until    string // the end of access, to be printed
	Format   string
	Envelope bool // csv and html are in JSON
}

// Text returns the answer in its format, and its media type.
func (a Answer) Text() (text, contentType string, err error) {
	switch a.Format {
	case FormatCSV:
		contentType = "text/csv; charset=utf-8"
		text, err = voucherCSV(a.Rows)
	case FormatHTML:
		contentType = "text/html; charset=utf-8"
		text, err = voucherPage(a.Entry.Name, a.Until, a.Rows)
	default:
		return a.json(map[string]any{"users": a.users()})
	}
	if err != nil || !a.Envelope {
		return text, contentType, err
	}
	return a.json(map[string]any{a.Format: text})
}

// json returns the batch as JSON, with more about it.
func (a Answer) json(more map[string]any) (text, contentType string, err error) {
	data := a.Entry.Data()
	maps.Copy(data, more)
	body, err := json.Marshal(data)
	if err != nil {
		return "", "", fmt.Errorf("encoding %s: %w", Label(a.Entry.Name), err)
	}
	return string(body), "application/json", nil
}

// users returns the users for JSON.
func (a Answer) users() []map[string]any {
	users := make([]map[string]any, 0, len(a.Rows))
	for _, row := range a.Rows {
		user := map[string]any{
			"username":   row.Username,
			"email":      row.Email,
			"first_name": row.FirstName,
			"last_name":  row.LastName,
		}
		if row.Generated {
			user["password"] = row.Password
		}
		users = append(users, user)
	}
	return users
}
