package acct

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
)

// writerVariable names the folder for this program to write sessions to, instead of
// running tests.
const writerVariable = "ACCT_TEST_WRITER"

const killSeed = 3

// files is a kv.Storage of files under a folder. A value is there, or it is not.
type files string

func (f files) path(key string) string { return filepath.Join(string(f), filepath.FromSlash(key)) }

func (f files) List(_ context.Context, prefix string) ([]string, error) {
	entries, err := os.ReadDir(f.path(prefix))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		switch name := entry.Name(); {
		case entry.IsDir():
			names = append(names, name+"/")
		case !strings.HasPrefix(name, "."):
			names = append(names, name)
		}
	}
	return names, nil
}

func (f files) Get(_ context.Context, key string) ([]byte, error) {
	value, err := os.ReadFile(f.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return value, err
}

func (f files) Put(_ context.Context, key string, value []byte) error {
	folder := filepath.Dir(f.path(key))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(folder, ".new")
	if err != nil {
		return err
	}
	_, err = temporary.Write(value)
	if err := errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), f.path(key))
}

func (f files) Delete(_ context.Context, key string) error {
	err := os.Remove(f.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// write records sessions without end in a folder and prints each packet that it has
// acknowledged: which session, and which packet of it. It starts over when it has
// recorded all.
func write(dir string) int {
	sessions := spoiledTraffic(killSeed, 500)
	positions := map[*Packet]string{}
	for i := range sessions {
		for j := range sessions[i] {
			positions[&sessions[i][j]] = fmt.Sprintf("%d %d", i, j)
		}
	}
	store := NewVaultStore(files(dir))
	var group sync.WaitGroup
	for sender := range 4 {
		group.Go(func() {
			for i := sender; i < len(sessions); i += 4 {
				for j := range sessions[i] {
					if _, err := store.Record(context.Background(), sessions[i][j]); err != nil {
						fmt.Println("failed:", err)
						os.Exit(1)
					}
					fmt.Println(positions[&sessions[i][j]])
				}
			}
		})
	}
	group.Wait()
	return 0
}

// TestKilledProcessLosesNothingAcknowledged runs this program again as the one that
// writes, and kills it, several times on the same folder.
func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sessions := spoiledTraffic(killSeed, 500)
	acknowledged := map[string]Packet{}
	for round := range 5 {
		command, err := daemontest.Self(t.Context())
		require.NoError(t, err)
		command.Env = append(os.Environ(), writerVariable+"="+dir)
		output, err := command.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, command.Start())
		lines := bufio.NewScanner(output)
		for n := 0; lines.Scan(); n++ {
			var i, j int
			_, err := fmt.Sscanf(lines.Text(), "%d %d", &i, &j)
			require.NoError(t, err, lines.Text())
			acknowledged[lines.Text()] = sessions[i][j]
			if n == 30+7*round {
				require.NoError(t, command.Process.Kill())
			}
		}
		var killed *exec.ExitError
		require.ErrorAs(t, command.Wait(), &killed)
		require.Equal(t, syscall.SIGKILL, killed.Sys().(syscall.WaitStatus).Signal())
		requireAcknowledged(t, NewVaultStore(files(dir)), acknowledged)
	}
}

// requireAcknowledged checks that every packet is in its session's record, and that
// the record is found in each way.
func requireAcknowledged(t *testing.T, store Store, acknowledged map[string]Packet) {
	t.Helper()
	require.NotEmpty(t, acknowledged)
	for _, p := range acknowledged {
		found, _, err := store.Sessions(t.Context(), Filter{UniqueID: p.UniqueID}, Page{})
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, found[0], Merge(&found[0], p), "the packet is in the record already")
		open := found[0].Open()
		for _, f := range []Filter{
			{Username: p.Username},
			{CallingStationID: p.CallingStationID},
			{IsOpen: &open},
			{NASAddress: p.NASAddress, IsOpen: &open},
			{},
		} {
			f.StartTime = found[0].StartTime.Time
			require.True(t, lists(t, store, f, found[0]), "%v is not found by %v", found[0], f)
		}
	}
}

// lists reports whether a session is among those that are chosen.
func lists(t *testing.T, store Store, f Filter, wanted Record) bool {
	t.Helper()
	for number := 1; ; number++ {
		found, more, err := store.Sessions(t.Context(), f, Page{Number: number, Size: 100})
		require.NoError(t, err)
		for _, r := range found {
			if r.UniqueID == wanted.UniqueID {
				require.Equal(t, wanted, r)
				return true
			}
		}
		if !more {
			return false
		}
	}
}
