package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

const (
	formContent = "application/x-www-form-urlencoded"
	jsonContent = "application/json"
)

// apiRequest is a request, and what Vault has to answer.
type apiRequest struct {
	method, path, content, body string
	status                      int
	contains                    string // blanks aside; "": the body is empty
}

// requireAnswers sends requests in their order.
func (v *vaultServer) requireAnswers(requests []apiRequest) {
	v.t.Helper()
	for _, request := range requests {
		status, answer := v.request(request.method, request.path, request.content, request.body)
		require.Equal(v.t, request.status, status, "%s %s %s: %s", request.method, request.path, request.body, answer)
		if request.contains == "" {
			require.Empty(v.t, answer, "%s %s", request.method, request.path)
		}
		require.Contains(v.t, strings.ReplaceAll(answer, " ", ""), strings.ReplaceAll(request.contains, " ", ""),
			"%s %s %s", request.method, request.path, request.body)
	}
}

// TestFreeRADIUSAPIIsAsDocumented sends every request of django-freeradius's
// documentation of its API, under Vault's paths and with a Vault token.
func TestFreeRADIUSAPIIsAsDocumented(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	v.write("auth/radius/users/testuser", map[string]any{"password": "testpassword"})
	const (
		authorize  = "auth/radius/freeradius/authorize"
		postauth   = "auth/radius/freeradius/postauth"
		accounting = "auth/radius/freeradius/accounting"
		batch      = "auth/radius/freeradius/batch"
		session    = `"session_id": "35000006", "unique_id": "75058e50", "username": "admin", "nas_ip_address": "172.16.64.91", ` +
			`"nas_port_id": "1", "nas_port_type": "Async", "session_time": "261", "authentication": "RADIUS", ` +
			`"input_octets": "9900909", "output_octets": "1513075509", "called_station_id": "00-27-22-F3-FA-F1:hostname", ` +
			`"calling_station_id": "5c:7d:c1:72:a7:3b", "terminate_cause": "User_Request", "service_type": "Login-User", ` +
			`"framed_protocol": "test", "framed_ip_address": "127.0.0.1"`
		allFilters = "?username=admin&called_station_id=00-27-22-F3-FA-F1:hostname&calling_station_id=5c:7d:c1:72:a7:3b" +
			"&is_open=false&nas_ip_address=172.16.64.91&unique_id=75058e50&start_time=2000-01-01"
	)
	for _, behaviour := range []struct {
		name     string
		requests []apiRequest
	}{
		{"authorize checks the password", []apiRequest{
			{
				"POST", authorize, formContent, "username=testuser&password=testpassword", 200,
				`"control:Auth-Type":{"op":":=","do_xlat":false,"value":"Accept"}`,
			},
			{"POST", authorize, jsonContent, `{"username": "testuser", "password": "testpassword"}`, 200, `"Accept"`},
			{"POST", authorize, formContent, "username=testuser&password=wrong", 204, ""},
		}},
		{"postauth keeps attempts", []apiRequest{
			{
				"POST", postauth, formContent,
				"username=testuser&password=testpassword&reply=Access-Accept&called_station_id=a&calling_station_id=b", 201, "",
			},
			{"POST", postauth, jsonContent, `{"password": "x"}`, 400, `"username":"is missing"`},
			{"GET", postauth + "?username=testuser", "", "", 200, `"calling_station_id":"b"`},
		}},
		{"accounting keeps sessions, and finds them", []apiRequest{
			{"POST", accounting, jsonContent, `{"status_type": "Start", ` + session + `}`, 201, ""},
			{"POST", accounting, jsonContent, `{"status_type": "Start", ` + session + `}`, 200, ""},
			{"POST", accounting, jsonContent, `{"status_type": "Interim-Update", ` + session + `}`, 200, ""},
			{"POST", accounting, jsonContent, `{"status_type": "Stop", ` + session + `}`, 200, ""},
			{"GET", accounting, "", "", 200, `"unique_id":"75058e50"`},
			{"GET", accounting + allFilters, "", "", 200, `"terminate_cause":"User_Request"`},
			{"GET", accounting + "?stop_time=2001-01-01", "", "", 200, "[]"},
			{"GET", accounting + "?is_open=True", "", "", 200, "[]"},
			{"GET", accounting + "?page=2&page_size=1", "", "", 200, "[]"},
		}},
		{"accounting acknowledges packets of no session", []apiRequest{
			{"POST", accounting, jsonContent, `{"status_type": "Accounting-On", "nas_ip_address": "172.16.64.91"}`, 200, ""},
			{"POST", accounting, jsonContent, `{"status_type": "Tunnel-Start", "nas_ip_address": "172.16.64.91"}`, 204, ""},
		}},
		{"accounting names fields that are wrong", []apiRequest{
			{
				"POST", accounting, jsonContent, `{"status_type": "Stop", "nas_ip_address": "x"}`, 400,
				`"nas_ip_address":"is not an IP address"`,
			},
			{"GET", accounting + "?start_time=soon&is_open=maybe", "", "", 400, `"is_open"`},
		}},
		{"batch creates users, and shows and deletes itself", []apiRequest{
			{
				"POST", batch, jsonContent,
				`{"name": "guests", "strategy": "prefix", "prefix": "guest", "number_of_users": 2, "expiration_date": "2099-12-31"}`, 201,
				`"username":"guest1"`,
			},
			{
				"POST", batch, jsonContent, `{"name": "guests", "strategy": "prefix", "prefix": "guest", "number_of_users": 2}`, 409,
				"exists already",
			},
			{
				"POST", batch, jsonContent, `{"name": "imported", "strategy": "csv", ` +
					`"csvfile": "rohith,cleartext$x,rohith@example.com,,", "expiration_date": "2099-12-31"}`, 201,
				`"username":"rohith"`,
			},
			{"POST", batch, jsonContent, `{"name": "empty", "strategy": "csv"}`, 400, "csvfile"},
			{"GET", batch + "/guests", "", "", 200, `"usernames":["guest1","guest2"]`},
			{"LIST", batch, "", "", 200, `"keys":["guests","imported"]`},
			{"DELETE", batch + "/imported", "", "", 204, ""},
		}},
	} {
		v.run(t, behaviour.name, func(*testing.T) { v.requireAnswers(behaviour.requests) })
	}
	v.run(t, "no password is logged", func(t *testing.T) {
		require.NotContains(t, v.log.String(), "testpassword")
	})
	v.run(t, "token without the policy is refused", func(t *testing.T) {
		secret, err := v.Client.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{"default"}})
		require.NoError(t, err)
		for _, token := range []string{"", "wrong", secret.Auth.ClientToken} {
			req, err := http.NewRequestWithContext(t.Context(), "POST", v.Client.Address()+"/v1/"+authorize, strings.NewReader("{}"))
			require.NoError(t, err)
			if token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusForbidden, resp.StatusCode, "token %q", token)
		}
	})
}

