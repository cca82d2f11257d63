package orphan

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestPipeShowsWhetherItIsRead(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer writer.Close()
	descriptor := int(writer.Fd())
	require.False(t, readerGone(descriptor))
	require.NoError(t, unix.SetNonblock(descriptor, true))
	for err = nil; err == nil; {
		_, err = unix.Write(descriptor, make([]byte, 4096))
	}
	require.ErrorIs(t, err, unix.EAGAIN)
	require.False(t, readerGone(descriptor), "a pipe that is full, as that of a process that is stopped")
	require.NoError(t, reader.Close())
	requireGone(t, descriptor)
}

// requireGone waits until the last reader is gone that the test has closed: a process that
// another test starts meanwhile has it as well, until it runs its program.
func requireGone(t *testing.T, descriptor int) {
	t.Helper()
	for range 1_000_000 {
		if readerGone(descriptor) {
			return
		}
		runtime.Gosched()
	}
	t.Fatal("the pipe still has a reader")
}

func TestPipeIsReadAsLongAsOneOfSeveralReaders(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer writer.Close()
	second, err := unix.FcntlInt(reader.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	require.False(t, readerGone(int(writer.Fd())))
	require.NoError(t, unix.Close(second))
	requireGone(t, int(writer.Fd()))
}

func TestPipeOfAStoppedProcessIsReadUntilItIsKilled(t *testing.T) {
	t.Parallel()
	command := exec.Command("sleep", "1000")
	writer, err := command.StdinPipe()
	require.NoError(t, err)
	defer writer.Close()
	require.NoError(t, command.Start())
	descriptor := int(writer.(interface{ Fd() uintptr }).Fd())
	require.NoError(t, command.Process.Signal(syscall.SIGSTOP))
	var status unix.WaitStatus
	_, err = unix.Wait4(command.Process.Pid, &status, unix.WUNTRACED, nil)
	require.NoError(t, err)
	require.True(t, status.Stopped())
	require.False(t, readerGone(descriptor))
	require.NoError(t, command.Process.Kill())
	_, err = command.Process.Wait()
	require.NoError(t, err)
	requireGone(t, descriptor)
}

func TestWhatIsNoPipeIsNeverGone(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer file.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer func() { _ = unix.Close(pair[0]) }()
	require.NoError(t, unix.Close(pair[1]))
	for name, descriptor := range map[string]int{"file": int(file.Fd()), "null": int(null.Fd()), "socket": pair[0], "closed": 1 << 20} {
		require.False(t, readerGone(descriptor), name)
	}
}

// TestSocketsThatAreListenedOnLoseTheirFiles removes those of the test's own process,
// which are this test's.
func TestSocketsThatAreListenedOnLoseTheirFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer listener.Close()
	abstract, err := net.Listen("unix", "@vault-plugin-auth-radius-"+filepath.Base(dir))
	require.NoError(t, err)
	defer abstract.Close()
	onLoopback, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer onLoopback.Close()
	client, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer client.Close()
	RemoveSockets()
	require.NoFileExists(t, path)
	RemoveSockets() // there is none any more
}
