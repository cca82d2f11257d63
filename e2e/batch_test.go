package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The vault command reads JSON objects only.
func TestCommandLineShowsBatchesAndLists(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	_, _, err := v.cli("login", "-no-print", rootToken)
	require.NoError(t, err)
	const batch = "auth/radius/freeradius/batch"
	create := func(name string, more ...string) (stdout, stderr string, err error) {
		return v.cli(append([]string{"write"}, append(more, "strategy=prefix", "number_of_users=1", "name="+name, "prefix="+name)...)...)
	}
	stdout, stderr, err := create("page", "-field=html", batch, "format=html", "envelope=true")
	require.NoError(t, err, stderr)
	require.Contains(t, stdout, "<code>page1</code>")
	stdout, stderr, err = create("json", "-format=json", batch)
	require.NoError(t, err, stderr)
	require.Contains(t, stdout, `"password": "`)
	_, _, err = create("lost", batch, "format=html")
	require.Error(t, err, "as the description of format says")
	require.Equal(t, []any{"lost1"}, v.read(batch + "/lost")["usernames"])

	file := filepath.Join(t.TempDir(), "latin1.csv")
	require.NoError(t, os.WriteFile(file, []byte("anna,,,,\nm\xfcller,,,,\n"), 0o600))
	_, stderr, err = v.cli("write", batch, "name=latin1", "strategy=csv", "csvfile=@"+file)
	require.Error(t, err)
	require.Contains(t, stderr, "line 2: it has the character U+FFFD")
	status, answer := v.request(http.MethodPost, batch, "application/json", `{"name": "latin1", "strategy": "csv", "csvfile": "m`+"\xfc"+`ller,,,,"}`)
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, answer, "line 1: it has the character U+FFFD")

	for range 3 {
		v.request(http.MethodPost, "auth/radius/freeradius/postauth", "application/json", `{"username": "bob", "reply": "Access-Accept"}`)
	}
	stdout, stderr, err = v.cli("read", "-format=json", "auth/radius/freeradius/postauth", "envelope=true", "page_size=2")
	require.NoError(t, err, stderr)
	var read struct {
		Data struct {
			Count    int
			Next     string
			Previous *string
			Results  []any
		}
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &read), stdout)
	require.Equal(t, 3, read.Data.Count)
	require.Len(t, read.Data.Results, 2)
	require.Equal(t, "?envelope=true&page=2&page_size=2", read.Data.Next)

	const first = "?page_size=2&username=bob"
	require.Empty(t, v.link("auth/radius/freeradius/postauth"+first), "Vault drops it")
	_, stderr, err = v.cli("auth", "tune", "-allowed-response-headers=Link", "radius/")
	require.NoError(t, err, stderr)
	require.Equal(t, `<?page=1&page_size=2&username=bob>; rel="first", <?page=2&page_size=2&username=bob>; rel="next"`,
		v.link("auth/radius/freeradius/postauth"+first))
}

// link returns the field Link of an answer.
func (v *vaultServer) link(path string) string {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.Client.Address()+"/v1/"+path, nil)
	require.NoError(v.t, err)
	req.Header.Set("X-Vault-Token", rootToken)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(v.t, err)
	require.NoError(v.t, resp.Body.Close())
	require.Equal(v.t, http.StatusOK, resp.StatusCode)
	return resp.Header.Get("Link")
}
