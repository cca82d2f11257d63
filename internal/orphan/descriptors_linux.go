package orphan

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// ReaderGone reports whether standard error is a pipe that no process can read any more.
func ReaderGone() bool { return readerGone(unix.Stderr) }

func readerGone(descriptor int) bool {
	var status unix.Stat_t
	if unix.Fstat(descriptor, &status) != nil || status.Mode&unix.S_IFMT != unix.S_IFIFO {
		return false
	}
	watched := []unix.PollFd{{Fd: int32(descriptor)}} // #nosec G115 -- descriptors are small
	ready, err := unix.Poll(watched, 0)
	return err == nil && ready > 0 && watched[0].Revents&unix.POLLERR != 0
}

// RemoveSockets removes the files of the Unix sockets that the process listens on, as
// closing such a socket does.
func RemoveSockets() {
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, entry := range descriptors {
		descriptor, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		listens, err := unix.GetsockoptInt(descriptor, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		if err != nil || listens == 0 {
			continue
		}
		address, err := unix.Getsockname(descriptor)
		if socket, isUnix := address.(*unix.SockaddrUnix); err == nil && isUnix && socket.Name != "" && socket.Name[0] != '@' {
			_ = os.Remove(socket.Name) // a file that is left over does no harm
		}
	}
}
