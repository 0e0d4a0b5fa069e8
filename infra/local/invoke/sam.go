// Package invoke runs the functions in containers of the real SAM CLI: sam local start-lambda with the project's own
// template and build/, behind Lambda's Invoke API. It is the second way beside package runtime; everything that a
// function talks to is the same. SAM gives all functions the same credentials, so the way to the permission gate proves
// who comes (see ByPath); it is open to containers on this machine only.
package invoke

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/template"
)

// readyWithin is how long SAM may take to start a container for every function.
const readyWithin = 3 * time.Minute

// markVariable is where every container of a run carries the run's mark: SAM hands its own credentials on, and no other
// name of a container can be chosen.
const markVariable = "AWS_SECRET_ACCESS_KEY"

// Config is what SAM needs. Everything must be set.
type Config struct {
	Application *template.Application
	Template    string            // template.yaml, of which Application was read; CodeUri is relative to its folder
	Parameters  map[string]string // those that Application was read with
	Program     string            // the sam command
	Dir         string            // a folder for the files of runs
	// Endpoints plays the services whose addresses the template declares, by the variable: AWS_ENDPOINT_URL_DYNAMODB.
	Endpoints map[string]http.Handler
	AccessKey func(logicalID string) string // by which the endpoints know a function

	Progress io.Writer // where the base image comes from
	Log      io.Writer // output of SAM and of the functions
	Group    *process.Group
}

// SAM is a running sam local start-lambda.
type SAM struct {
	*Endpoint
	docker  docker
	run     *run
	front   *http.Server
	process *process.Process
	log     io.Writer
	closing sync.Once
}

// Prepare sees to the base image and says where it comes from. Start does so too.
func Prepare(ctx context.Context, progress io.Writer) error {
	_, err := prepare(ctx, progress)
	return err
}

func prepare(ctx context.Context, progress io.Writer) (docker, error) {
	d, err := findDocker(ctx)
	if err != nil {
		return docker{}, err
	}
	return d, d.ensureImage(ctx, progress)
}

// Start starts SAM with a container for every function and waits until it answers. Nothing is left when it fails.
func Start(ctx context.Context, c Config) (*SAM, error) {
	if _, err := os.Stat(c.Program); err != nil {
		return nil, fmt.Errorf("the SAM CLI is not installed in %s; make run-sam and make test-sam install it", filepath.Dir(c.Program))
	}
	d, err := prepare(ctx, c.Progress)
	if err != nil {
		return nil, err
	}
	s := &SAM{docker: d}
	if err := s.start(ctx, c); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *SAM) start(ctx context.Context, c Config) (err error) {
	s.log = c.Log
	if s.run, err = newRun(c.Dir, func(mark string) error { return s.removeAll(ctx, mark) }); err != nil {
		return err
	}
	identities := newIdentities(c.Application.Functions)
	port, err := s.open(ctx, c, identities)
	if err != nil {
		return err
	}
	values, err := variables(c.Application, c.Endpoints, identities, port)
	if err != nil {
		return err
	}
	text, err := json.Marshal(values)
	if err != nil {
		return err
	}
	if err := errors.Join(
		os.WriteFile(s.run.file("variables.json"), text, 0o600),
		os.WriteFile(s.run.file("samconfig.toml"), []byte("version = 0.1\n"), 0o600), // the project's is for deploying
	); err != nil {
		return err
	}
	address, err := process.FreeAddress()
	if err != nil {
		return err
	}
	s.Endpoint = NewEndpoint("http://"+address, c.Application.Functions)
	log := newTail(c.Log)
	if s.process, err = c.Group.Start(process.Command{
		Path: c.Program, Args: s.arguments(c, address), Env: s.environment(), Dir: s.run.dir, Output: process.Lines(log.line),
	}); err != nil {
		return err
	}
	return s.ready(ctx, log)
}

