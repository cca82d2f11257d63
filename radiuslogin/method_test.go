package radiuslogin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/radiuslogin"
)

func carol() *radiuslogin.Method {
	return &radiuslogin.Method{Username: "carol", Password: radiuslogin.Text("carol-password")}
}

func TestLoginSendsThePasswordAndReturnsTheToken(t *testing.T) {
	t.Parallel()
	fake := startFakeVault(t, ok(tokenAnswer))
	method := carol()
	method.Mount = "/corp/radius/"
	method.Passcode = radiuslogin.Text("123456")
	method.Attributes = map[string]string{"device": "laptop"}

	secret, err := fake.client.Auth().Login(t.Context(), method)

	require.NoError(t, err)
	require.Equal(t, "hvs.fake", secret.Auth.ClientToken)
	require.Equal(t, "hvs.fake", fake.client.Token())
	require.Len(t, fake.seen(), 1)
	require.Equal(t, "/v1/auth/corp/radius/login/carol", fake.seen()[0].Path)
	require.Equal(t, map[string]any{
		"username": "carol", "password": "carol-password", "passcode": "123456",
		"attributes": map[string]any{"device": "laptop"},
	}, fake.seen()[0].Body)
}

// A path with other names would be another path: Vault's client cleans it, or it has no lease.
func TestNamesThatAPathWouldChangeAreInTheBodyOnly(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"carol@corp.example.com": "/v1/auth/radius/login/carol@corp.example.com",
		`corp\carol`:             "/v1/auth/radius/login",
		"a/../b":                 "/v1/auth/radius/login",
		"a..b":                   "/v1/auth/radius/login",
		".":                      "/v1/auth/radius/login",
		"jürgen?x=y":             "/v1/auth/radius/login",
	} {
		fake := startFakeVault(t, ok(tokenAnswer))
		method := carol()
		method.Username = name
		_, err := method.Login(t.Context(), fake.client)
		require.NoError(t, err, name)
		require.Equal(t, path, fake.seen()[0].Path, name)
		require.Equal(t, name, fake.seen()[0].Body["username"])
	}
}

func TestAnswerIsAskedForEachChallenge(t *testing.T) {
	t.Parallel()
	second := `{"data":{"challenge_id":"second","message":"Your colour","echo":true,"expires_in":10}}`
	fake := startFakeVault(t, ok(challengeAnswer), ok(second), ok(tokenAnswer))
	method := carol()
	method.Attributes = map[string]string{"device": "laptop"}
	var challenges []radiuslogin.Challenge
	method.Answer = func(ctx context.Context, challenge radiuslogin.Challenge) (string, error) {
		deadline, limited := ctx.Deadline()
		require.True(t, limited)
		require.Equal(t, challenge.Expires, deadline)
		challenges = append(challenges, challenge)
		return []string{"123456", ""}[challenge.Round-1], nil
	}

	secret, err := method.Login(t.Context(), fake.client)

	require.NoError(t, err)
	require.Equal(t, "hvs.fake", secret.Auth.ClientToken)
	require.Len(t, challenges, 2)
	require.Equal(t, "Enter your code", challenges[0].Message)
	require.False(t, challenges[0].Echo)
	require.Equal(t, "Your colour", challenges[1].Message)
	require.True(t, challenges[1].Echo)
	require.WithinDuration(t, time.Now().Add(90*time.Second), challenges[0].Expires, time.Minute)
	attributes := map[string]any{"device": "laptop"}
	require.Equal(t, map[string]any{
		"username": "carol", "challenge_id": "id-of-the-challenge", "password": "123456", "attributes": attributes,
	}, fake.seen()[1].Body)
	require.Equal(t, map[string]any{
		"username": "carol", "challenge_id": "second", "password": "", "attributes": attributes,
	}, fake.seen()[2].Body)
}

func TestChallengeWithoutAnAnswerIsAnError(t *testing.T) {
	t.Parallel()
	fake := startFakeVault(t, ok(challengeAnswer))
	_, err := fake.client.Auth().Login(t.Context(), carol())
	var unanswered *radiuslogin.ChallengeError
	require.ErrorAs(t, err, &unanswered)
	require.Equal(t, "id-of-the-challenge", unanswered.Challenge.ID)
	require.Contains(t, err.Error(), "Enter your code")
	require.NotContains(t, err.Error(), "id-of-the-challenge")
}

func TestChallengesWithoutAnEndEnd(t *testing.T) {
	t.Parallel()
	fake := startFakeVault(t, slices.Repeat([]fakeAnswer{ok(challengeAnswer)}, 100)...)
	method := carol()
	method.Answer = func(context.Context, radiuslogin.Challenge) (string, error) { return "", nil }
	_, err := method.Login(t.Context(), fake.client)
	require.ErrorIs(t, err, radiuslogin.ErrUnanswered)
	require.Len(t, fake.seen(), 32)
}

func TestLateAnswerIsNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		method := carol()
		method.Answer = func(ctx context.Context, _ radiuslogin.Challenge) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}
		client, err := api.NewClient(&api.Config{HttpClient: &http.Client{Transport: answering(challengeAnswer)}})
		require.NoError(t, err)
		_, err = method.Login(t.Context(), client)
		require.ErrorIs(t, err, radiuslogin.ErrExpired)
	})
}

