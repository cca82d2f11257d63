package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
)

// provenanceFile says what a release was made of, and how: an in-toto statement with SLSA's
// provenance, version 1. It has neither a time nor the number of a run.
const provenanceFile = "provenance.json"

type statement struct {
	Type          string     `json:"_type"`
	Subject       []subject  `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     provenance `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type provenance struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      runDetails      `json:"runDetails"`
}

type buildDefinition struct {
	BuildType            string               `json:"buildType"`
	ExternalParameters   externalParameters   `json:"externalParameters"`
	InternalParameters   internalParameters   `json:"internalParameters"`
	ResolvedDependencies []resourceDescriptor `json:"resolvedDependencies"`
}

// externalParameters are those of `make release`.
type externalParameters struct {
	Version         string   `json:"VERSION"`
	Platforms       []string `json:"RELEASE_PLATFORMS"`
	SourceDateEpoch int64    `json:"SOURCE_DATE_EPOCH"`
}

type internalParameters struct {
	Go          string   `json:"go"`
	Module      string   `json:"module"`
	FIPS140     string   `json:"fips140"` // of the variants of that name
	Environment []string `json:"environment"`
	Differences []string `json:"differences"` // from the commit and the tag
}

type resourceDescriptor struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest"`
}

type runDetails struct {
	Builder builder `json:"builder"`
}

type builder struct {
	ID string `json:"id"`
}

// sourceURI returns the name of the repository: by where it is published if that is known, else by its module.
func (r *release) sourceURI() string {
	if r.sourceURL == "" {
		return packageURL(r.source.module, r.version, "")
	}
	return "git+" + r.sourceURL
}

// builderID returns the URI of who makes the release; whoever calls make says no other.
func (r *release) builderID() string {
	return cmp.Or(r.builder, packageURL(r.source.module, r.version, "Makefile"))
}

// provenance returns the statement about the files whose sums are given.
func (r *release) provenance(sums checksums) ([]byte, error) {
	s := statement{
		Type:          "https://in-toto.io/Statement/v1",
		PredicateType: "https://slsa.dev/provenance/v1",
		Predicate: provenance{
			BuildDefinition: buildDefinition{
				BuildType: packageURL(r.source.module, "", "release/v1"),
				ExternalParameters: externalParameters{
					Version: r.version, Platforms: strings.Fields(joinTargets(r.targets, " ")), SourceDateEpoch: r.source.time.Unix(),
				},
				InternalParameters: internalParameters{
					Go: r.toolchain.version, Module: r.source.module, FIPS140: fipsModule,
					Environment: append([]string{"CGO_ENABLED=0"}, architectureLevels...), Differences: append([]string{}, r.source.warnings...),
				},
				ResolvedDependencies: []resourceDescriptor{{
					URI: r.sourceURI(), Digest: map[string]string{"gitCommit": r.source.commit},
				}},
			},
			RunDetails: runDetails{Builder: builder{ID: r.builderID()}},
		},
	}
	for _, name := range sums.names() {
		s.Subject = append(s.Subject, subject{Name: name, Digest: map[string]string{"sha256": sums[name]}})
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(s)
	return out.Bytes(), err
}
