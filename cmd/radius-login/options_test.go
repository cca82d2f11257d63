package main

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFlagsAndTheNameStandInAnyOrder(t *testing.T) {
	t.Parallel()
	o, err := parseOptions(strings.Fields("-no-store username=carol -path corp -wrap-ttl 5m"))
	require.NoError(t, err)
	require.Equal(t, "carol", o.username)
	require.Equal(t, "corp", o.path)
	require.Equal(t, 5*time.Minute, o.wrapTTL)
	require.True(t, o.noStore)
}

func TestUsageNamesEveryFlag(t *testing.T) {
	t.Parallel()
	(&options{}).flags().VisitAll(func(f *flag.Flag) {
		require.Contains(t, usage, "-"+f.Name)
	})
}

// The process list and the shell's history have arguments; errors do not repeat them.
func TestPasswordsAreNoArguments(t *testing.T) {
	t.Parallel()
	for _, argument := range []string{
		"password=hush", "-password=hush", "--passcode=hush", "totp=hush", "passcode=hush", "hush", "secret=hush", "username=carol hush",
	} {
		_, err := parseOptions(append([]string{"-no-store"}, strings.Fields(argument)...))
		require.Error(t, err, argument)
		require.NotContains(t, err.Error(), "hush")
	}
	_, err := parseOptions([]string{"password=hush"})
	require.ErrorContains(t, err, "password is not taken from the command line")
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ arguments, problem string }{
		{"-format=xml", "-format"},
		{"-no-store -no-print", "-no-print"},
		{"-path=/", "-path"},
		{"-wrap-ttl=soon", "-wrap-ttl"},
		{"-wrap-ttl=-5s", "-wrap-ttl"},
		{"-wrap-ttl=5ms", "-wrap-ttl"},
		{"-attribute=device", "-attribute"},
		{"-attribute==x", "-attribute"},
		{"-nonsense", "-nonsense"},
	} {
		_, err := parseOptions(strings.Fields(c.arguments))
		require.ErrorContains(t, err, c.problem, c.arguments)
	}
}
