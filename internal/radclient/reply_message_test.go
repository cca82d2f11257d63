package radclient

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/radiustest"
)

func replyMessages(texts ...string) radius.Attributes {
	var attributes radius.Attributes
	for _, text := range texts {
		attributes.Add(rfc2865.ReplyMessage_Type, radius.Attribute(text))
	}
	return attributes
}

func TestTextsOfARejectAreOneHarmlessLine(t *testing.T) {
	t.Parallel()
	full := strings.Repeat("a", MaxValueLen)
	for name, test := range map[string]struct {
		texts []string
		want  string
	}{
		"none":                      {nil, ""},
		"empty":                     {[]string{"", "\r\n", "\x00"}, ""},
		"one":                       {[]string{"Account locked"}, "Account locked"},
		"several":                   {[]string{"Account locked", "Call 555 \n"}, "Account locked Call 555"},
		"a full one goes on":        {[]string{full, "b", "c"}, full + "b c"},
		"UTF-8 over two of them":    {[]string{full[1:] + "\xc3", "\xbcber"}, full[1:] + "über"},
		"lines and columns":         {[]string{"a\r\nb\tc\u2028d"}, "a b c d"},
		"what a terminal obeys":     {[]string{"\x1b[31mred\x1b]0;title\x07\u009b2J\x7f"}, "[31mred ]0;title 2J"},
		"what turns a text around":  {[]string{"a\u202eb\u200bc\u2066d"}, "a b c d"},
		"no UTF-8":                  {[]string{"caf\xe9 \xff\xfe"}, "caf\uFFFD \uFFFD"},
		"a line of the log in it":   {[]string{"no\n2026-01-01 [INFO] login: username=root"}, "no 2026-01-01 [INFO] login: username=root"},
		"letters of all kinds stay": {[]string{"Пароль устарел, 密码 é 🙂"}, "Пароль устарел, 密码 é 🙂"},
	} {
		require.Equal(t, test.want, rejectMessage(replyMessages(test.texts...), []string{"pass-word-1"}), name)
	}
}

func TestLongTextsOfARejectAreCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 126)
	for _, start := range []string{"", "a", "ab"} {
		message := rejectMessage(replyMessages(start, long, long, long, long), nil)
		require.LessOrEqual(t, len(message), maxReplyMessage)
		require.Greater(t, len(message), maxReplyMessage-8)
		require.True(t, utf8.ValidString(message))
		require.NotContains(t, message, "\uFFFD")
		require.True(t, strings.HasSuffix(message, "…"))
	}
}

func TestTextsOfARejectThatRepeatASecretAreWithheld(t *testing.T) {
	t.Parallel()
	const password = `Tr0ub4dor&"3\x`
	full := strings.Repeat("a", MaxValueLen)
	for name, texts := range map[string][]string{
		"as it is":               {"wrong password: " + password},
		"in a later one":         {"no", "really", password},
		"over two of them":       {"wrong: " + password[:5], password[5:]},
		"over a full one":        {full[5:] + password[:5], password[5:]},
		"beyond what is kept":    {full, full, full, password},
		"in another case":        {strings.ToUpper(password)},
		"quoted":                 {`wrong: "Tr0ub4dor&\"3\\x"`},
		"in octal":               {`wrong: \124\162\060\165\142\064\144\157\162\046\042\063\134\170`},
		"as %XX":                 {"wrong: Tr0ub4dor%26%223%5Cx"},
		"as =XX":                 {"wrong: Tr0ub4dor=26=223=5cx"},
		"as \\XX":                {`wrong: Tr0ub4dor\26\223\5cx`},
		"in hexadecimal":         {"wrong: 0x54723075623464 6f7226223 35c78"},
		"with something between": {"wrong: T r 0 u b 4 d o r & \" 3 \\ x"},
		"with control between":   {"wrong: Tr0ub\x00\x1b4dor&\"3\\x"},
	} {
		message := rejectMessage(replyMessages(texts...), []string{"", password, "shared-secret"})
		require.Equal(t, withheldMessage, message, name)
	}
	for name, secret := range map[string]string{
		"a code": "123456", "a short one": "no", "one without letters": "!?", "of another alphabet": "密码密码",
		"not UTF-8": "\xe9\xff",
	} {
		require.Equal(t, withheldMessage, rejectMessage(replyMessages("it is <"+secret+">"), []string{secret}), name)
	}
	for text, secret := range map[string]string{
		"Login incorrect": "incorrect login",
		"1, 2 and 3":      "123",
		"Access denied":   "access-denied-password",
		"100%":            "100=25",
	} {
		require.Equal(t, text, rejectMessage(replyMessages(text), []string{secret}), secret)
	}
}

func TestRejectHasTheServersTexts(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			switch r.Username() {
			case "accepted":
				return []radiustest.Answer{r.Accept(radiustest.Attribute{Type: rfc2865.ReplyMessage_Type, Value: []byte("Welcome")})}
			case "other service":
				return []radiustest.Answer{r.Accept(
					radiustest.Attribute{Type: rfc2865.ServiceType_Type, Value: radius.NewInteger(10)},
					radiustest.Attribute{Type: rfc2865.ReplyMessage_Type, Value: []byte("Call check")},
				)}
			case "secret":
				return []radiustest.Answer{r.Reject("wrong secret: " + testSecret)}
			}
			return []radiustest.Answer{r.Reject("not with " + r.Password())}
		})
		message := func(username, password string, answers *Challenged) string {
			credentials := Credentials{Username: username, Password: password, Answers: answers}
			verdict, err := newClientAt(t, network, nil).Authenticate(t.Context(), credentials)
			require.NoError(t, err)
			return verdict.ReplyMessage
		}
		require.Empty(t, message("accepted", "p", nil), "only of a reject")
		require.Equal(t, "Call check", message("other service", "bob-password", nil))
		require.Equal(t, withheldMessage, message("secret", "bob-password", nil))
		require.Equal(t, withheldMessage, message("bob", "bob-password", nil))
		challenged := &Challenged{Host: firstAddress.String(), Server: firstAddress.String(), State: []byte("s")}
		require.Equal(t, withheldMessage, message("bob", "123456", challenged), "a code")
		require.Equal(t, "not with", message("bob", "", challenged), "Enter")
	})
}

func TestRejectOverTLSMayNameTheSecretThatIsNone(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Reject("no radsec user")}
	}}, func(t *testing.T, s *stream) {
		verdict, err := s.client(t, nil).Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, "no radsec user", verdict.ReplyMessage)
	})
}
