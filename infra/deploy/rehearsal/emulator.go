package rehearsal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"qmslicensing/infra/local/process"
)

// The identity of a rehearsal. The emulator asks nobody for a right one; it must not be anyone's real one.
const (
	accessKey = "rehearsal"
	secretKey = "rehearsal"
)

// emulator is a running MiniStack. It listens on 127.0.0.1 alone.
type emulator struct {
	endpoint, region string
	host             string // of the endpoint, with its port
}

// start starts the emulator with its data in dir and waits until it answers. group stops it.
func start(ctx context.Context, group *process.Group, program, region, dir string) (*emulator, error) {
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("there is no emulator at %s: make deploy-rehearsal installs it, with Python 3.11 or newer", program)
	}
	host, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		return nil, err
	}
	temporary := filepath.Join(dir, "tmp")
	if err := os.MkdirAll(temporary, 0o700); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	e := &emulator{endpoint: "http://" + host, region: region, host: host}
	p, err := group.Start(process.Command{
		Path: program, Dir: dir, Output: log,
		Env: []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + temporary, "LOG_LEVEL=WARNING",
			"BIND_HOST=127.0.0.1", "GATEWAY_PORT=" + port, "MINISTACK_REGION=" + region,
			// These two would listen on every interface.
			"IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0",
			// What the functions are given, so that nothing they call is outside.
			"AWS_ENDPOINT_URL=" + e.endpoint, "AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("starting the emulator: %w", err)
	}
	if err := e.wait(ctx, p); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, lastLines(log.Name()))
	}
	return e, nil
}

// logged is how many lines of the emulator's log an error tells.
const logged = 20

// lastLines tells the end of a log whose folder is about to be removed.
func lastLines(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return "Its log cannot be read: " + err.Error()
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "It logged nothing."
	}
	lines := strings.Split(text, "\n")
	return "The end of its log:\n  " + strings.Join(lines[max(0, len(lines)-logged):], "\n  ")
}

func (e *emulator) wait(ctx context.Context, p *process.Process) error {
	for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		response, err := http.Get(e.endpoint + "/_ministack/health")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.Done():
			return fmt.Errorf("the emulator ended at its start: %w", cmp.Or(p.Err(), errors.New("exit status 0")))
		case <-time.After(200 * time.Millisecond):
		}
	}
	return fmt.Errorf("the emulator does not answer at %s after a minute", e.endpoint)
}

// config is an AWS configuration that reaches the emulator and nothing else.
func (e *emulator) config() aws.Config {
	return aws.Config{
		Region: e.region, BaseEndpoint: &e.endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	}
}

// environment is what the SAM CLI is given: nothing of this machine's AWS configuration, so that no rehearsal reaches AWS.
func (e *emulator) environment(home string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LANG=C.UTF-8", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"AWS_ENDPOINT_URL=" + e.endpoint, "AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_EC2_METADATA_DISABLED=true",
	}
}

// call asks a service that is not worth a module of its own here. target is the operation of a service that speaks JSON by
// one address, such as DynamoDB_20120810.DescribeTable; empty for one with paths.
func (e *emulator) call(ctx context.Context, region, service, method, path, target string, body, into any) error {
	data, err := json.Marshal(body)
	if body == nil {
		data, err = nil, nil
	}
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, e.endpoint+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if target != "" {
		request.Header.Set("Content-Type", "application/x-amz-json-1.1")
		request.Header.Set("X-Amz-Target", target)
	}
	sum := sha256.Sum256(data)
	identity := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	if err := signer.NewSigner().SignHTTP(ctx, identity, request, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s%s answers %d: %.200s", service, path, target, response.StatusCode, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// transport takes any address to the emulator, which knows the system by the name that is asked for.
type transport struct {
	to     *emulator
	secret string // told the API as CloudFront would; empty for none
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.Host = r.URL.Host
	out.Header.Set("X-Forwarded-Proto", r.URL.Scheme)
	if t.secret != "" {
		out.Header.Set("x-origin-secret", t.secret)
	}
	out.URL.Scheme, out.URL.Host = "http", t.to.host
	return http.DefaultTransport.RoundTrip(out)
}
