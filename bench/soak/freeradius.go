package soak

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// packetsOfSession are the packets of a session, in their order.
var packetsOfSession = []string{"Start", "Interim-Update", "Interim-Update", "Stop"}

// sessionsAtOnce is how many sessions are open at the same time, each of a worker of its own.
const sessionsAtOnce = 4

const (
	sessionsNAS = "192.0.2.9"
	otherNAS    = "192.0.2.10" // starts again and again, without sessions
)

// post sends what FreeRADIUS sends, and wants one of the statuses. Another one says that it took too long: 503, or
// 204 of an attempt to log in that is not kept.
func (l *load) post(path string, body map[string]any, statuses ...int) error {
	a, err := l.vault.call(l.ctx, http.MethodPost, path, rootToken, body)
	if err == nil && !slices.Contains(statuses, a.status) {
		err = a.unexpected(path)
		notKept := a.status == http.StatusNoContent && strings.HasSuffix(path, "postauth")
		if a.status == http.StatusServiceUnavailable || notKept {
			err = fmt.Errorf("%w: %w", errNotInTime, err)
		}
	}
	return err
}

// authorize asks whether local users may log in.
func (l *load) authorize(n int) {
	name := username(localGroup, n)
	l.measure(kind{name: "authorize"}, func() error {
		return l.post(mount+"freeradius/authorize", map[string]any{
			"username": name, "password": password(name), "nas_ip_address": sessionsNAS,
		}, http.StatusOK)
	})
}

// authorizeWrongPassword asks with a wrong password.
func (l *load) authorizeWrongPassword(n int) {
	l.measure(kind{name: "authorize, wrong password"}, func() error {
		err := l.post(mount+"freeradius/authorize", map[string]any{
			"username": username("mallory", n), "password": "wrong",
		}, http.StatusNoContent)
		if err == nil {
			err = errRefused
		}
		return err
	})
}

// postauth returns what hands over an attempt to log in to a mount.
func postauth(mount, store string) func(l *load, n int) {
	return func(l *load, n int) {
		l.measure(kind{name: "postauth, " + store}, func() error {
			return l.post(mount+"freeradius/postauth", map[string]any{
				"username": username(localGroup, n), "reply": "Access-Accept", "calling_station_id": "00-11-22-33-44-55",
			}, http.StatusCreated)
		})
	}
}

// account returns what sends the next packet of a session to a mount. Sessions are deleted soon after their end.
func account(mount, store string) func(l *load, n int) {
	return func(l *load, n int) {
		session, packet := n/sessionsAtOnce/len(packetsOfSession), n/sessionsAtOnce%len(packetsOfSession)
		status := packetsOfSession[packet]
		l.measure(kind{name: "accounting " + status + ", " + store}, func() error {
			return l.post(mount+"freeradius/accounting", map[string]any{
				"status_type": status, "session_id": fmt.Sprintf("soak-%d-%d", n%sessionsAtOnce, session),
				"username": username(localGroup, session), "nas_ip_address": sessionsNAS,
				"nas_port": fmt.Sprint(n % sessionsAtOnce), "session_time": fmt.Sprint(packet),
				"input_octets": fmt.Sprint(1000 * packet), "output_octets": fmt.Sprint(100 * packet),
			}, http.StatusCreated, http.StatusOK)
		})
	}
}

// restartOfNAS says that a NAS has started again.
func (l *load) restartOfNAS(int) {
	l.measure(kind{name: "accounting Accounting-On"}, func() error {
		return l.post(mount+"freeradius/accounting", map[string]any{"status_type": "Accounting-On", "nas_ip_address": otherNAS},
			http.StatusOK, http.StatusCreated, http.StatusNoContent)
	})
}

// batch creates a batch, has one of its users authorized, and deletes it.
func (l *load) batch(n int) {
	name := fmt.Sprintf("soak%d", n%usersOfGroup)
	var made struct {
		Users []struct {
			Username string `json:"username"`
			Password string `json:"password"`
		} `json:"users"`
	}
	l.measure(kind{name: "batch create"}, func() error {
		a, err := l.vault.must(l.ctx, http.MethodPost, mount+"freeradius/batch", map[string]any{
			"name": name, "strategy": "prefix", "prefix": "guest-", "number_of_users": 3, "profiles": writtenProfile,
		})
		if err == nil {
			err = a.decode(&made)
		}
		if err == nil && len(made.Users) != 3 {
			err = a.unexpected("batch, instead of three users")
		}
		return err
	})
	if len(made.Users) > 0 {
		l.measure(kind{name: "authorize of a batch"}, func() error {
			user := made.Users[0]
			return l.post(mount+"freeradius/authorize", map[string]any{"username": user.Username, "password": user.Password},
				http.StatusOK)
		})
	}
	l.measure(kind{name: "batch delete"}, func() error {
		_, err := l.vault.must(l.ctx, http.MethodDelete, mount+"freeradius/batch/"+name, nil)
		return err
	})
}
