package profile

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/dictionary"
)

func problemsOf(tb testing.TB, definition Definition) Problems {
	tb.Helper()
	compiled, err := Compile(dictionary.Standard(), definition)
	require.Nil(tb, compiled)
	var problems Problems
	require.ErrorAs(tb, err, &problems)
	return problems
}

func TestCheckItemsAreRefusedWithAdvice(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		item  Item
		field string
		text  string
	}{
		"no attribute":          {Item{"", "==", "x"}, "attribute", "name an attribute"},
		"unknown attribute":     {Item{"Nas-Identifer", "==", "x"}, "attribute", "did you mean NAS-Identifier"},
		"nothing like it":       {Item{"Qqqqqqqqqqqqqqqqqq", "==", "x"}, "attribute", "see dictionary/attributes"},
		"unknown list":          {Item{"control:Auth-Type", "==", "x"}, "attribute", `unknown list "control": use request, reply or client`},
		"list alone":            {Item{"reply:", "==", "x"}, "attribute", "name an attribute"},
		"tag 0":                 {Item{"Tunnel-Type:0", "==", "VLAN"}, "attribute", "use 1 to 31"},
		"tag 32":                {Item{"Tunnel-Type:32", "==", "VLAN"}, "attribute", "use 1 to 31"},
		"no tag":                {Item{"Tunnel-Type:", "==", "VLAN"}, "attribute", "use 1 to 31"},
		"untagged attribute":    {Item{"NAS-Port:1", "==", "5"}, "attribute", "NAS-Port has no tags"},
		"client name":           {Item{"client:a b", "==", "x"}, "attribute", "use letters, digits, - and _"},
		"long attribute":        {Item{"client:" + strings.Repeat("a", 58), "==", "x"}, "attribute", "has 65 octets, and 64 are the most"},
		"no operator":           {Item{port, "", "5"}, "op", "is missing: use one of = := +="},
		"unknown operator":      {Item{port, "=>", "5"}, "op", `unknown operator "=>": use one of = := +=`},
		"operator of replies":   {Item{port, "-=", "5"}, "op", "unknown operator"},
		"control of a reply":    {Item{"reply:" + port, ":=", "5"}, "op", "use == to compare"},
		"control of a client":   {Item{"client:device", "+=", "5"}, "op", "use == to compare"},
		"setting what compares": {Item{port, ":=", "5"}, "op", "has no effect here with request:NAS-Port: use == to compare"},
		"compared container":    {Item{"Vendor-Specific", "==", "5"}, "op", "only holds other attributes"},
		"not a number":          {Item{session, "==", "soon"}, "value", "soon"},
		"number too large":      {Item{port, ">", "4294967296"}, "value", "4294967296"},
		"negative number":       {Item{port, "<", "-1"}, "value", "-1"},
		"empty number":          {Item{port, "==", ""}, "value", ""},
		"host name":             {Item{nas, "==", "localhost"}, "value", "localhost"},
		"no network":            {Item{nas, "==", "10.0.0.0/33"}, "value", `"10.0.0.0/33" is not a network`},
		"order with a network":  {Item{nas, ">", "10.0.0.0/8"}, "value", "use ==, <= or !="},
		"order with a network ": {Item{nas, ">=", "10.0.0.0/8"}, "value", "use ==, <= or !="},
		"order with a network.": {Item{nas, "<", "10.0.0.0/8"}, "value", "use ==, <= or !="},
		"network of IPv6":       {Item{nas, "==", "2001:db8::/32"}, "value", "another address family"},
		"long value":            {Item{caller, "==", strings.Repeat("a", 254)}, "value", "has 254 octets, and 253 are the most"},
		"lookahead":             {Item{caller, "=~", "(?=a)"}, "value", "lookaround) are not supported"},
		"negative lookahead":    {Item{caller, "!~", "a(?!b)"}, "value", "lookaround) are not supported"},
		"lookbehind":            {Item{caller, "=~", "(?<=a)b"}, "value", "lookaround) are not supported"},
		"negative lookbehind":   {Item{caller, "=*", "(?<!a)b"}, "value", "lookaround) are not supported"},
		"back-reference":        {Item{caller, "=~", `(a)\1`}, "value", "back-references are not supported"},
		"named back-reference":  {Item{caller, "!*", `(?P<n>a)\k<n>`}, "value", "back-references are not supported"},
		"Python's":              {Item{caller, "=~", `(?P<n>a)(?P=n)`}, "value", "back-references are not supported"},
		"atomic group":          {Item{caller, "=~", "(?>a)"}, "value", "atomic groups are not supported"},
		"invalid escape":        {Item{caller, "=~", `\y`}, "value", "invalid escape sequence"},
		"large pattern":         {Item{caller, "=~", "([0-9]{100}[a-f]){10}"}, "value", "too large"},
		"many large classes":    {Item{caller, "=~", strings.Repeat(`\pL`, 30)}, "value", "too large"},
		"open expansion":        {Item{caller, "==", "a%{NAS-Port"}, "value", "end it with }"},
		"open default":          {Item{caller, "==", "%{NAS-Port:-a"}, "value", "end it with }"},
		"open around a default": {Item{caller, "==", "%{NAS-Port:-%{Class}"}, "value", "end it with }"},
		"open inner expansion":  {Item{caller, "==", "%{%{NAS-Port}"}, "value", "end it with }"},
		"single percent":        {Item{caller, "==", "100%"}, "value", "write %% for a percent sign"},
		"unknown expansion":     {Item{caller, "==", "%{NAS-Prt}"}, "value", "did you mean NAS-Port"},
		"program":               {Item{caller, "==", "%{exec:/bin/true}"}, "value", `unknown attribute "exec"`},
		"empty expansion":       {Item{caller, "==", "%{}"}, "value", "name an attribute"},
		"expanded client":       {Item{caller, "==", "%{client:device}"}, "value", "compare it in a check attribute"},
		"count":                 {Item{caller, "==", "%{Class[#]}"}, "value", "use a number from 0 to 255"},
		"all instances":         {Item{caller, "==", "%{Class[*]}"}, "value", "use a number from 0 to 255"},
		"open instance":         {Item{caller, "==", "%{Class[1}"}, "value", "use a number from 0 to 255"},
		"junk after expansion":  {Item{caller, "==", "%{%{Class}x}"}, "value", "unexpected"},
		"group of nothing":      {Item{caller, "==", "%{1}"}, "value", "no such group"},
		"expansion in a class":  {Item{caller, "=~", "^[%{Class}]$"}, "value", `cannot stand within []`},
		"expansion in quotes":   {Item{caller, "=~", `^\Q%{Class}\E$`}, "value", `cannot stand within []`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := problemsOf(t, Definition{Check: []Item{{port, "==", "5"}, test.item}})
			require.Len(t, problems, 1)
			require.Equal(t, "check_attribute[1]."+test.field, problems[0].Field)
			require.Contains(t, problems[0].Text, test.text)
		})
	}
}

