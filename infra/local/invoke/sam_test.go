package invoke_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/invoke"
	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/template"
)

// TestMain is also the SAM that Start starts.
func TestMain(m *testing.M) {
	if os.Getenv("INVOKE_TEST_SAM") == "" {
		os.Exit(m.Run())
	}
	playSAM()
}

// playSAM answers an invocation with what the function would find: its variables, and the answer of its endpoint.
func playSAM() {
	flags := flag.NewFlagSet("sam", flag.ExitOnError)
	variables, port := flags.String("env-vars", "", ""), flags.String("port", "", "")
	for _, name := range []string{"template", "host", "region", "warm-containers", "add-host", "parameter-overrides", "config-file", "layer-cache-basedir"} {
		flags.String(name, "", "")
	}
	flags.Bool("skip-pull-image", false, "")
	flags.Bool("no-watch", false, "")
	_ = flags.Parse(os.Args[3:])
	fmt.Println("START RequestId: 1 Version: $LATEST\nhello from SAM", strings.Join(os.Args[1:], " "))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{id}/invocations", func(w http.ResponseWriter, r *http.Request) {
		var all map[string]map[string]string
		text, _ := os.ReadFile(*variables)
		_ = json.Unmarshal(text, &all)
		own := all[r.PathValue("id")]
		endpoint := strings.Replace(own["AWS_ENDPOINT_URL_DYNAMODB"], "host.docker.internal", "127.0.0.1", 1)
		request, _ := http.NewRequest(http.MethodPost, endpoint, nil)
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20261123/us-east-1/dynamodb/aws4_request")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		body, _ := io.ReadAll(answer.Body)
		_ = json.NewEncoder(w).Encode(map[string]string{"table": own["LICENSE_TABLE"], "said": string(body), "secret": os.Getenv("AWS_SECRET_ACCESS_KEY")})
	})
	fmt.Println(http.ListenAndServe("127.0.0.1:"+*port, mux))
}

// machine is one with a docker command that notes how it is called and answers as told: a file per answer.
type machine struct{ dir string }

func newMachine(t *testing.T) machine {
	t.Helper()
	m := machine{t.TempDir()}
	m.script(t, "docker", `dir=`+m.dir+`
echo "$@" >>"$dir/calls"
case "$1 $2" in
  "version "*) [ -e "$dir/down" ] && { cat "$dir/down" >&2; exit 1; }; echo 20.10.24 ;;
  "image inspect") [ -e "$dir/image" ] && cat "$dir/image" ;;
  "pull "*) [ -e "$dir/registry" ] && echo pulling ;;
  "import "*) cat >"$dir/layer.tar" ;;
  "network inspect") echo '[{"IPAM":{"Config":[{"Subnet":"127.0.0.0/31"}]},"Options":{"com.docker.network.bridge.name":"lo"}}]' ;;
  "ps "*) [ -e "$dir/deaf" ] && { echo 'Cannot connect to the Docker daemon' >&2; exit 1; }; if [ -e "$dir/containers" ]; then cut -d' ' -f1 "$dir/containers"; fi ;;
  "inspect "*) cat "$dir/containers"; if [ -e "$dir/gone" ]; then cat "$dir/gone" >&2; exit 1; fi ;;
  "rm "*) [ -e "$dir/stuck" ] && { echo 'device or resource busy' >&2; exit 1; }; shift 3; for id; do sed -i "/^$id /d" "$dir/containers"; done ;;
esac`)
	m.write(t, "image", "\n") // pulled before
	t.Setenv("PATH", m.dir+":/usr/bin:/bin")
	return m
}

func (m machine) script(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
}

func (m machine) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600))
}

func (m machine) remove(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, os.Remove(filepath.Join(m.dir, name)))
}

func (m machine) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, name))
	require.NoError(t, err)
	return string(text)
}

