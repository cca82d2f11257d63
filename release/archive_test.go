package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	archivedFiles = []file{
		{path: "linux_amd64/program", content: []byte("binary"), mode: executable},
		{path: "linux_amd64/README.md", content: []byte("text"), mode: document},
	}
	archivedAt = time.Unix(1_700_000_001, 0).UTC()
)

func TestTarArchivesHaveNothingOfTheMachine(t *testing.T) {
	t.Parallel()
	archive, err := pack(target{os: "linux", arch: "amd64"}, archivedFiles, archivedAt)
	require.NoError(t, err)
	reader, err := gzip.NewReader(bytes.NewReader(archive))
	require.NoError(t, err)
	require.Equal(t, gzip.Header{OS: 255}, reader.Header, "no name, no time, no system")
	entries := tar.NewReader(reader)
	for _, want := range archivedFiles {
		header, err := entries.Next()
		require.NoError(t, err)
		require.Equal(t, want.path, header.Name)
		require.Equal(t, int64(want.mode), header.Mode)
		require.True(t, header.ModTime.Equal(archivedAt))
		require.Equal(t, []any{0, 0, "", ""}, []any{header.Uid, header.Gid, header.Uname, header.Gname})
		content, err := io.ReadAll(entries)
		require.NoError(t, err)
		require.Equal(t, want.content, content)
	}
	_, err = entries.Next()
	require.ErrorIs(t, err, io.EOF)
}

func TestZipArchivesHaveNothingOfTheMachine(t *testing.T) {
	t.Parallel()
	archive, err := pack(target{os: "windows", arch: "amd64"}, archivedFiles, archivedAt)
	require.NoError(t, err)
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	require.Len(t, reader.File, len(archivedFiles))
	for i, want := range archivedFiles {
		entry := reader.File[i]
		require.Equal(t, want.path, entry.Name)
		require.Equal(t, want.mode, entry.Mode())
		require.True(t, entry.Modified.Equal(archivedAt), "%s", entry.Modified)
		opened, err := entry.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(opened)
		require.NoError(t, err)
		require.Equal(t, want.content, content)
	}
}
