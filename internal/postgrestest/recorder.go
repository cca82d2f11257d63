package postgrestest

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Login is what a client has sent to a Recorder: a wish for TLS, which the Recorder has
// not, or all of the rest.
type Login struct {
	AskedTLS   bool
	Parameters map[string]string // of the startup message: user, database and others
	Password   string
}

// Recorder is a scripted PostgreSQL on loopback. It asks for the password in clear
// text, records it, and refuses the login with the error that it is given.
type Recorder struct {
	listener net.Listener
	refusal  pgproto3.ErrorResponse
	serving  sync.WaitGroup

	mu     sync.Mutex
	logins []Login // guarded by mu
}

// StartRecorder returns a recorder that refuses with a code of PostgreSQL and a
// message. It runs until Close.
func StartRecorder(code, message string) (*Recorder, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("scripted PostgreSQL: %w", err)
	}
	r := &Recorder{listener: listener, refusal: pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: message}}
	r.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.serving.Go(func() {
				defer func() { _ = conn.Close() }()
				_ = r.serve(conn) // a client that goes away has not sent more
			})
		}
	})
	return r, nil
}

// Address returns where the recorder listens, as host:port.
func (r *Recorder) Address() string { return r.listener.Addr().String() }

// Logins returns the logins so far, in the order in which they ended.
func (r *Recorder) Logins() []Login {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.logins)
}

// Close ends the recorder and waits for its connections.
func (r *Recorder) Close() error {
	err := r.listener.Close()
	r.serving.Wait()
	return err
}

func (r *Recorder) record(login Login) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logins = append(r.logins, login)
}

// serve records one login.
func (r *Recorder) serve(conn net.Conn) error {
	var login Login
	backend := pgproto3.NewBackend(conn, conn)
	for login.Parameters == nil {
		message, err := backend.ReceiveStartupMessage()
		if err != nil {
			return err
		}
		switch message := message.(type) {
		case *pgproto3.SSLRequest:
			r.record(Login{AskedTLS: true})
			if _, err := conn.Write([]byte("N")); err != nil {
				return err
			}
		case *pgproto3.StartupMessage:
			login.Parameters = message.Parameters
		default:
			return fmt.Errorf("unexpected %T", message)
		}
	}
	backend.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := errors.Join(backend.Flush(), backend.SetAuthType(pgproto3.AuthTypeCleartextPassword)); err != nil {
		return err
	}
	message, err := backend.Receive()
	if err != nil {
		return err
	}
	if password, ok := message.(*pgproto3.PasswordMessage); ok {
		login.Password = password.Password
	}
	r.record(login)
	backend.Send(&r.refusal)
	return backend.Flush()
}
