package radiustest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
)

// freeRADIUSConfig is the whole configuration of a FreeRADIUS 3.2 that checks
// passwords (PAP, CHAP, MS-CHAP) from a file. It has room for the requests of a benchmark,
// which it remembers for seconds. Rejects leave at once; ^= puts
// Message-Authenticator before all other attributes.
const freeRADIUSConfig = `
{{- define "sign"}}{{if .SignAnswers}}
		update reply {
			&Message-Authenticator ^= 0x00
		}{{end}}{{end -}}
max_requests = 131072
log {
	auth = yes
}
security {
	reject_delay = 0
	status_server = yes
}
proxy_requests = no
client loopback {
	ipaddr = 127.0.0.1
	secret = '{{.Secret}}'
	require_message_authenticator = {{if .RequireMessageAuthenticator}}yes{{else}}no{{end}}
}
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
	files {
		filename = '{{.UsersFile}}'
	}
	pap {
	}
	chap {
	}
	mschap {
	}
}
server default {
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = {{.Port}}
	}
	authorize {
		Autz-Type Status-Server { {{- template "sign" .}}
			ok
		}
		files
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
	post-auth { {{- template "sign" .}}
		Post-Auth-Type REJECT { {{- template "sign" .}}
		}
		Post-Auth-Type Challenge { {{- template "sign" .}}
		}
	}
}
`

// freeRADIUSSettings fill in freeRADIUSConfig.
type freeRADIUSSettings struct {
	FreeRADIUSOptions
	UsersFile string
	Port      int
}

// config returns the text of the configuration file.
func (s freeRADIUSSettings) config() (string, error) {
	if err := plain("shared secret", s.Secret); err != nil {
		return "", err
	}
	if err := plain("users file", s.UsersFile); err != nil {
		return "", err
	}
	parsed, err := template.New("radiusd.conf").Parse(freeRADIUSConfig)
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
// password and the code to check, then the reply items. Entries are for any user (DEFAULT)
// with the name as a condition, because the name before an entry knows no
// escapes.
func usersFile(passwords, codes map[string]string, reply map[string][]string) (string, error) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(passwords)) {
		if name == "" || strings.Contains(name+passwords[name], "\x00") {
			return "", fmt.Errorf("FreeRADIUS user %q: the name cannot be empty, nor name or password hold NUL", name)
		}
		fmt.Fprintf(&text, "DEFAULT User-Name == %s, Cleartext-Password := %s", quote(name), quote(passwords[name]))
		if code, found := codes[name]; found {
			fmt.Fprintf(&text, ", Tmp-String-2 := %s", quote(code))
		}
		text.WriteByte('\n')
		if items := reply[name]; len(items) > 0 {
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