// answering is a network on which each request is answered alike.
type answering string

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	recorder := newRecorder(string(a))
	return recorder.Result(), nil
}

func TestErrorOfTheCallbackEndsTheLogin(t *testing.T) {
	t.Parallel()
	giveUp := errors.New("no phone at hand")
	fake := startFakeVault(t, ok(challengeAnswer))
	method := carol()
	method.Answer = func(context.Context, radiuslogin.Challenge) (string, error) { return "", giveUp }
	_, err := method.Login(t.Context(), fake.client)
	require.ErrorIs(t, err, giveUp)

	method = carol()
	method.Password = func(context.Context) (string, error) { return "", giveUp }
	_, err = method.Login(t.Context(), fake.client)
	require.ErrorIs(t, err, giveUp)
	require.Len(t, fake.seen(), 1)
}

func TestErrorsTellWhatFailed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer fakeAnswer
		want   error
	}{
		"wrong password":   {fakeAnswer{400, `{"errors":["` + login.DeniedText + `"]}`}, radiuslogin.ErrRefused},
		"address":          {fakeAnswer{403, `{"errors":["permission denied"]}`}, radiuslogin.ErrRefused},
		"no RADIUS server": {fakeAnswer{400, `{"errors":["` + login.NoAnswerText + `"]}`}, radiuslogin.ErrUnanswered},
		"bad name":         {fakeAnswer{400, `{"errors":["username has a control character"]}`}, radiuslogin.ErrInvalid},
		"no config":        {fakeAnswer{400, `{"errors":["` + login.NotConfiguredText + `"]}`}, radiuslogin.ErrInvalid},
		"no path":          {fakeAnswer{404, `{"errors":["no handler for route"]}`}, radiuslogin.ErrNotFound},
		"other path":       {fakeAnswer{405, `{"errors":["unsupported operation"]}`}, radiuslogin.ErrNotFound},
		"other server":     {fakeAnswer{404, `<html>`}, radiuslogin.ErrNotFound},
		"website":          {fakeAnswer{200, `<html>`}, radiuslogin.ErrNotFound},
		"other secret":     {fakeAnswer{200, `{"data":{"hello":"world"}}`}, radiuslogin.ErrNotFound},
		"empty":            {fakeAnswer{204, ``}, radiuslogin.ErrNotFound},
		"too many":         {fakeAnswer{429, `{"errors":["request path is rate limited"]}`}, radiuslogin.ErrUnavailable},
		"sealed":           {fakeAnswer{503, `{"errors":["Vault is sealed"]}`}, radiuslogin.ErrUnavailable},
		"proxy":            {fakeAnswer{502, `<html>carol-password</html>`}, radiuslogin.ErrUnavailable},
	} {
		fake := startFakeVault(t, c.answer)
		_, err := fake.client.Auth().Login(t.Context(), carol())
		require.ErrorIs(t, err, c.want, name)
		var failure *radiuslogin.Error
		require.ErrorAs(t, err, &failure, name)
		require.Equal(t, "auth/radius/login/carol", failure.Path)
		require.NotContains(t, err.Error(), "carol-password", name)
		require.Len(t, fake.seen(), 1, name)
	}
}

func TestVaultThatIsNotReachedIsANetworkError(t *testing.T) {
	t.Parallel()
	client, err := api.NewClient(&api.Config{Address: "http://127.0.0.1:1"})
	require.NoError(t, err)
	_, err = carol().Login(t.Context(), client)
	require.ErrorIs(t, err, radiuslogin.ErrNetwork)
	require.NotContains(t, err.Error(), "carol-password")
}

func TestEndOfTheContextIsNoNetworkError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fake := startFakeVault(t)
	_, err := carol().Login(ctx, fake.client)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, radiuslogin.ErrNetwork)
}

// A request that is sent again is another push. The client itself goes on trying again.
func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	fake := startFakeVault(t, fakeAnswer{503, `{"errors":["internal error"]}`}, ok(tokenAnswer))
	_, err := carol().Login(t.Context(), fake.client)
	require.ErrorIs(t, err, radiuslogin.ErrUnavailable)
	require.Len(t, fake.seen(), 1)
	require.Equal(t, 2, fake.client.MaxRetries())
}

func TestLoginKeepsWhatTheClientIsToldAndSendsNoToken(t *testing.T) {
	t.Parallel()
	fake := startFakeVault(t, ok(tokenAnswer))
	client := fake.client.WithNamespace("team/")
	client.AddHeader("X-Trace", "7")
	client.SetToken("hvs.of-another-user")
	client.SetCloneToken(true)
	client.SetMFACreds([]string{"totp:123456"})
	client.SetPolicyOverride(true)
	client.SetWrappingLookupFunc(func(string, string) string { return "90s" })
	_, err := carol().Login(t.Context(), client)
	require.NoError(t, err)
	header := fake.seen()[0].Header
	require.Equal(t, "team/", header.Get("X-Vault-Namespace"))
	require.Equal(t, "7", header.Get("X-Trace"))
	require.Equal(t, "totp:123456", header.Get("X-Vault-MFA"))
	require.Equal(t, "true", header.Get("X-Vault-Policy-Override"))
	require.Equal(t, "90s", header.Get("X-Vault-Wrap-TTL"))
	require.Empty(t, header.Get("X-Vault-Token"))
	require.Equal(t, "hvs.of-another-user", client.Token())
}

