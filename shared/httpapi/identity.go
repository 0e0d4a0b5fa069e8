package httpapi

import (
	"context"
	"slices"
	"strings"

	"qmslicensing/shared/license"
)

// Identity is what the gateway says of a request: its id and, behind the authorizer, the claims of the access token,
// all of them strings.
type Identity struct {
	RequestID string
	Claims    map[string]string
}

type identityKey struct{}

// WithIdentity hands an identity to the handlers below.
func WithIdentity(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

func identityFrom(ctx context.Context) Identity {
	id, _ := ctx.Value(identityKey{}).(Identity)
	return id
}

// Scope is what an access token must carry for staff routes.
const Scope = "licensing/staff"

// callerFrom reads the caller from the claims of an access token, and fails closed: an ID token, a missing scope, and
// none or two of the four groups are all Forbidden.
func callerFrom(id Identity) (license.Caller, error) {
	anonymous := license.Caller{RequestID: id.RequestID}
	scopes := strings.Fields(id.Claims["scope"])
	if id.Claims["token_use"] != "access" || !slices.Contains(scopes, Scope) || id.Claims["sub"] == "" || id.Claims["username"] == "" {
		return anonymous, license.Refuse(license.Forbidden, "This needs an access token with the scope %s. Sign in again.", Scope)
	}
	var roles []license.Role
	for _, group := range strings.Fields(strings.Trim(id.Claims["cognito:groups"], "[]")) {
		if role := license.Role(group); slices.Contains(license.Roles(), role) {
			roles = append(roles, role)
		}
	}
	switch len(roles) {
	case 0:
		return anonymous, license.Refuse(license.Forbidden, "Your account has no role here. Ask an administrator for sales, support or accounting.")
	case 1:
		return license.Caller{Subject: id.Claims["sub"], Username: id.Claims["username"], Role: roles[0], RequestID: id.RequestID}, nil
	}
	return anonymous, license.Refuse(license.Forbidden, "Your account has more than one role here. Ask an administrator to leave one.")
}
