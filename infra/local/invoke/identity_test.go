package invoke_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/invoke"
)

func TestByPath_ThePathProvesWhoSigned(t *testing.T) {
	tell := func(service string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = io.WriteString(w, strings.Join([]string{service, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("X-Amz-Security-Token"), string(body)}, "|"))
		})
	}
	front := invoke.ByPath(map[string]http.Handler{"dynamodb": tell("dynamodb"), "s3": tell("s3")}, map[string]string{"R4ND0M": "QMSIssueFunction", "0THER": "QMSShowFunction"})
	const sent = "AWS4-HMAC-SHA256 Credential=local/20261123/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=abc"
	const as = "AWS4-HMAC-SHA256 Credential=QMSIssueFunction/20261123/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=abc"
	for name, c := range map[string]struct {
		path, authorization string
		status              int
		body                string
	}{
		"the root":                 {"/dynamodb/as/R4ND0M/", sent, 200, "dynamodb|/||" + as + "|QMSIssueFunction|x"},
		"the root without a slash": {"/dynamodb/as/R4ND0M", sent, 200, "dynamodb|/||" + as + "|QMSIssueFunction|x"},
		"a path as it was written": {"/s3/as/R4ND0M/bucket/a%2Fb//c?x-id=PutObject", sent, 200, "s3|/bucket/a%2Fb//c|x-id=PutObject|" + as + "|QMSIssueFunction|x"},
		"an unsigned request":      {"/dynamodb/as/R4ND0M/", "", 200, "dynamodb|/||||x"},
		"another access key":       {"/dynamodb/as/R4ND0M/", strings.Replace(sent, "local", "QMSShowFunction", 1), 200, "dynamodb|/||" + as + "|QMSIssueFunction|x"},
		"a function's access key":  {"/dynamodb/as/QMSIssueFunction/", sent, 403, "the identity in the path is no function's\n"},
		"the operator's":           {"/dynamodb/as/QMSoperator/", sent, 403, "the identity in the path is no function's\n"},
		"an empty identity":        {"/dynamodb/as//", sent, 403, "the identity in the path is no function's\n"},
		"a service of none":        {"/sqs/as/R4ND0M/", sent, 404, "the path names no service and identity\n"},
		"no identity":              {"/", strings.Replace(sent, "local", "QMSIssueFunction", 1), 404, "the path names no service and identity\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, c.path, strings.NewReader("x"))
			if c.authorization != "" {
				r.Header.Set("Authorization", c.authorization)
			}
			w := httptest.NewRecorder()
			front.ServeHTTP(w, r)
			require.Equal(t, c.status, w.Code)
			require.Equal(t, c.body, w.Body.String())
			require.Equal(t, c.authorization, r.Header.Get("Authorization"), "the request itself is left alone")
		})
	}
}