// Vault wraps whatever a request with a TTL is answered.
func TestWrappedChallengeIsUnwrapped(t *testing.T) {
	t.Parallel()
	fake := startFakeVault(
		t, ok(`{"wrap_info":{"token":"hvs.wrapping","ttl":90}}`), ok(challengeAnswer),
		ok(`{"wrap_info":{"token":"hvs.final","ttl":90,"wrapped_accessor":"a"}}`),
	)
	fake.client.SetWrappingLookupFunc(func(string, string) string { return "90s" })
	method := carol()
	method.Answer = func(context.Context, radiuslogin.Challenge) (string, error) { return "123456", nil }
	secret, err := method.Login(t.Context(), fake.client)
	require.NoError(t, err)
	require.Equal(t, "hvs.final", secret.WrapInfo.Token)
	unwrap := fake.seen()[1]
	require.Equal(t, "/v1/sys/wrapping/unwrap", unwrap.Path)
	require.Equal(t, "hvs.wrapping", unwrap.Header.Get("X-Vault-Token"))
	require.Empty(t, unwrap.Header.Get("X-Vault-Wrap-TTL"))
	require.Empty(t, fake.seen()[2].Header.Get("X-Vault-Token"))
}

func TestRequirementOfVaultsLoginMFAIsReturned(t *testing.T) {
	t.Parallel()
	fake := startFakeVault(t, ok(challengeAnswer), ok(`{"auth":{"mfa_requirement":{"mfa_request_id":"r"}}}`))
	method := carol()
	method.Answer = func(context.Context, radiuslogin.Challenge) (string, error) { return "123456", nil }
	secret, err := fake.client.Auth().MFALogin(t.Context(), method)
	require.NoError(t, err)
	require.Equal(t, "r", secret.Auth.MFARequirement.MFARequestID)
}

func TestPrintedMethodShowsNoPasswordAndNoCode(t *testing.T) {
	t.Parallel()
	method := carol()
	method.Passcode = radiuslogin.Text("123456")
	for _, text := range []string{fmt.Sprint(*method), fmt.Sprintf("%+v", *method), fmt.Sprintf("%#v", *method)} {
		require.NotContains(t, text, "carol-password")
		require.NotContains(t, text, "123456")
	}
}

func TestMethodWithoutNameOrPasswordIsInvalid(t *testing.T) {
	t.Parallel()
	fake := startFakeVault(t)
	for _, method := range []*radiuslogin.Method{{Username: "carol"}, {Password: radiuslogin.Text("p")}} {
		_, err := method.Login(t.Context(), fake.client)
		require.ErrorIs(t, err, radiuslogin.ErrInvalid)
	}
	_, err := carol().Login(t.Context(), nil)
	require.ErrorIs(t, err, radiuslogin.ErrInvalid)
	require.Empty(t, fake.seen())
}

// Programs that use Vault's client take nothing more in.
func TestPackageImportsNoMoreThanVaultsClient(t *testing.T) {
	t.Parallel()
	const self = "vault-plugin-auth-radius/radiuslogin"
	more := dependencies(t, self)
	for path := range dependencies(t, "github.com/hashicorp/vault/api") {
		delete(more, path)
	}
	require.Equal(t, map[string]bool{self: true}, more)
}

func dependencies(t *testing.T, path string) map[string]bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", path).Output()
	require.NoError(t, err)
	found := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		found[strings.TrimSpace(line)] = true
	}
	return found
}

func TestTextThatJSONWouldChangeIsNotSent(t *testing.T) {
	t.Parallel()
	const latin1 = "m\xfcller"
	for field, method := range map[string]*radiuslogin.Method{
		"username": {Username: latin1, Password: radiuslogin.Text("pw")},
		"password": {Username: "carol", Password: radiuslogin.Text(latin1)},
		"passcode": {Username: "carol", Password: radiuslogin.Text("pw"), Passcode: radiuslogin.Text(latin1)},
	} {
		fake := startFakeVault(t, ok(tokenAnswer))
		_, err := method.Login(t.Context(), fake.client)
		require.ErrorIs(t, err, radiuslogin.ErrInvalid)
		require.ErrorContains(t, err, field+" is not UTF-8")
		require.NotContains(t, err.Error(), latin1)
		require.Empty(t, fake.seen())
	}
	fake := startFakeVault(t, ok(challengeAnswer), ok(tokenAnswer))
	method := carol()
	method.Answer = func(context.Context, radiuslogin.Challenge) (string, error) { return latin1, nil }
	_, err := method.Login(t.Context(), fake.client)
	require.ErrorIs(t, err, radiuslogin.ErrInvalid)
	require.Len(t, fake.seen(), 1)
}
