package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io/fs"
	"time"
)

// file is a file of an archive.
type file struct {
	path    string // with slashes
	content []byte
	mode    fs.FileMode
}

const (
	document   fs.FileMode = 0o644
	executable fs.FileMode = 0o755
)

// tarball returns files as a tar archive that depends on nothing else: no owner, no time but the one given.
func tarball(files []file, modified time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: f.path, Size: int64(len(f.content)), Mode: int64(f.mode.Perm()),
			ModTime: modified, Format: tar.FormatUSTAR,
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// compressed returns the content as gzip has it, without a name and a time.
func compressed(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// zipped returns files as a zip archive, as tarball does.
func zipped(files []file, modified time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.path, Method: zip.Deflate, Modified: modified}
		header.SetMode(f.mode)
		entry, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// pack returns the archive of a target: zip for Windows, else tar with gzip.
func pack(t target, files []file, modified time.Time) ([]byte, error) {
	if t.os == "windows" {
		return zipped(files, modified)
	}
	archive, err := tarball(files, modified)
	if err != nil {
		return nil, err
	}
	return compressed(archive)
}
