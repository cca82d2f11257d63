package radiustest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
)

// freeRADIUSConfig is the whole configuration of a FreeRADIUS 3.2 that checks
// passwords (PAP, CHAP, MS-CHAP) from a file, a directory and a database. It has room
// for the requests of a benchmark, which it remembers for seconds. Rejects leave at
// once; ^= puts Message-Authenticator before all other attributes.
const freeRADIUSConfig = `
{{- define "sign"}}{{if .SignAnswers}}
		update reply {
			&Message-Authenticator ^= 0x00
		}{{end}}{{end}}
{{- define "keep"}}{{if .SQL}}
		sql{{end}}{{end}}
{{- define "unlimited"}}
		limit {
			max_connections = 0
			lifetime = 0
			idle_timeout = 0
		}
{{- end -}}
max_requests = 131072
{{- if .Holds}}
max_request_time = 120
{{- end}}
{{- if or .Holds .TLS}}
thread pool {
	start_servers = 4
	max_servers = 32
}
{{- end}}
log {
	auth = yes
}
security {
	reject_delay = 0
	status_server = {{if .IgnoreStatusServer}}no{{else}}yes{{end}}
}
proxy_requests = no
client loopback {
	ipaddr = 127.0.0.1
	proto = *
	secret = '{{.Secret}}'
	require_message_authenticator = {{if .RequireMessageAuthenticator}}yes{{else}}no{{end}}
}
{{- if .TLS}}
clients radsec {
	client loopback {
		ipaddr = 127.0.0.1
		proto = tls
		secret = radsec
		require_message_authenticator = {{if .RequireMessageAuthenticator}}yes{{else}}no{{end}}
	}
}
{{- end}}
modules {
	always ok {
		rcode = ok
	}
	always handled {
		rcode = handled
	}
	always reject {
		rcode = reject
	}
{{- if .Holds}}
	exec hold {
		wait = yes
		timeout = 100
	}
{{- end}}
	files {
		filename = '{{.Dir}}/users'
	}
	pap {
	}
	chap {
	}
	mschap {
	}
{{- template "sources" .}}
}
server default {
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = {{.Port}}
	}
{{- if .TCP}}
	listen {
		type = auth
		proto = tcp
		ipaddr = 127.0.0.1
		port = {{.TCPPort}}
		{{- template "unlimited"}}
	}
{{- end}}
{{- if .TLS}}
	listen {
		type = auth
		proto = tcp
		ipaddr = 127.0.0.1
		port = {{.TLSPort}}
		clients = radsec
		{{- template "unlimited"}}
		tls {
			private_key_file = '{{.Dir}}/server.key'
			certificate_file = '{{.Dir}}/server.pem'
			ca_file = '{{.Dir}}/ca.pem'
			tls_min_version = "1.2"
			tls_max_version = "1.3"
			require_client_cert = yes
		}
	}
{{- end}}
	authorize {
		Autz-Type Status-Server { {{- template "sign" .}}
			ok
		}
		files
{{- if .LDAP}}
		ldap
{{- end}}
{{- if .SQL}}
		sql
{{- end}}
{{- if .Holds}}
		if (&control:Tmp-String-4) {
			update control {
				&Tmp-String-3 := "%{hold:/bin/sleep %{control:Tmp-String-4}}"
			}
		}
{{- end}}
		if (&State) {
			update control {
				&Auth-Type := Code
			}
		}
		else {
			chap
			mschap
			pap
		}
	}
	authenticate {
		Auth-Type PAP {
			pap
			if (&control:Tmp-String-2) {
				update session-state {
					&Tmp-String-0 := "%{User-Name}"
				}
				update reply {
					&Reply-Message := "Enter the one-time code"
					&Session-Timeout := 60
				}
				update control {
					&Response-Packet-Type := Access-Challenge
				}
				handled
			}
		}
		Auth-Type Code {
			if (&session-state:Tmp-String-0 == &User-Name && &User-Password == &control:Tmp-String-2) {
				ok
			}
			else {
				reject
			}
		}
		Auth-Type CHAP {
			chap
		}
		Auth-Type MS-CHAP {
			mschap
		}
	}
	post-auth { {{- template "sign" .}}{{template "keep" .}}
		Post-Auth-Type REJECT { {{- template "sign" .}}{{template "keep" .}}
		}
		Post-Auth-Type Challenge { {{- template "sign" .}}
		}
	}
}
`

// freeRADIUSSettings fill in freeRADIUSConfig.
type freeRADIUSSettings struct {
	FreeRADIUSOptions
	Dir string // where the files are
}

// config returns the text of the configuration file.
func (s freeRADIUSSettings) config() (string, error) {
	if err := plain("shared secret", s.Secret); err != nil {
		return "", err
	}
	if err := plain("folder", s.Dir); err != nil {
		return "", err
	}
	if err := errors.Join(s.LDAP.validate(), s.SQL.validate()); err != nil {
		return "", err
	}
	parsed, err := template.New("radiusd.conf").Parse(freeRADIUSSources + freeRADIUSConfig)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	if err := parsed.Execute(&text, s); err != nil {
		return "", err
	}
	return text.String(), nil
}

// plain refuses values that FreeRADIUS would not take literally: a quoted value
// in its configuration has no escape for backslashes, and ${} is replaced.
func plain(what, value string) error {
	odd := func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune(`'"\$`, r) }
	if value == "" || strings.ContainsFunc(value, odd) {
		return fmt.Errorf("FreeRADIUS %s: must not be empty or hold quotes, backslashes, dollar signs or control characters", what)
	}
	return nil
}

// usersFile returns the text of the users file: an entry per user with the
// password and the code to check and the seconds to wait, then the reply items.
// Entries are for any user (DEFAULT) with the name as a condition, because the
// name before an entry knows no escapes.
func (o FreeRADIUSOptions) usersFile() (string, error) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(o.Users)) {
		password, hold := o.Users[name], o.Holds[name]
		switch {
		case name == "" || strings.Contains(name+password, "\x00"):
			return "", fmt.Errorf("FreeRADIUS user %q: the name cannot be empty, nor name or password hold NUL", name)
		case hold < 0 || hold > MaxHold:
			return "", fmt.Errorf("FreeRADIUS user %q: answers cannot be held for %s, but for %s at most", name, hold, MaxHold)
		}
		fmt.Fprintf(&text, "DEFAULT User-Name == %s, Cleartext-Password := %s", quote(name), quote(password))
		if code, found := o.Codes[name]; found {
			fmt.Fprintf(&text, ", Tmp-String-2 := %s", quote(code))
		}
		if hold > 0 {
			fmt.Fprintf(&text, `, Tmp-String-4 := "%.3f"`, hold.Seconds())
		}
		text.WriteByte('\n')
		if items := o.ReplyAttributes[name]; len(items) > 0 {
			fmt.Fprintf(&text, "\t%s\n", strings.Join(items, ",\n\t"))
		}
	}
	return text.String(), nil
}

// quote writes any octets but NUL as a FreeRADIUS string. Octal escapes keep
// quotes from ending it, %{} from being expanded and line ends from ending the
// entry.
func quote(text string) string {
	var quoted strings.Builder
	quoted.WriteByte('"')
	for _, c := range []byte(text) {
		switch {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
			quoted.WriteByte(c)
		default:
			fmt.Fprintf(&quoted, `\%03o`, c)
		}
	}
	quoted.WriteByte('"')
	return quoted.String()
}