// start starts SAM as the tests play it.
func (m machine) start(t *testing.T, change func(*invoke.Config)) (*invoke.SAM, string, error) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	m.script(t, "sam", `[ -n "$PROJECT_SECRET" ] && exit 2; INVOKE_TEST_SAM=1 exec `+self+` "$@"`)
	var progress bytes.Buffer
	group := process.NewGroup()
	t.Cleanup(group.Close)
	c := invoke.Config{
		Application: &template.Application{Functions: []template.Function{{
			LogicalID: "IssueFunction", Timeout: 3 * time.Second,
			Environment: map[string]string{"LICENSE_TABLE": "licenses-1", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8001"},
		}}},
		Template: "/project/template.yaml", Parameters: map[string]string{"TokenIssuer": "http://localhost:3001", "Empty": ""},
		Program: filepath.Join(m.dir, "sam"), Dir: filepath.Join(m.dir, "runs"), Progress: &progress, Log: t.Output(), Group: group,
		AccessKey: func(id string) string { return "QMS" + id },
		Endpoints: map[string]http.Handler{"AWS_ENDPOINT_URL_DYNAMODB": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Header.Get("Authorization"))
		})},
	}
	if change != nil {
		change(&c)
	}
	s, err := invoke.Start(t.Context(), c)
	if err == nil {
		t.Cleanup(s.Close)
	}
	return s, progress.String(), err
}

func TestStart_AFunctionIsKnownByThePathOfItsEndpoint(t *testing.T) {
	t.Setenv("PROJECT_SECRET", "not SAM's business")
	m := newMachine(t)
	var log bytes.Buffer
	s, _, err := m.start(t, func(c *invoke.Config) { c.Log = &log })
	require.NoError(t, err)
	answer, err := s.Invoke(t.Context(), "IssueFunction", []byte(`{}`))
	require.NoError(t, err)
	var found map[string]string
	require.NoError(t, json.Unmarshal(answer, &found))
	require.Equal(t, "licenses-1", found["table"])
	require.Contains(t, found["said"], "Credential=QMSIssueFunction/20261123")
	s.Close()
	require.Contains(t, log.String(), "sam: hello from SAM local start-lambda --template /project/template.yaml")
	require.Contains(t, log.String(), "--parameter-overrides Arch="+invoke.Architecture()+" TokenIssuer=http://localhost:3001 ")
	require.NotContains(t, log.String(), "START RequestId", "what SAM says of every invocation is left out")
}

