package radiusauth

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const kubernetesExamples = "examples/kubernetes/"

// helmValues are those of a chart's values that the examples set.
type helmValues struct {
	Server struct {
		Image map[string]string
		HA    struct {
			Enabled  bool
			Replicas int
			Raft     struct {
				Enabled   bool
				SetNodeID bool `yaml:"setNodeId"`
				Config    string
			}
		} `yaml:"ha"`
		Volumes             []map[string]any
		VolumeMounts        []volumeMount `yaml:"volumeMounts"`
		ExtraInitContainers []struct {
			Name, Image   string
			Command, Args []string
			VolumeMounts  []volumeMount `yaml:"volumeMounts"`
		} `yaml:"extraInitContainers"`
	}
	Global struct {
		TLSDisable bool `yaml:"tlsDisable"`
	}
}

type volumeMount struct {
	Name, MountPath string
	ReadOnly        bool
}

// UnmarshalYAML reads the names as Kubernetes spells them.
func (m *volumeMount) UnmarshalYAML(node *yaml.Node) error {
	var spelled struct {
		Name      string
		MountPath string `yaml:"mountPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	}
	if err := node.Decode(&spelled); err != nil {
		return err
	}
	*m = volumeMount(spelled)
	return nil
}

// readValues reads an example of values, all of whose fields have to be known.
func readValues(t *testing.T, name string) (values helmValues) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(readDocument(t, kubernetesExamples+name)))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&values), name)
	var mounts []volumeMount
	mounts = append(mounts, values.Server.VolumeMounts...)
	for _, container := range values.Server.ExtraInitContainers {
		mounts = append(mounts, container.VolumeMounts...)
	}
	volumes := map[string]bool{}
	for _, volume := range values.Server.Volumes {
		volumes[volume["name"].(string)] = true
	}
	for _, mount := range mounts {
		require.True(t, volumes[mount.Name], "%s: volume %s", name, mount.Name)
	}
	return values
}

// imagePlugins returns the folder and the names of the binaries in the example's image.
func imagePlugins(t *testing.T) (folder string, files []string) {
	t.Helper()
	copied := regexp.MustCompile(`(?m)^COPY --from=\w+ --chown=0:0 --chmod=0755 /vault-plugin-auth-radius (\S+)$`)
	for _, match := range copied.FindAllStringSubmatch(readDocument(t, "examples/container/Dockerfile"), -1) {
		folder = filepath.Dir(match[1])
		files = append(files, filepath.Base(match[1]))
	}
	require.Len(t, files, 2)
	return folder, files
}

func TestKubernetesExamplesFindThePluginWhereTheImageHasIt(t *testing.T) {
	t.Parallel()
	folder, files := imagePlugins(t)
	for _, name := range []string{"values-vault.yaml", "values-openbao.yaml"} {
		values := readValues(t, name)
		config := values.Server.HA.Raft.Config
		require.Contains(t, config, fmt.Sprintf("plugin_directory = %q\n", folder), name)
		require.NotContains(t, config, "disable_mlock", "the chart appends it")
		require.True(t, values.Server.HA.Enabled && values.Server.HA.Raft.Enabled, name)
		require.False(t, values.Global.TLSDisable, name)
		require.Contains(t, config, values.Server.VolumeMounts[0].MountPath+"/tls.crt", name)
	}
	fetched := readValues(t, "values-init-container.yaml").Server
	require.Contains(t, fetched.VolumeMounts, volumeMount{Name: "plugins", MountPath: folder, ReadOnly: true})

	var job struct {
		Kind string
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct{ Command, Args []string }
				}
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(readDocument(t, kubernetesExamples+"register-job.yaml")), &job))
	require.Equal(t, "Job", job.Kind)
	registers := job.Spec.Template.Spec.Containers[0]
	require.Equal(t, []string{"vault", "plugin", "register"}, registers.Command)
	require.Contains(t, registers.Args, "-command="+files[1])
	version, found := strings.CutPrefix(files[1], "vault-plugin-auth-radius_")
	require.True(t, found)
	require.Contains(t, registers.Args, "-version="+version)
	require.Equal(t, []string{"auth", "radius"}, registers.Args[len(registers.Args)-2:])
}

// archiveOf returns a release's archive with a binary.
func archiveOf(t *testing.T, binary string) []byte {
	t.Helper()
	var archive bytes.Buffer
	compressed := gzip.NewWriter(&archive)
	files := tar.NewWriter(compressed)
	header := &tar.Header{
		Name: "folder/vault-plugin-auth-radius", Mode: 0o755, Size: int64(len(binary)), Typeflag: tar.TypeReg,
	}
	require.NoError(t, files.WriteHeader(header))
	_, err := files.Write([]byte(binary))
	require.NoError(t, err)
	require.NoError(t, files.Close())
	require.NoError(t, compressed.Close())
	return archive.Bytes()
}

// The init container's script runs, with another wget, that finds the archives in a folder.
func TestInitContainerInstallsOnlyWhatHasTheRightChecksum(t *testing.T) {
	t.Parallel()
	container := readValues(t, "values-init-container.yaml").Server.ExtraInitContainers[0]
	require.Equal(t, []string{"sh", "-euc"}, container.Command)
	home := t.TempDir()
	plugins := filepath.Join(home, "plugins")
	wget := "#!/bin/sh\ncp \"" + home + "/$(basename \"$4\")\" \"$3\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(home, "wget"), []byte(wget), 0o700)) // #nosec G306 -- it is run
	script := strings.ReplaceAll(container.Args[0], "cd /plugins", "cd "+plugins)
	for _, version := range []string{"v0.1.0", "v0.2.0"} {
		archive := archiveOf(t, "binary "+version)
		file := filepath.Join(home, "vault-plugin-auth-radius_"+version+"_linux_amd64.tar.gz")
		require.NoError(t, os.WriteFile(file, archive, 0o600))
		script = strings.ReplaceAll(script, "SHA256_OF_THE_ARCHIVE_OF_"+strings.ToUpper(version),
			fmt.Sprintf("%x", sha256.Sum256(archive)))
	}
	_, files := imagePlugins(t)
	run := func() ([]byte, error) {
		require.NoError(t, os.RemoveAll(plugins))
		require.NoError(t, os.Mkdir(plugins, 0o700))
		command := exec.CommandContext(t.Context(), "sh", "-euc", script)
		command.Env = append(os.Environ(), "PATH="+home+":"+os.Getenv("PATH"), "TMPDIR="+home)
		return command.CombinedOutput()
	}
	out, err := run()
	require.NoError(t, err, string(out))
	for i, file := range files {
		binary, err := os.ReadFile(filepath.Join(plugins, file))
		require.NoError(t, err)
		require.Equal(t, "binary "+[]string{"v0.1.0", "v0.2.0"}[i], string(binary))
	}

	last := filepath.Join(home, "vault-plugin-auth-radius_v0.2.0_linux_amd64.tar.gz")
	require.NoError(t, os.WriteFile(last, archiveOf(t, "binary v0.2.1"), 0o600))
	out, err = run()
	require.Error(t, err, string(out))
	require.NoFileExists(t, filepath.Join(plugins, files[1]))
}
