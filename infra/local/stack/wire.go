package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/gateway"
	"qmslicensing/infra/local/kms"
	"qmslicensing/infra/local/metrics"
	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/s3"
	"qmslicensing/infra/local/signin"
	"qmslicensing/infra/local/site"
	"qmslicensing/infra/local/template"
)

// listeners are the ports that this process serves itself. They are opened first: addresses are known before anything
// is started that must be told of them.
type listeners struct {
	gateway, gateDynamoDB, gateKMS, gateS3, gateMetrics, admin net.Listener
}

func (l listeners) close() {
	for _, one := range []net.Listener{l.gateway, l.gateDynamoDB, l.gateKMS, l.gateS3, l.gateMetrics, l.admin} {
		if one != nil {
			_ = one.Close()
		}
	}
}

// open opens the ports, all or none.
func (s *Stack) open() (listeners, error) {
	var (
		l     listeners
		errs  [8]error
		ports = s.config.ports()
	)
	l.gateway, errs[0] = listen(ports.Gateway, "API and portal")
	l.gateDynamoDB, errs[1] = listen(ports.GateDynamoDB, "permission gate of DynamoDB")
	l.gateKMS, errs[2] = listen(ports.GateKMS, "permission gate of KMS")
	if s.config.Admin {
		l.admin, errs[3] = listen(ports.Admin, "test surface")
	}
	l.gateS3, errs[6] = listen(ports.GateS3, "permission gate of S3")
	l.gateMetrics, errs[7] = listen(ports.GateMetrics, "permission gate of CloudWatch")
	errs[4] = free(ports.SignIn, "sign-in")
	errs[5] = free(ports.DynamoDB, "DynamoDB Local")
	if err := errors.Join(errs[:]...); err != nil {
		l.close()
		return listeners{}, err
	}
	s.URL = fmt.Sprintf("http://localhost:%d", portOf(l.gateway))
	s.DynamoDBEndpoint = fmt.Sprintf("http://127.0.0.1:%d", portOf(l.gateDynamoDB))
	s.KMSEndpoint = fmt.Sprintf("http://127.0.0.1:%d", portOf(l.gateKMS))
	s.S3Endpoint = fmt.Sprintf("http://127.0.0.1:%d", portOf(l.gateS3))
	s.MetricsEndpoint = fmt.Sprintf("http://127.0.0.1:%d", portOf(l.gateMetrics))
	if s.config.Admin {
		s.AdminURL = fmt.Sprintf("http://127.0.0.1:%d", portOf(l.admin))
	}
	return l, nil
}

// holdData keeps a second stack from the same data.
func (s *Stack) holdData() error {
	if err := os.MkdirAll(s.config.Dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of data: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(s.config.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return fmt.Errorf("another run uses the data in %s: stop it, or start with another folder: -data DIR", s.config.Dir)
	}
	s.lock = lock
	return nil
}

// parameters are those of the template for this stack.
func (s *Stack) parameters() map[string]string {
	parameters := map[string]string{
		"OriginSecret": s.originSecret, "TokenIssuer": s.Issuer, "TokenAudience": signin.ClientID, "DynamodbEndpoint": s.DynamoDBEndpoint, "KmsEndpoint": s.KMSEndpoint,
		"S3Endpoint": s.S3Endpoint, "CloudWatchEndpoint": s.MetricsEndpoint,
	}
	maps.Copy(parameters, s.config.Parameters)
	return parameters
}

// load reads the template with this stack's addresses and makes its keys.
func (s *Stack) load() error {
	app, err := template.Load(s.config.Template, s.parameters())
	if err != nil {
		return err
	}
	if s.config.Change != nil {
		s.config.Change(app)
	}
	s.Application = app
	if s.KMS, err = kms.NewServer(filepath.Join(s.config.Dir, "kms"), template.Region, template.Account); err != nil {
		return err
	}
	for _, key := range app.Keys {
		id := key.ARN[strings.LastIndex(key.ARN, "/")+1:]
		if err := s.KMS.EnsureKey(id, map[string]string{"purpose": key.Purpose, "state": key.State}, key.Aliases...); err != nil {
			return fmt.Errorf("making key %s: %w", key.LogicalID, err)
		}
	}
	return nil
}

// wire serves the gate, the functions, the API and the portal.
func (s *Stack) wire(ctx context.Context, l listeners) error {
	upstream, err := url.Parse(s.tables.Endpoint)
	if err != nil {
		return err
	}
	buckets, err := s.buckets()
	if err != nil {
		return err
	}
	s.Gate, err = gate.New(s.Application, s.upstreams(upstream, buckets), gate.Options{
		Log:   slog.New(slog.NewTextHandler(process.Prefixed(s.log, "gate: "), nil)),
		Hooks: s.config.Hooks,
		Kill:  func(function, instance string) { s.Functions.Kill(function, instance) },
	})
	if err != nil {
		return err
	}
	if err := s.startFunctions(ctx); err != nil {
		return err
	}
	portal, err := site.New(site.Config{
		Dir: filepath.Join(s.config.Root, "portal", "dist"), SignIn: s.Issuer,
		Settings: map[string]string{"issuer": s.Issuer, "clientId": signin.ClientID, "scope": signin.Scope},
	})
	if err != nil {
		return err
	}
	api := gateway.New(gateway.Config{
		Application: s.Application, Invoker: s.Functions, AccessLog: s.access, Now: time.Now,
	})
	s.serve(l.gateDynamoDB, s.Gate.DynamoDB())
	s.serve(l.gateKMS, s.Gate.KMS())
	s.serve(l.gateS3, s.Gate.S3())
	s.serve(l.gateMetrics, s.Gate.Metrics())
	s.serve(l.gateway, s.origin(api, portal))
	if s.config.Admin {
		s.serve(l.admin, s.admin())
	}
	return nil
}

// upstreams are what the gate forwards to, through the meter if there is one.
func (s *Stack) upstreams(tables *url.URL, buckets http.Handler) gate.Upstreams {
	u := gate.Upstreams{DynamoDB: gate.ProxyTo(tables), KMS: s.KMS, S3: buckets, Metrics: metrics.Server{Count: s.KMS.CallsBetween}}
	if m := s.config.Meter; m != nil {
		u.DynamoDB, u.KMS = m.DynamoDB(u.DynamoDB), m.KMS(u.KMS)
	}
	return u
}

// buckets makes the template's buckets. With tables that begin empty they do, too: an entry that comes for the first time
// must not meet another of an earlier run.
func (s *Stack) buckets() (*s3.Server, error) {
	dir := filepath.Join(s.config.Dir, "s3")
	if s.config.InMemory {
		dir = filepath.Join(s.config.Dir, "s3-of-this-run")
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
	}
	var names []string
	for _, bucket := range s.Application.Buckets {
		names = append(names, bucket.Name)
	}
	return s3.NewServer(dir, names...)
}

// origin is what CloudFront joins: the API's paths to the API, the rest to the portal, which lives on localhost alone
// because the sign-in leads back there.
func (s *Stack) origin(api, portal http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch host, _, _ := net.SplitHostPort(r.Host); {
		case strings.HasPrefix(r.URL.Path, "/v1/"), r.URL.Path == "/v1", strings.HasPrefix(r.URL.Path, "/.well-known/"):
			r.Header.Set("X-Origin-Secret", s.originSecret)
			api.ServeHTTP(w, r)
		case host == "127.0.0.1":
			http.Redirect(w, r, s.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
		default:
			portal.ServeHTTP(w, r)
		}
	})
}
