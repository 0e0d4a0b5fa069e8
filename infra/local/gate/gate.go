// Package gate stands in front of DynamoDB Local and the KMS and S3 endpoints and refuses what AWS would refuse. It knows a
// function by the access key in its requests and applies the statements, key policies and bucket policies of the template: explicit Deny
// wins, then an Allow is needed. Signatures of requests are not verified: on one machine the key id is the identity.
package gate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"qmslicensing/infra/local/grants"
	"qmslicensing/infra/local/template"
)

// Operator is the principal of the machine's owner: make keys, the demo data, tests. Its own policy allows everything;
// a KMS key still has to let its account do it, and none of the template's keys lets it sign.
const Operator = "operator"

// AccessKey is the access key id by which the gate knows a function (its logical ID) or the Operator. DynamoDB Local
// takes letters and digits only. The secret key may be anything.
func AccessKey(principal string) string { return "QMS" + principal }

// Upstreams are what the gate forwards to.
type Upstreams struct {
	DynamoDB http.Handler // see ProxyTo
	KMS      http.Handler // a kms.Server, or ProxyTo one
	S3       http.Handler // an s3.Server
	Metrics  http.Handler // a metrics.Server
}

// Options may all be left out.
type Options struct {
	Log   *slog.Logger                    // where denials go; the default logger when nil
	Hooks Hooks                           // faults decided in this process
	Kill  func(function, instance string) // ends a function's process at once; without it no fault may kill
}

// Gate authorizes requests and forwards them.
type Gate struct {
	upstreams  Upstreams
	log        *slog.Logger
	principals map[string]principal // access key id → who
	tables     map[string]table     // physical name → its keys
	keys       keys
	buckets    map[string]template.Bucket // name → what it is
	book       grants.Book
	faults     faults
}

// principal is a function or the operator.
type principal struct {
	name       string // logical ID
	arn        string // as denials name it
	role       string // as key policies name it
	statements []template.Statement
}

// New refuses an application whose policies hold what it cannot evaluate.
func New(app *template.Application, upstreams Upstreams, options Options) (*Gate, error) {
	g := &Gate{
		upstreams: upstreams, log: options.Log, keys: keys{byName: map[string]template.Key{}}, buckets: map[string]template.Bucket{},
		faults: faults{hooks: options.Hooks, kill: options.Kill},
	}
	if g.log == nil {
		g.log = slog.Default()
	}
	var err error
	if g.tables, err = tablesByName(app); err != nil {
		return nil, err
	}
	user := fmt.Sprintf("arn:aws:iam::%s:user/%s", template.Account, Operator)
	g.principals = map[string]principal{AccessKey(Operator): {
		name: Operator, arn: user, role: user,
		statements: []template.Statement{{Sid: "Operator", Effect: allow, Actions: []string{"*"}, Resources: []string{"*"}}},
	}}
	for _, f := range app.Functions {
		role := f.RoleARN[strings.LastIndex(f.RoleARN, "/")+1:]
		for _, s := range f.Statements {
			if err := understood(s); err != nil {
				return nil, fmt.Errorf("%s: statement %s: %w", f.LogicalID, s.Sid, err)
			}
		}
		g.principals[AccessKey(f.LogicalID)] = principal{
			name: f.LogicalID, role: f.RoleARN, statements: f.Statements,
			arn: fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", template.Account, role, f.LogicalID),
		}
	}
	for _, key := range app.Keys {
		if err := g.AddKey(key); err != nil {
			return nil, err
		}
	}
	for _, bucket := range app.Buckets {
		g.buckets[bucket.Name] = bucket
		for _, s := range bucket.Policy {
			if err := understood(s); err != nil {
				return nil, fmt.Errorf("%s: statement %s: %w", bucket.LogicalID, s.Sid, err)
			}
		}
	}
	return g, nil
}

// ProxyTo forwards to an endpoint in another process. Failing to reach it is the caller's 500.
func ProxyTo(endpoint *url.URL) http.Handler {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy, transport.DisableCompression = nil, true
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 256 // as many as there are functions running
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := r.Clone(r.Context())
		out.URL, out.Host, out.RequestURI = endpoint.JoinPath(r.URL.Path), endpoint.Host, ""
		in, err := transport.RoundTrip(out)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(in.Body)
			err = errors.Join(err, in.Body.Close())
		}
		if err != nil {
			answer(w, failure{name: "InternalServerError", message: "the local endpoint does not answer: " + err.Error()})
			return
		}
		maps.Copy(w.Header(), in.Header)
		w.WriteHeader(in.StatusCode)
		_, _ = w.Write(body) // a caller who has gone does not need it
	})
}

// DynamoDB is the endpoint that functions are told as AWS_ENDPOINT_URL_DYNAMODB. It serves streams too, which on AWS have
// an endpoint of their own.
func (g *Gate) DynamoDB() http.Handler {
	tables := g.endpoint(service{
		prefix: "dynamodb:", operation: targeted("DynamoDB_20120810."), refuse: refuseIn("com.amazonaws.dynamodb.v20120810#"),
		accesses: ofBody(g.dynamoAccesses), decide: decideIdentity, upstream: g.upstreams.DynamoDB,
	})
	streams := g.endpoint(service{
		prefix: "dynamodb:", operation: targeted(streamsTarget), refuse: refuseIn("com.amazonaws.dynamodb.v20120810#"),
		accesses: ofBody(streamAccesses), decide: decideIdentity, upstream: g.upstreams.DynamoDB,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), streamsTarget) {
			streams.ServeHTTP(w, r)
			return
		}
		tables.ServeHTTP(w, r)
	})
}