// endpoint is what the one run that lives tells a function's container.
func (m machine) endpoint(t *testing.T, function string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(m.dir, "runs", "qms-*", "variables.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	var all map[string]map[string]string
	require.NoError(t, json.Unmarshal(text, &all))
	return all[function]["AWS_ENDPOINT_URL_DYNAMODB"]
}

func TestStart_NoFunctionAndNoOtherRunCanTellAFunctionsIdentity(t *testing.T) {
	m, seen := newMachine(t), map[string]bool{}
	for range 2 {
		s, _, err := m.start(t, func(c *invoke.Config) {
			other := c.Application.Functions[0]
			other.LogicalID = "ShowFunction"
			c.Application.Functions = append(c.Application.Functions, other)
		})
		require.NoError(t, err)
		for _, function := range []string{"IssueFunction", "ShowFunction"} {
			endpoint := m.endpoint(t, function)
			require.NotContains(t, endpoint, function)
			require.Regexp(t, `/dynamodb/as/[A-Z2-7]{26}$`, endpoint)
			_, identity, _ := strings.Cut(endpoint, "/as/")
			seen[identity] = true
		}
		s.Close()
	}
	require.Len(t, seen, 4)
}

func TestStart_TheWayToTheGateIsOpenToContainersAlone(t *testing.T) {
	m := newMachine(t)
	_, _, err := m.start(t, nil)
	require.NoError(t, err)
	endpoint := strings.Replace(m.endpoint(t, "IssueFunction"), "host.docker.internal", "127.0.0.1", 1)
	for from, open := range map[string]bool{"127.0.0.1": true, "127.0.0.5": false} { // the bridge here is 127.0.0.0/31
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
		response, err := client.Post(endpoint, "", nil)
		if !open {
			require.Error(t, err, from)
			continue
		}
		require.NoError(t, err, from)
		require.NoError(t, response.Body.Close())
	}
}

func TestClose_RemovesItsOwnContainersAndThoseOfARunThatWasKilled(t *testing.T) {
	m := newMachine(t)
	require.NoError(t, os.MkdirAll(filepath.Join(m.dir, "runs", "qms-dead"), 0o700))
	m.write(t, "containers", "c1 [\"AWS_SECRET_ACCESS_KEY=qms-dead\"]\nc2 [\"AWS_SECRET_ACCESS_KEY=another-project\"]\n")
	s, _, err := m.start(t, nil)
	require.NoError(t, err)
	require.NotContains(t, m.read(t, "containers"), "c1 ", "its run does not live any more")

	answer, err := s.Invoke(t.Context(), "IssueFunction", []byte(`{}`))
	require.NoError(t, err)
	var found map[string]string
	require.NoError(t, json.Unmarshal(answer, &found))
	own := fmt.Sprintf(`["A=b","AWS_SECRET_ACCESS_KEY=%s"]`, found["secret"])
	m.write(t, "containers", "c2 [\"AWS_SECRET_ACCESS_KEY=another-project\"]\nc3 "+own+"\nc4 "+own+"\n")
	require.Equal(t, 2, s.Kill("IssueFunction", ""))
	m.write(t, "containers", "c2 [\"AWS_SECRET_ACCESS_KEY=another-project\"]\nc5 "+own+"\n")
	s.Close()
	<-s.Done()
	require.Equal(t, "c2 [\"AWS_SECRET_ACCESS_KEY=another-project\"]\n", m.read(t, "containers"))
	left, err := filepath.Glob(filepath.Join(m.dir, "runs", "qms-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestStart_ARunWhoseContainersStayIsTriedAgain(t *testing.T) {
	const dead = "c1 [\"AWS_SECRET_ACCESS_KEY=qms-dead\"]\n"
	for name, hinder := range map[string]struct {
		file, says string
		folders    int // with its own, when it cannot look for containers either
	}{
		"docker rm fails":      {"stuck", "device or resource busy", 1},
		"docker ps fails":      {"deaf", "Cannot connect to the Docker daemon", 2},
		"docker inspect fails": {"gone", "Cannot connect to the Docker daemon", 2},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			folder := filepath.Join(m.dir, "runs", "qms-dead")
			require.NoError(t, os.MkdirAll(folder, 0o700))
			m.write(t, "containers", dead)
			m.write(t, hinder.file, hinder.says)
			var log bytes.Buffer
			s, _, err := m.start(t, func(c *invoke.Config) { c.Log = &log })
			require.NoError(t, err, "it does not keep this run from starting")
			s.Close()
			require.Contains(t, log.String(), "containers of run qms-dead may be left, the next run tries again: docker ")
			require.Contains(t, log.String(), hinder.says)
			require.DirExists(t, folder)
			left, err := filepath.Glob(filepath.Join(m.dir, "runs", "qms-*"))
			require.NoError(t, err)
			require.Len(t, left, hinder.folders)

			m.remove(t, hinder.file)
			s, _, err = m.start(t, nil)
			require.NoError(t, err)
			require.Empty(t, m.read(t, "containers"))
			s.Close()
			left, err = filepath.Glob(filepath.Join(m.dir, "runs", "qms-*"))
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
	t.Run("a container that goes meanwhile hinders nothing", func(t *testing.T) {
		m := newMachine(t)
		require.NoError(t, os.MkdirAll(filepath.Join(m.dir, "runs", "qms-dead"), 0o700))
		m.write(t, "containers", dead)
		m.write(t, "gone", "Error: No such object: c2")
		_, _, err := m.start(t, nil)
		require.NoError(t, err)
		require.Empty(t, m.read(t, "containers"))
		require.NoDirExists(t, filepath.Join(m.dir, "runs", "qms-dead"))
	})
}

func TestStart_SaysInOneSentenceWhatIsMissingAndWhatMendsIt(t *testing.T) {
	t.Run("no SAM CLI", func(t *testing.T) {
		_, _, err := newMachine(t).start(t, func(c *invoke.Config) { c.Program += "-none" })
		require.ErrorContains(t, err, "make run-sam")
	})
	t.Run("no docker", func(t *testing.T) {
		m := newMachine(t)
		t.Setenv("PATH", t.TempDir())
		_, _, err := m.start(t, nil)
		require.EqualError(t, err, "docker is missing, and SAM runs the functions in containers; install it with: apt-get install -y docker.io busybox-static")
	})
	t.Run("no daemon", func(t *testing.T) {
		m := newMachine(t)
		m.write(t, "down", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")
		_, _, err := m.start(t, nil)
		require.Regexp(t, `^Docker's daemon does not answer; start it with: (systemctl start docker|dockerd &)$`, err.Error())
	})
	t.Run("a daemon for others", func(t *testing.T) {
		m := newMachine(t)
		m.write(t, "down", "permission denied while trying to connect to the Docker daemon socket")
		_, _, err := m.start(t, nil)
		require.ErrorContains(t, err, "usermod -aG docker")
	})
	t.Run("no busybox", func(t *testing.T) {
		m := newMachine(t)
		m.remove(t, "image")
		t.Setenv("PATH", m.dir+":"+withOnly(t, "cat", "cut"))
		_, _, err := m.start(t, nil)
		require.ErrorContains(t, err, "busybox, from which the base image is then made, is missing; install it with: apt-get install -y docker.io busybox-static")
	})
	t.Run("a busybox that needs libraries", func(t *testing.T) {
		m := newMachine(t)
		m.remove(t, "image")
		m.script(t, "busybox", "exit 0")
		_, _, err := m.start(t, nil)
		require.ErrorContains(t, err, "is not the static one")
	})
	t.Run("a service that nobody plays", func(t *testing.T) {
		_, _, err := newMachine(t).start(t, func(c *invoke.Config) {
			c.Application.Functions[0].Environment["AWS_ENDPOINT_URL_SQS"] = ""
		})
		require.ErrorContains(t, err, "IssueFunction declares AWS_ENDPOINT_URL_SQS")
	})
	t.Run("SAM itself", func(t *testing.T) {
		m := newMachine(t)
		_, _, err := m.start(t, func(c *invoke.Config) {
			m.script(t, "sam", "echo 'Error: template is broken'; exit 1")
		})
		require.ErrorContains(t, err, "Error: template is broken")
	})
}

// withOnly is a folder with these programs.
func withOnly(t *testing.T, programs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, program := range programs {
		path, err := exec.LookPath(program)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(dir, program)))
	}
	return dir
}

func TestStart_SaysWhereTheBaseImageComesFrom(t *testing.T) {
	image := "public.ecr.aws/lambda/provided:al2023-" + invoke.Architecture()
	t.Run("pulled", func(t *testing.T) {
		m := newMachine(t)
		m.remove(t, "image")
		m.write(t, "registry", "")
		_, said, err := m.start(t, nil)
		require.NoError(t, err)
		require.Equal(t, "base image "+image+": pulled\n", said)
	})
	t.Run("made from busybox", func(t *testing.T) {
		// A static program stands in for busybox, whether this machine has it or not.
		program := filepath.Join(t.TempDir(), "busybox")
		build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./testdata/static")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := build.CombinedOutput()
		require.NoError(t, err, string(out))
		m := newMachine(t)
		m.remove(t, "image")
		require.NoError(t, os.Symlink(program, filepath.Join(m.dir, "busybox")))
		_, said, err := m.start(t, nil)
		require.NoError(t, err)
		require.Equal(t, "base image "+image+": no registry answers, so it was made from this machine's busybox\n", said)
		require.Contains(t, m.read(t, "calls"), "import --change ENV PATH=")
		list, err := exec.Command("tar", "-tf", filepath.Join(m.dir, "layer.tar")).Output()
		require.NoError(t, err)
		for _, name := range []string{"bin/busybox", "bin/sh", "bin/mv", "bin/chmod", "tmp/", "var/task/"} {
			require.Contains(t, string(list), name+"\n")
		}
		m.write(t, "image", "busybox\n")
		_, said, err = m.start(t, nil)
		require.NoError(t, err)
		require.Contains(t, said, "made from busybox before")
	})
}
