// Package prometheustest runs a real Prometheus and a real Alertmanager for tests: with
// configurations of their own, on loopback.
package prometheustest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"vault-plugin-auth-radius/internal/daemontest"
)

// Prometheus is a running Prometheus on loopback. Its methods may be called by several
// goroutines; Stop and Restart by one at a time.
type Prometheus struct {
	daemontest.Daemon
	url string
}

// StartPrometheus runs a Prometheus with the configuration prometheus.yml of dir, a folder
// that holds what that file names and nothing else uses. It returns when it answers, and runs
// until Stop or until ctx ends.
func StartPrometheus(ctx context.Context, dir string) (*Prometheus, error) {
	program, err := daemontest.FindProgram("Prometheus", "prometheus", []string{"prometheus"})
	if err != nil {
		return nil, err
	}
	p := &Prometheus{Daemon: daemontest.Daemon{
		Name:    "Prometheus",
		Program: program,
		Ready:   []string{"Server is ready to receive web requests"},
	}}
	p.url, err = startOnFreePort(ctx, &p.Daemon, func(address string) []string {
		return []string{
			"--config.file=" + filepath.Join(dir, "prometheus.yml"),
			"--storage.tsdb.path=" + filepath.Join(dir, "data"),
			"--web.listen-address=" + address,
		}
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Alertmanager is a running Alertmanager on loopback, of no cluster.
type Alertmanager struct {
	daemontest.Daemon
	url string
}

// StartAlertmanager runs an Alertmanager with the configuration alertmanager.yml of dir, as
// StartPrometheus does.
func StartAlertmanager(ctx context.Context, dir string) (*Alertmanager, error) {
	// Debian's program has a name that its makers do not use.
	program, err := daemontest.FindProgram("Alertmanager", "prometheus-alertmanager",
		[]string{"prometheus-alertmanager", "alertmanager"})
	if err != nil {
		return nil, err
	}
	a := &Alertmanager{Daemon: daemontest.Daemon{
		Name:    "Alertmanager",
		Program: program,
		Ready:   []string{"Completed loading of configuration file", "Listening on"},
	}}
	a.url, err = startOnFreePort(ctx, &a.Daemon, func(address string) []string {
		return []string{
			"--config.file=" + filepath.Join(dir, "alertmanager.yml"),
			"--storage.path=" + filepath.Join(dir, "alertmanager"),
			"--web.listen-address=" + address,
			"--cluster.listen-address=",
		}
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Address returns host and port, as prometheus.yml names an Alertmanager.
func (a *Alertmanager) Address() string { return strings.TrimPrefix(a.url, "http://") }

// startOnFreePort starts a server with the arguments for an address, and returns its URL.
func startOnFreePort(
	ctx context.Context, d *daemontest.Daemon, arguments func(address string) []string,
) (url string, err error) {
	for range daemontest.PortAttempts {
		var port int
		if port, err = daemontest.FreePort(ctx); err != nil {
			return "", err
		}
		address := "127.0.0.1:" + strconv.Itoa(port)
		d.Arguments, d.Accepts = arguments(address), address
		if err = d.Start(ctx); err == nil {
			return "http://" + address, nil
		}
		if !errors.Is(err, daemontest.ErrPortTaken) {
			break
		}
	}
	return "", err
}

// Sample is a series with its value at a moment.
type Sample struct {
	Labels map[string]string
	Value  float64 // may be NaN
}

// Query evaluates an expression of PromQL, whose result is a scalar or an instant vector.
func (p *Prometheus) Query(ctx context.Context, expression string) ([]Sample, error) {
	var answer struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	}
	if err := p.get(ctx, "query", url.Values{"query": {expression}}, &answer); err != nil {
		return nil, err
	}
	if answer.ResultType == "scalar" {
		var value point
		if err := json.Unmarshal(answer.Result, &value); err != nil {
			return nil, fmt.Errorf("scalar of Prometheus: %w", err)
		}
		return []Sample{{Value: float64(value)}}, nil
	}
	var series []struct {
		Metric map[string]string `json:"metric"`
		Value  point             `json:"value"`
	}
	if err := json.Unmarshal(answer.Result, &series); err != nil {
		return nil, fmt.Errorf("vector of Prometheus: %w", err)
	}
	samples := make([]Sample, 0, len(series))
	for _, each := range series {
		samples = append(samples, Sample{Labels: each.Metric, Value: float64(each.Value)})
	}
	return samples, nil
}

// Alert is an alert that Prometheus has.
type Alert struct {
	Labels map[string]string `json:"labels"`
	State  string            `json:"state"` // pending, firing
}

// Alerts returns the alerts that are pending or firing.
func (p *Prometheus) Alerts(ctx context.Context) ([]Alert, error) {
	var answer struct {
		Alerts []Alert `json:"alerts"`
	}
	err := p.get(ctx, "alerts", nil, &answer)
	return answer.Alerts, err
}

// get asks the HTTP API, and decodes the data of its answer.
func (p *Prometheus) get(ctx context.Context, path string, parameters url.Values, data any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v1/"+path+"?"+parameters.Encode(), nil)
	if err != nil {
		return fmt.Errorf("request of Prometheus: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask Prometheus: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("answer of Prometheus: %w", err)
	}
	var answer struct {
		Status string          `json:"status"`
		Error  string          `json:"error"`
		Data   json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("answer of Prometheus: %w: %s", err, text)
	}
	if answer.Status != "success" {
		return fmt.Errorf("Prometheus refuses %s: %s", parameters.Encode(), answer.Error)
	}
	return json.Unmarshal(answer.Data, data)
}

// point is the value of a pair of a time and a value, which JSON has as text.
type point float64

// UnmarshalJSON reads [1700000000.123, "1.5"].
func (p *point) UnmarshalJSON(text []byte) error {
	var pair [2]any
	if err := json.Unmarshal(text, &pair); err != nil {
		return err
	}
	value, isText := pair[1].(string)
	if !isText {
		return fmt.Errorf("the value of %s is no text", text)
	}
	number, err := strconv.ParseFloat(value, 64)
	*p = point(number)
	return err
}

// Promtool runs promtool with something on its standard input, and returns what it prints.
func Promtool(ctx context.Context, input string, arguments ...string) (output string, err error) {
	program, err := daemontest.FindProgram("promtool", "prometheus", []string{"promtool"})
	if err != nil {
		return "", err
	}
	return run(ctx, program, input, arguments)
}

// Amtool runs amtool, which checks configurations of Alertmanager, and returns what it prints.
func Amtool(ctx context.Context, arguments ...string) (output string, err error) {
	program, err := daemontest.FindProgram("amtool", "prometheus-alertmanager", []string{"amtool"})
	if err != nil {
		return "", err
	}
	return run(ctx, program, "", arguments)
}

func run(ctx context.Context, program, input string, arguments []string) (string, error) {
	command := exec.CommandContext(ctx, program, arguments...) // #nosec G204 -- found by FindProgram
	command.Stdin = strings.NewReader(input)
	output, err := command.CombinedOutput()
	if err != nil {
		return string(output), fmt.Errorf("%s: %w: %s", filepath.Base(program), err, output)
	}
	return string(output), nil
}