// KMS is the endpoint that functions are told as AWS_ENDPOINT_URL_KMS.
func (g *Gate) KMS() http.Handler {
	return g.endpoint(service{
		prefix: "kms:", operation: targeted("TrentService."), refuse: refuseIn(""),
		accesses: ofBody(g.kmsAccesses), decide: g.decideKey, upstream: g.upstreams.KMS,
	})
}

// S3 is the endpoint that functions are told as AWS_ENDPOINT_URL_S3, buckets in the path.
func (g *Gate) S3() http.Handler {
	return g.endpoint(service{
		prefix: "s3:", operation: s3Operation, refuse: refuseS3,
		accesses: s3Accesses, decide: g.decideBucket, upstream: g.upstreams.S3,
	})
}

// Metrics is the endpoint that functions are told as AWS_ENDPOINT_URL_CLOUDWATCH. IAM knows no resource of its reading.
func (g *Gate) Metrics() http.Handler {
	return g.endpoint(service{
		prefix: "cloudwatch:", operation: metricsOperation, refuse: refuseMetrics,
		accesses: func(operation string, _ *http.Request, _ []byte) ([]access, error) {
			return []access{{action: operation, resource: "*"}}, nil
		},
		decide: decideIdentity, upstream: g.upstreams.Metrics,
	})
}

// service is what differs between them.
type service struct {
	prefix    string                                 // of actions
	operation func(r *http.Request) (string, error)  // that a request asks for
	refuse    func(w http.ResponseWriter, err error) // answers an error in the names and the shape of the service
	accesses  func(operation string, r *http.Request, body []byte) ([]access, error)
	decide    func(principal, access) decision
	upstream  http.Handler
}

// targeted reads the operation from the X-Amz-Target header.
func targeted(prefix string) func(*http.Request) (string, error) {
	return func(r *http.Request) (string, error) {
		operation, ours := strings.CutPrefix(r.Header.Get("X-Amz-Target"), prefix)
		if !ours {
			return "", failure{coral: true, name: "UnknownOperationException", message: "the X-Amz-Target header names no operation"}
		}
		return operation, nil
	}
}

// ofBody is for services whose requests say everything in their bodies.
func ofBody(accesses func(string, []byte) ([]access, error)) func(string, *http.Request, []byte) ([]access, error) {
	return func(operation string, _ *http.Request, body []byte) ([]access, error) {
		return accesses(operation, body)
	}
}

// sessionToken is the header that tells a running function's process from whoever else has the function's access key.
const sessionToken = "X-Amz-Security-Token"

// maxBody is DynamoDB's own bound on a request.
const maxBody = 16 << 20

func (g *Gate) endpoint(s service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			s.refuse(w, failure{name: "SerializationException", message: "reading the request: " + err.Error()})
			return
		}
		who, operation, err := g.admit(s, r, body)
		if err != nil {
			s.refuse(w, err)
			return
		}
		call := Call{Function: who.name, Instance: r.Header.Get(sessionToken), Action: s.prefix + operation, Body: body}
		if fault := g.faults.before(call); fault != nil && g.inject(w, r, s, call, *fault) {
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		held := Hold()
		s.upstream.ServeHTTP(held, r)
		if fault := g.faults.after(call, held.Status); fault != nil && g.inject(w, r, s, call, *fault) {
			return
		}
		held.Replay(w)
	})
}

// admit finds who calls what and holds it against the policies.
func (g *Gate) admit(s service, r *http.Request, body []byte) (principal, string, error) {
	who, err := g.caller(r.Header.Get("Authorization"))
	if err != nil {
		return principal{}, "", err
	}
	operation, err := s.operation(r)
	if err != nil {
		return principal{}, "", err
	}
	accesses, err := s.accesses(operation, r, body)
	if err != nil {
		return principal{}, "", err
	}
	for _, a := range accesses {
		a.action = s.prefix + a.action
		d := s.decide(who, a)
		g.note(who, a, d, r.Header.Get(sessionToken) != "")
		if d.allowed {
			continue
		}
		g.log.Warn("permission denied", "function", who.name, "action", a.action, "resource", a.resource, "reason", d.reason)
		return principal{}, "", failure{coral: true, name: "AccessDeniedException", message: fmt.Sprintf(
			"User: %s is not authorized to perform: %s on resource: %s %s", who.arn, a.action, a.resource, d.reason)}
	}
	return who, operation, nil
}

// credential matches the access key id in a SigV4 Authorization header.
var credential = regexp.MustCompile(`^AWS4-HMAC-SHA256 .*Credential=([^/,\s]+)/`)

// SignedBy is the access key that a request says it is signed with; "" when it is not signed.
func SignedBy(authorization string) string {
	if match := credential.FindStringSubmatch(authorization); match != nil {
		return match[1]
	}
	return ""
}

func (g *Gate) caller(authorization string) (principal, error) {
	key := SignedBy(authorization)
	if key == "" {
		return principal{}, failure{coral: true, name: "MissingAuthenticationTokenException", message: "Request is missing Authentication Token"}
	}
	who, known := g.principals[key]
	if !known {
		return principal{}, failure{coral: true, name: "UnrecognizedClientException", message: "The security token included in the request is invalid."}
	}
	return who, nil
}

// asFailure takes what is no failure for the service's own fault.
func asFailure(err error) failure {
	var f failure
	if !errors.As(err, &f) {
		f = failure{name: "InternalServerError", message: err.Error()}
	}
	return f
}

// refuseIn answers in JSON. namespace is that of the service's error types; empty when they are bare names.
func refuseIn(namespace string) func(http.ResponseWriter, error) {
	return func(w http.ResponseWriter, err error) {
		f := asFailure(err)
		if namespace != "" && f.coral {
			f.name = "com.amazon.coral.service#" + f.name
		} else {
			f.name = namespace + f.name
		}
		answer(w, f)
	}
}
