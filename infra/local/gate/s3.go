package gate

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"qmslicensing/infra/local/template"
)

// s3Operation reads what a request to S3 asks for from its method, path and query. Only what the local endpoint does is
// known: a request that means more, by a subresource or a header that needs another right, is refused.
func s3Operation(r *http.Request) (string, error) {
	query := r.URL.Query()
	bucket, key := bucketAndKey(r)
	operation := ""
	allowed := []string{"x-id"}
	switch {
	case bucket == "":
	case key == "" && r.Method == http.MethodGet && query.Get("list-type") == "2":
		operation = "ListBucket"
		allowed = append(allowed, "list-type", "prefix", "max-keys", "start-after", "continuation-token", "encoding-type")
	case key == "":
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		operation = "GetObject"
	case r.Method == http.MethodPut:
		operation = "PutObject"
	case r.Method == http.MethodDelete && query.Has("versionId"):
		operation = "DeleteObjectVersion"
		allowed = append(allowed, "versionId")
	case r.Method == http.MethodDelete:
		operation = "DeleteObject"
	}
	for name := range query {
		if !slices.Contains(allowed, name) {
			operation = ""
		}
	}
	for name := range r.Header {
		name = strings.ToLower(name)
		for _, more := range []string{"x-amz-copy-source", "x-amz-acl", "x-amz-grant-", "x-amz-tagging", "x-amz-object-lock-", "x-amz-bypass-", "if-match"} {
			if strings.HasPrefix(name, more) {
				operation = ""
			}
		}
	}
	if operation == "" {
		return "", failure{name: "NotImplemented", message: "the gate does not know this use of " + r.Method + " " + r.URL.Path}
	}
	return operation, nil
}

func bucketAndKey(r *http.Request) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return bucket, key
}

func s3Accesses(operation string, r *http.Request, _ []byte) ([]access, error) {
	bucket, key := bucketAndKey(r)
	a := access{action: operation, resource: template.BucketARN(bucket), context: map[string][]string{
		"aws:SecureTransport": {"true"}, // the loopback is no line to listen on: it counts as TLS
	}}
	if key != "" {
		a.resource += "/" + key
	}
	if condition := r.Header.Values("If-None-Match"); operation == "PutObject" && len(condition) > 0 {
		a.context["s3:if-none-match"] = condition
	}
	return []access{a}, nil
}

// decideBucket judges as S3 does within one account: a Deny in either policy wins, then the identity's own policy must
// allow it; no bucket policy here allows anything.
func (g *Gate) decideBucket(who principal, a access) decision {
	a.context["aws:PrincipalArn"] = []string{who.role}
	name, _, _ := strings.Cut(strings.TrimPrefix(a.resource, template.BucketARN("")), "/")
	bucket := g.buckets[name]
	if s, found := first(naming(bucket.Policy, who.role), deny, a); found {
		return byStatement(bucket.LogicalID, s, a).because("with an explicit deny in a resource-based policy")
	}
	return decideIdentity(who, a)
}

// refuseS3 answers in S3's shape and names.
func refuseS3(w http.ResponseWriter, err error) {
	f := asFailure(err)
	statuses := map[string]int{"AccessDenied": 403, "InvalidAccessKeyId": 403, "NotImplemented": 501, "SlowDown": 503, "PreconditionFailed": 412}
	switch f.name {
	case "AccessDeniedException", "MissingAuthenticationTokenException":
		f.name = "AccessDenied"
	case "UnrecognizedClientException":
		f.name = "InvalidAccessKeyId"
	case "InternalServerError":
		f.name = "InternalError"
	}
	status, known := statuses[f.name]
	if !known {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(struct { // the caller has gone: nothing is left to tell it
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: f.name, Message: f.message})
}
