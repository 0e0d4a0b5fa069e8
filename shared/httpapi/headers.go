package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"qmslicensing/shared/license"
)

// Sent reports whether a header is there, be it empty.
func (r Request) Sent(name string) bool { return len(r.http.Header.Values(name)) > 0 }

// IdempotencyKey returns the required header Idempotency-Key: 1 to 64 visible ASCII characters.
func (r Request) IdempotencyKey() (string, error) {
	const pointer = "header:Idempotency-Key"
	key := r.http.Header.Get("Idempotency-Key")
	if key == "" {
		return "", license.Invalid(pointer, "Send an Idempotency-Key: a new one for each new request, the same one to try the same request again.")
	}
	if len(key) > 64 || strings.ContainsFunc(key, func(c rune) bool { return c < '!' || c > '~' }) {
		return "", license.Invalid(pointer, "An Idempotency-Key has 1 to 64 visible ASCII characters and no space.")
	}
	return key, nil
}

// IfMatch returns the version in the header If-Match, 0 if the header is not there. An empty one is there.
func (r Request) IfMatch() (int, error) {
	text := r.http.Header.Get("If-Match")
	if _, sent := r.http.Header["If-Match"]; !sent {
		return 0, nil
	}
	digits, quoted := strings.CutPrefix(text, `"`)
	digits, closed := strings.CutSuffix(digits, `"`)
	version, err := strconv.Atoi(digits)
	if !quoted || !closed || err != nil || version < 1 || ETag(version) != text {
		return 0, license.Invalid("header:If-Match", "If-Match must be the license's ETag as it was sent, such as \"3\" with its quotes.")
	}
	return version, nil
}

// ETag writes a version as an entity tag.
func ETag(version int) string { return `"` + strconv.Itoa(version) + `"` }

// QueryInt returns a query parameter that is a whole number between two bounds, or usual if it is not there.
func (r Request) QueryInt(name string, usual, least, most int) (int, error) {
	text := r.QueryOr(name, strconv.Itoa(usual))
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, license.Invalid("query:"+name, "%s must be a whole number from %d to %d; this is %q.", name, least, most, text)
	}
	return n, nil
}

// QueryOr returns a query parameter, or usual if it is not there; one that is there and empty is "".
func (r Request) QueryOr(name, usual string) string {
	query := r.http.URL.Query()
	if !query.Has(name) {
		return usual
	}
	return query.Get(name)
}

// checkQuery refuses a query that is malformed, that has parameters other than the named ones, or one of them twice.
func checkQuery(r *http.Request, names []string) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return license.Refuse(license.InvalidRequest, "The query of the address is malformed. Write %% as %%25 and other special characters likewise.")
	}
	for name, values := range query {
		if !slices.Contains(names, name) {
			return license.Invalid("query:"+name, "There is no query parameter %q here. Leave it out, or correct its name.", name)
		}
		if len(values) > 1 {
			return license.Invalid("query:"+name, "The query parameter %s is there twice. Send it once.", name)
		}
	}
	return nil
}