func TestBatchOfTenThousandUsersIsMadeByOneRequest(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	v.write("auth/radius/profiles", map[string]any{"name": "Guests", "short_name": "guests"})
	var created struct {
		Users []struct{ Username, Password string }
	}
	status, answer := v.request("POST", "auth/radius/freeradius/batch", jsonContent,
		`{"name": "conference", "strategy": "prefix", "prefix": "guest", "number_of_users": 10000, "profiles": "guests"}`)
	require.Equal(t, http.StatusCreated, status, answer)
	require.NoError(t, json.Unmarshal([]byte(answer), &created))
	require.Len(t, created.Users, 10000)

	v.run(t, "number of users is logged", func(t *testing.T) { v.log.await(t, "batch: users created") })
	v.run(t, "last user logs in", func(*testing.T) {
		v.login("auth/radius", created.Users[9999].Username, created.Users[9999].Password)
	})
	v.run(t, "all users are deleted with their batch", func(t *testing.T) {
		status, _ := v.request("DELETE", "auth/radius/freeradius/batch/conference", "", "")
		require.Equal(t, http.StatusNoContent, status)
		status, _ = v.request("LIST", "auth/radius/users", "", "")
		require.Equal(t, http.StatusNotFound, status)
	})
}

func mustMarshal(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}