// open serves the endpoints on Docker's bridge and returns the port.
func (s *SAM) open(ctx context.Context, c Config, identities map[string]string) (int, error) {
	bridge, err := s.docker.bridge(ctx)
	if err != nil {
		return 0, err
	}
	listener, err := net.Listen("tcp", netip.AddrPortFrom(bridge.address, 0).String())
	if err != nil {
		return 0, fmt.Errorf("opening a port for the containers: %w", err)
	}
	services, keys := map[string]http.Handler{}, map[string]string{}
	for variable, handler := range c.Endpoints {
		services[serviceOf(variable)] = handler
	}
	for function, identity := range identities {
		keys[identity] = c.AccessKey(function)
	}
	s.front = &http.Server{Handler: ByPath(services, keys), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.front.Serve(only{listener, bridge.subnet}) }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func (s *SAM) arguments(c Config, address string) []string {
	host, port, _ := net.SplitHostPort(address)
	parameters := []string{"Arch=" + Architecture()}
	for name, value := range c.Parameters {
		if name != "Arch" && value != "" {
			parameters = append(parameters, name+"="+value)
		}
	}
	slices.Sort(parameters)
	return []string{
		"local", "start-lambda", "--template", c.Template, "--host", host, "--port", port, "--region", template.Region,
		"--warm-containers", "EAGER", "--skip-pull-image", "--no-watch", "--add-host", hostName + ":host-gateway",
		"--env-vars", s.run.file("variables.json"), "--parameter-overrides", strings.Join(parameters, " "),
		"--config-file", s.run.file("samconfig.toml"), "--layer-cache-basedir", s.run.dir,
	}
}

// environment keeps SAM from the user's own files and from calling home, and tells it where the daemon is.
func (s *SAM) environment() []string {
	variables := []string{
		"SAM_CLI_TELEMETRY=0", "__SAM_CLI_APP_DIR=" + s.run.dir, "PYTHONUNBUFFERED=1", "LC_ALL=C.UTF-8",
		"AWS_ACCESS_KEY_ID=local", markVariable + "=" + s.run.mark, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
	}
	for _, name := range []string{"PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"} {
		if value, set := os.LookupEnv(name); set {
			variables = append(variables, name+"="+value)
		}
	}
	return variables
}

func (s *SAM) ready(ctx context.Context, log *tail) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
		if err != nil {
			return err
		}
		if response, err := s.client.Do(request); err == nil {
			return response.Body.Close()
		}
		select {
		case <-tick.C:
		case <-s.process.Done():
			return fmt.Errorf("sam local start-lambda ended at its start: %w\n%s", s.process.Err(), log)
		case <-ctx.Done():
			return fmt.Errorf("sam local start-lambda does not answer: %w\n%s", ctx.Err(), log)
		}
	}
}

// Done is closed when SAM has ended.
func (s *SAM) Done() <-chan struct{} { return s.process.Done() }

// Kill removes the container of a function and tells how many there were; instance is not looked at, as there is but one.
// SAM makes another with the next invocation.
func (s *SAM) Kill(function, _ string) int {
	removed, err := s.docker.remove(context.Background(), s.run.mark, function)
	if err != nil {
		fmt.Fprintf(s.log, "sam: the container of %s may still run: %v\n", function, err)
	}
	return removed
}

// removeAll removes the containers of a run, and says when some may be left.
func (s *SAM) removeAll(ctx context.Context, mark string) error {
	_, err := s.docker.remove(ctx, mark, "")
	if err != nil {
		fmt.Fprintf(s.log, "sam: containers of run %s may be left, the next run tries again: %v\n", mark, err)
	}
	return err
}

// Close ends SAM and removes its containers.
func (s *SAM) Close() {
	s.closing.Do(func() {
		if s.process != nil {
			s.process.Kill() // its own way out asks the daemon for each container in turn
			<-s.process.Done()
		}
		if s.run != nil {
			s.run.end(s.removeAll(context.Background(), s.run.mark))
		}
		if s.front != nil {
			_ = s.front.Close()
		}
	})
}

func newMark() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return "qms-" + hex.EncodeToString(b[:])
}