func TestReplyItemsAreRefusedWithAdvice(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		item  Item
		field string
		text  string
	}{
		"unknown attribute":  {Item{"Sesion-Timeout", ":=", "60"}, "attribute", "did you mean Session-Timeout"},
		"list":               {Item{"reply:Class", ":=", "60"}, "attribute", `"reply:" names a list: leave it out`},
		"client list":        {Item{"client:device", ":=", "60"}, "attribute", "leave it out"},
		"wrong value":        {Item{session, ":=", "soon"}, "value", "soon"},
		"empty value":        {Item{message, "=", ""}, "value", "is empty"},
		"no operator":        {Item{session, "", "60"}, "op", "is missing: use one of = := +="},
		"unknown operator":   {Item{session, "set", "60"}, "op", `unknown operator "set"`},
		"long value":         {Item{message, "=", strings.Repeat("é", 127)}, "value", "has 254 octets"},
		"expanded password":  {Item{message, "=", "%{User-Password}"}, "value", "a secret"},
		"default password":   {Item{message, "=", "%{Class:-%{User-Password}}"}, "value", "a secret"},
		"group of nothing":   {Item{message, "=", "%{0}"}, "value", "no such group"},
		"Message-Auth…":      {Item{"Message-Authenticator", ":=", "0x00"}, "attribute", "cannot be set"},
		"State":              {Item{"state", ":=", "x"}, "attribute", "cannot be set"},
		"Proxy-State":        {Item{"Proxy-State", "+=", "x"}, "attribute", "cannot be set"},
		"EAP-Message":        {Item{"EAP-Message", "=", "x"}, "attribute", "cannot be set"},
		"CHAP-Challenge":     {Item{"CHAP-Challenge", "=", "x"}, "attribute", "cannot be set"},
		"MS-CHAP2-Success":   {Item{"MS-CHAP2-Success", "=", "x"}, "attribute", "cannot be set"},
		"MS-MPPE-Send-Key":   {Item{"MS-MPPE-Send-Key", "=", "x"}, "attribute", "cannot be set"},
		"CHAP-Password":      {Item{"CHAP-Password", "=", "x"}, "attribute", "password"},
		"User-Password":      {Item{"User-Password", "=", "x"}, "attribute", "password"},
		"vendor's password":  {Item{"ERX-Tunnel-Password", "=", "x"}, "attribute", "password"},
		"internal password":  {Item{"Cleartext-Password", ":=", "x"}, "attribute", "cannot be a reply attribute"},
		"Auth-Type":          {Item{"Auth-Type", ":=", "Accept"}, "attribute", "cannot be a reply attribute"},
		"other internal one": {Item{"Huntgroup-Name", ":=", "x"}, "attribute", "cannot be a reply attribute"},
		"Vendor-Specific":    {Item{"Vendor-Specific", "=", "0x00"}, "attribute", "only holds other attributes"},
		"container":          {Item{"WiMAX-Capability", "=", "0x00"}, "attribute", "only holds other attributes"},
	}
	for _, operator := range []string{"==", "!=", ">", ">=", "<", "<=", "=~", "!~", "=*", "!*"} {
		tests["operator "+operator] = struct {
			item  Item
			field string
			text  string
		}{Item{session, operator, "60"}, "op", operator + " compares and sets nothing: reply attributes take one of = := +="}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := problemsOf(t, Definition{Reply: []Item{test.item}})
			require.Len(t, problems, 1)
			require.Equal(t, "reply_attribute[0]."+test.field, problems[0].Field)
			require.Contains(t, problems[0].Text, test.text)
		})
	}
}

