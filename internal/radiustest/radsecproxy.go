package radiustest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// radsecproxyPrograms are the names of the proxy program. A user's PATH may not
// lead to where packages install it.
var radsecproxyPrograms = []string{"radsecproxy", "/usr/sbin/radsecproxy", "/usr/local/sbin/radsecproxy"}

// radsecproxyConfig is the whole configuration of a radsecproxy 1.9 between
// clients and one server, all on loopback. Certificates have to be of the
// authority that is trusted; whose they are is not checked.
const radsecproxyConfig = `
{{- define "tls"}}
{{- if eq .Protocol "tls"}}
tls {{.Name}} {
	CACertificateFile "{{.Dir}}/ca.pem"
	CertificateFile "{{.Dir}}/proxy.pem"
	CertificateKeyFile "{{.Dir}}/proxy.key"
}
{{- end}}
{{- end}}
{{- define "peer"}}
	host 127.0.0.1
	type {{.Protocol}}
	secret {{.Secret}}
{{- if eq .Protocol "tls"}}
	tls {{.Name}}
	CertificateNameCheck off
{{- end}}
{{- end -}}
LogLevel 3
Listen{{.Clients.Protocol}} 127.0.0.1:{{.Clients.Port}}
{{- template "tls" .Clients}}
{{- template "tls" .Server}}
client clients { {{- template "peer" .Clients}}
}
server upstream { {{- template "peer" .Server}}
	port {{.Server.Port}}
	StatusServer off
}
realm * {
	server upstream
}
`

// RadsecproxyOptions say what a radsecproxy connects.
type RadsecproxyOptions struct {
	Clients RadsecproxySide // Port is where to listen; 0: any free one
	Server  RadsecproxySide // Port is where the server listens
}

// RadsecproxySide is one side of a radsecproxy, over UDP or TLS.
type RadsecproxySide struct {
	Port   int
	Secret string            // over UDP; over TLS it is "radsec"
	TLS    *tlstest.Identity // the proxy's; nil: UDP
}

// Radsecproxy is a running radsecproxy on loopback. It answers Status-Server
// itself. Its methods may be called by several goroutines; Stop and Restart by
// one at a time.
type Radsecproxy struct {
	daemontest.Daemon
	port int
}

// StartRadsecproxy runs radsecproxy with a configuration of its own in dir, a
// folder that nothing else uses, and returns when it listens and, if the server
// is to be reached over TLS, has tried that. It runs until Stop or until ctx
// ends.
func StartRadsecproxy(ctx context.Context, dir string, o RadsecproxyOptions) (*Radsecproxy, error) {
	program, err := daemontest.FindProgram("radsecproxy", "radsecproxy", radsecproxyPrograms)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("radsecproxy folder: %w", err)
	}
	ready := []string{"listening for " + o.Clients.protocol()}
	if o.Server.TLS != nil {
		ready = append(ready, "tlsconnect: TLS connection to upstream")
	}
	p := &Radsecproxy{Daemon: daemontest.Daemon{
		Name:      "radsecproxy",
		Program:   program,
		Arguments: []string{"-f", "-c", filepath.Join(dir, "radsecproxy.conf")},
		Ready:     ready,
	}}
	for range daemontest.PortAttempts {
		p.port = o.Clients.Port
		if p.port == 0 {
			if p.port, err = daemontest.FreePort(ctx); err != nil {
				return nil, err
			}
		}
		if o.Clients.TLS != nil { // it says that it listens shortly before it does
			p.Accepts = net.JoinHostPort(p.Host(), strconv.Itoa(p.port))
		}
		if err = p.write(dir, o); err != nil {
			return nil, err
		}
		if err = p.Start(ctx); !errors.Is(err, daemontest.ErrPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Host returns the IP address the proxy listens on.
func (p *Radsecproxy) Host() string { return "127.0.0.1" }

// Port returns the UDP or TCP port the proxy listens on.
func (p *Radsecproxy) Port() int { return p.port }

// write writes the files that radsecproxy reads when it starts.
func (p *Radsecproxy) write(dir string, o RadsecproxyOptions) error {
	o.Clients.Port = p.port
	clients, err := o.Clients.settings(dir, "clients")
	if err != nil {
		return err
	}
	server, err := o.Server.settings(dir, "server")
	if err != nil {
		return err
	}
	parsed, err := template.New("radsecproxy.conf").Parse(radsecproxyConfig)
	if err != nil {
		return err
	}
	var config strings.Builder
	if err := parsed.Execute(&config, map[string]radsecproxySettings{"Clients": clients, "Server": server}); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "radsecproxy.conf"), []byte(config.String()), 0o600); err != nil {
		return fmt.Errorf("radsecproxy configuration: %w", err)
	}
	return nil
}

// radsecproxySettings fill in one side of radsecproxyConfig.
type radsecproxySettings struct {
	Name     string
	Port     int
	Protocol string // "udp" or "tls"
	Secret   string // with an escape for each octet
	Dir      string // where its certificates are
}

// settings writes the certificates of a side and says where they are.
func (s RadsecproxySide) settings(dir, name string) (radsecproxySettings, error) {
	dir = filepath.Join(dir, name)
	secret := s.Secret
	if s.TLS != nil {
		secret = secretOverTLS
	}
	switch {
	case secret == "":
		return radsecproxySettings{}, fmt.Errorf("radsecproxy: the %s side needs a shared secret", name)
	case strings.ContainsAny(dir, "\"%\n"):
		return radsecproxySettings{}, fmt.Errorf("radsecproxy folder %q: must not hold quotes, percent signs or line ends", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return radsecproxySettings{}, fmt.Errorf("radsecproxy folder: %w", err)
	}
	if err := s.TLS.Write(dir, "proxy"); err != nil {
		return radsecproxySettings{}, err
	}
	var quoted strings.Builder
	for _, c := range []byte(secret) {
		fmt.Fprintf(&quoted, "%%%02x", c)
	}
	return radsecproxySettings{Name: name, Port: s.Port, Protocol: s.protocol(), Secret: quoted.String(), Dir: dir}, nil
}

func (s RadsecproxySide) protocol() string {
	if s.TLS != nil {
		return "tls"
	}
	return "udp"
}
