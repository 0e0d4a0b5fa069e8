package invoke

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"qmslicensing/infra/local/template"
)

// endpointVariable is how the names of the variables begin that tell a function where a service of AWS is.
const endpointVariable = "AWS_ENDPOINT_URL_"

// hostName is this machine as containers know it.
const hostName = "host.docker.internal"

// newIdentities are a random value for each function, anew in every run. Its container alone is told it, in the addresses of
// services: who has it is that function, and an access key could be guessed.
func newIdentities(functions []template.Function) map[string]string {
	all := map[string]string{}
	for _, f := range functions {
		all[f.LogicalID] = rand.Text()
	}
	return all
}

// ByPath gives a request the identity that its path proves: /<service>/as/<identity>/… goes to that service as a request
// signed with the access key that keys has for that identity; others are refused. SAM hands every function the same
// credentials, and the address is what can differ.
func ByPath(services map[string]http.Handler, keys map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		part := strings.SplitN(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/", 4)
		if len(part) < 3 || part[1] != "as" || services[part[0]] == nil {
			http.Error(w, "the path names no service and identity", http.StatusNotFound)
			return
		}
		accessKey, known := keys[part[2]]
		if !known {
			http.Error(w, "the identity in the path is no function's", http.StatusForbidden)
			return
		}
		rest := "/"
		if len(part) == 4 {
			rest += part[3]
		}
		path, err := url.PathUnescape(rest)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		as := r.Clone(r.Context())
		as.URL.Path, as.URL.RawPath = path, rest
		if signed := r.Header.Get("Authorization"); signed != "" {
			as.Header.Set("Authorization", credential.ReplaceAllString(signed, "Credential="+accessKey+"/"))
			as.Header.Set("X-Amz-Security-Token", accessKey) // only a running function comes this way: the gate counts it as one
		}
		services[part[0]].ServeHTTP(w, as)
	})
}

// credential matches the access key in a SigV4 Authorization header.
var credential = regexp.MustCompile(`Credential=[^/,\s]*/`)

// serviceOf is the part of the path for a variable: dynamodb for AWS_ENDPOINT_URL_DYNAMODB.
func serviceOf(variable string) string {
	return strings.ToLower(strings.TrimPrefix(variable, endpointVariable))
}

// variables are those of every function as SAM's --env-vars file has them: what the template says, resolved as for the
// other way of running them, and the endpoints with the function's identity in the path.
func variables(app *template.Application, endpoints map[string]http.Handler, identities map[string]string, port int) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	for _, f := range app.Functions {
		own := maps.Clone(f.Environment)
		for name := range own {
			if !strings.HasPrefix(name, endpointVariable) {
				continue
			}
			if endpoints[name] == nil {
				return nil, fmt.Errorf("%s declares %s, and nothing here plays that service", f.LogicalID, name)
			}
			own[name] = fmt.Sprintf("http://%s:%d/%s/as/%s", hostName, port, serviceOf(name), identities[f.LogicalID])
		}
		all[f.LogicalID] = own
	}
	return all, nil
}

// only accepts connections from one subnet. The bridge's address can be reached by other machines that route to it.
type only struct {
	net.Listener
	subnet netip.Prefix
}

func (l only) Accept() (net.Conn, error) {
	for {
		connection, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer, err := netip.ParseAddrPort(connection.RemoteAddr().String())
		if err == nil && l.subnet.Contains(peer.Addr().Unmap()) {
			return connection, nil
		}
		_ = connection.Close()
	}
}
