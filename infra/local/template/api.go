package template

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// authorizerName is the one authorizer that the local gateway plays.
const authorizerName = "StaffToken"

func (l *loader) loadAPI(id string, node *yaml.Node, path string) error {
	if l.app.Authorizer.Issuer != "" {
		return fmt.Errorf("Resources.%s: a second HTTP API is not understood here", id)
	}
	o, err := l.object(node, path, "FailOnWarnings", "Auth", "DefaultRouteSettings", "RouteSettings", "AccessLogSettings", "Tags")
	if err != nil {
		return err
	}
	auth := o.child("Auth", "DefaultAuthorizer", "Authorizers")
	if name := auth.text("DefaultAuthorizer"); name != authorizerName {
		auth.fail("DefaultAuthorizer", "%q: a route that names none must not stand open", name)
	}
	token := auth.child("Authorizers", authorizerName).child(authorizerName, "IdentitySource", "JwtConfiguration")
	if source := token.text("IdentitySource"); source != "$request.header.Authorization" {
		token.fail("IdentitySource", "%q is not understood here", source)
	}
	jwt := token.child("JwtConfiguration", "issuer", "audience")
	l.app.Authorizer = Authorizer{Issuer: jwt.text("issuer"), Audience: jwt.texts("audience")}
	if o.has("AccessLogSettings") {
		l.app.AccessLog = o.child("AccessLogSettings", "DestinationArn", "Format").text("Format")
	}
	l.loadLimits(o)
	return *o.err
}

// loadLimits reads the throttling of the routes. A test's template may have none.
func (l *loader) loadLimits(api object) {
	read := func(o object) Limits {
		return Limits{Rate: o.integer("ThrottlingRateLimit"), Burst: o.integer("ThrottlingBurstLimit")}
	}
	members := []string{"ThrottlingRateLimit", "ThrottlingBurstLimit"}
	if api.has("DefaultRouteSettings") {
		l.limit = read(api.child("DefaultRouteSettings", members...))
	}
	l.limits = map[string]Limits{}
	routes := api.child("RouteSettings")
	for key := range routes.members {
		l.limits[key] = read(routes.child(key, members...))
	}
}

// setLimits gives every route its limits; limits of a route that does not exist fail a deployment.
func (l *loader) setLimits() error {
	for n, route := range l.app.Routes {
		key := route.Method + " " + route.Path
		limits, own := l.limits[key]
		if !own {
			limits = l.limit
		}
		l.app.Routes[n].Limits = limits
		delete(l.limits, key)
	}
	for key := range l.limits {
		return fmt.Errorf("RouteSettings: there is no route %q", key)
	}
	return nil
}
