package gateway

import (
	"net/url"
	"strings"

	"qmslicensing/infra/local/template"
)

// route is one of the template's routes with its path split.
type route struct {
	template.Route
	segments []string
}

// matched is a route found for a request, with its path parameters decoded.
type matched struct {
	route      route
	parameters map[string]string
}

func newRoute(r template.Route) route {
	r.Method = strings.ToUpper(r.Method)
	return route{Route: r, segments: strings.Split(strings.TrimPrefix(r.Path, "/"), "/")}
}

func (r route) key() string { return r.Method + " " + r.Path }

// findRoute finds the route of a request by its path as sent. Segment by segment an exact name beats a parameter.
func findRoute(routes []route, method, escapedPath string) (matched, bool) {
	segments := strings.Split(strings.TrimPrefix(escapedPath, "/"), "/")
	var best *route
	for i := range routes {
		r := &routes[i]
		if r.Method == method && r.matches(segments) && (best == nil || r.moreExactThan(best)) {
			best = r
		}
	}
	if best == nil {
		return matched{}, false
	}
	found := matched{route: *best}
	for i, name := range best.segments {
		if !isParameter(name) {
			continue
		}
		value, err := url.PathUnescape(segments[i])
		if err != nil {
			value = segments[i]
		}
		if found.parameters == nil {
			found.parameters = map[string]string{}
		}
		found.parameters[strings.Trim(name, "{}")] = value
	}
	return found, true
}

func (r *route) matches(segments []string) bool {
	if len(segments) != len(r.segments) {
		return false
	}
	for i, name := range r.segments {
		if isParameter(name) && segments[i] != "" {
			continue
		}
		if name != segments[i] {
			return false
		}
	}
	return true
}

func (r *route) moreExactThan(other *route) bool {
	for i := range r.segments {
		mine, theirs := isParameter(r.segments[i]), isParameter(other.segments[i])
		if mine != theirs {
			return theirs
		}
	}
	return false
}

func isParameter(segment string) bool { return strings.HasPrefix(segment, "{") }