func TestTunnelPasswordMayBeReplied(t *testing.T) {
	t.Parallel()
	profiles := compileAll(t, sets("Tunnel-Password:1", ":=", "secret"))
	reply := Evaluate(profiles, newInput(t, nil, nil, nil)).Reply
	require.Len(t, reply, 1)
	require.Equal(t, "secret", string(reply[0].Value))
	require.EqualValues(t, 1, reply[0].Tag)
}

func TestEveryFieldIsReported(t *testing.T) {
	t.Parallel()
	problems := problemsOf(t, Definition{
		Check: items("No-Such", "~", "x", port, "==", "5", port, "==", "x"),
		Reply: items("Auth-Type", "==", "Accept"),
	})
	var fields []string
	for _, problem := range problems {
		fields = append(fields, problem.Field)
	}
	require.Equal(t, []string{
		"check_attribute[0].attribute", "check_attribute[0].op", "check_attribute[2].value",
		"reply_attribute[0].attribute", "reply_attribute[0].op",
	}, fields)
	for _, field := range fields {
		require.ErrorContains(t, problems, field)
	}
}

func TestTooManyItemsAreRefusedUnseen(t *testing.T) {
	t.Parallel()
	many := make([]Item, 10_000) // each with problems of its own
	require.Equal(t, Problems{
		{"check_attribute", "has 10000 items, and 1000 are the most: split the profile"},
		{"reply_attribute", "has 10000 items, and 1000 are the most: split the profile"},
	}, problemsOf(t, Definition{Check: many, Reply: many}))

	most := make([]Item, MaxItems)
	for i := range most {
		most[i] = Item{message, "=", "x"}
	}
	_, err := Compile(dictionary.Standard(), Definition{Check: most, Reply: most})
	require.NoError(t, err)
}

func TestProblemsEnd(t *testing.T) {
	t.Parallel()
	problems := problemsOf(t, Definition{Check: make([]Item, MaxItems), Reply: make([]Item, MaxItems)})
	require.Len(t, problems, maxProblems+1)
	require.Equal(t, "there may be more problems: these are the first", problems[maxProblems].Text)
}

func TestPatternsAreLimitedTogether(t *testing.T) {
	t.Parallel()
	large := Item{caller, "=~", "a{900}"}
	fits := make([]Item, maxPatternSizes/900-1)
	for i := range fits {
		fits[i] = large
	}
	compileAll(t, Definition{Check: fits})
	problems := problemsOf(t, Definition{Check: append(fits, large, large)})
	require.Contains(t, problems[0].Text, "too large together")
}

func TestValuesOfSecretsAreNotInProblems(t *testing.T) {
	t.Parallel()
	const secret = "pa(ss%{word"
	for _, definition := range []Definition{
		{Check: items("User-Password", "=~", "pa(ss")},
		{Check: items("User-Password", "==", secret)},
		{Check: items("User-Password", "==", "%{pa(ss}")},
		{Check: items("MS-MPPE-Send-Key", "==", "0xpa(ss")},
		{Check: items("client:otp", "=~", "pa(ss")},
		{Reply: items("Tunnel-Password", "==", "pa(ss", "Tunnel-Password", ":=", secret)},
	} {
		_, err := Compile(dictionary.Standard(), definition)
		require.Error(t, err, "%v", definition)
		require.NotContains(t, err.Error(), "pa(", "%v", definition)
	}
}

func TestProblemsAreFoundInWrappedErrors(t *testing.T) {
	t.Parallel()
	_, err := Compile(dictionary.Standard(), Definition{Check: items(port, "==", "x")})
	require.False(t, errors.Is(err, errOpen), "comparing them does not panic")
}
