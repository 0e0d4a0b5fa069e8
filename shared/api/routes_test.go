package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMux_GoesByTheRouteThatTheGatewayFound(t *testing.T) {
	answers := func(status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("id", r.PathValue("id"))
			w.WriteHeader(status)
		})
	}
	mux := Mux(searchRoute.at(answers(201)), showRoute.at(answers(202)))
	for _, c := range []struct {
		pattern, path string
		status        int
	}{
		{"GET /v1/licenses", "/v1/licenses", 201},
		{"GET /v1/licenses/{id}", "/v1/licenses/a/b", 202},
		{"GET /v1/licenses/{id}", "/v1/licenses", 202},
		{"POST /v1/licenses", "/v1/licenses", 500},
		{"", "/v1/licenses", 500},
	} {
		r := httptest.NewRequest("GET", c.path, nil)
		r.Pattern = c.pattern
		r.SetPathValue("id", "a/b %2F")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		require.Equal(t, c.status, w.Code, c.pattern)
		if c.status < 500 {
			require.Equal(t, "a/b %2F", w.Header().Get("id"), "the path's parameters go through")
		} else {
			require.Contains(t, w.Body.String(), `"code":"internal"`)
		}
	}
}
