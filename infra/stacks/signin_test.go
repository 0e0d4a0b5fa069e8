package stacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/stacks"
	"qmslicensing/shared/api"
	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
)

func TestSignIn_GroupsAreTheRoles(t *testing.T) {
	signIn := read(t, "signin.yaml")
	var groups []string
	for _, id := range signIn.OfType("AWS::Cognito::UserPoolGroup") {
		groups = append(groups, stacks.At(signIn.Resources[id].Properties, "GroupName").(string))
	}
	var roles []string
	for _, role := range license.Roles() {
		roles = append(roles, string(role))
	}
	require.ElementsMatch(t, roles, groups)
}

func TestSignIn_PeopleAreMadeByAnAdministratorAndProveThemselvesTwice(t *testing.T) {
	signIn := read(t, "signin.yaml")
	pool := signIn.Resources["Staff"].Properties
	require.Equal(t, true, stacks.At(pool, "AdminCreateUserConfig", "AllowAdminCreateUserOnly"))
	require.Equal(t, "ON", pool["MfaConfiguration"])
	require.Nil(t, pool["UsernameAttributes"], "a user name is not an e-mail address")
	require.Nil(t, pool["AliasAttributes"])
	console := signIn.Resources["Console"].Properties
	require.Equal(t, false, console["GenerateSecret"])
	require.Equal(t, []any{"code"}, console["AllowedOAuthFlows"])
	require.Equal(t, []any{"ALLOW_REFRESH_TOKEN_AUTH"}, console["ExplicitAuthFlows"], "nobody signs in with a password outside the sign-in's pages")
}

// A scope of another name is one that API Gateway asks of every token and that no token has.
func TestSignIn_TheConsoleIsGivenTheScopeThatTheRoutesDemand(t *testing.T) {
	signIn := read(t, "signin.yaml")
	server := signIn.Resources["Licensing"].Properties
	require.Equal(t, "Staff", stacks.At(server, "UserPoolId", "Ref"))
	var made []string
	for _, scope := range stacks.At(server, "Scopes").([]any) {
		made = append(made, server["Identifier"].(string)+"/"+stacks.At(scope, "ScopeName").(string))
	}
	require.Equal(t, []string{httpapi.Scope}, made)
	staff := 0
	for _, route := range app(t).Routes {
		if route.Authorized {
			require.Equal(t, made, route.Scopes, "%s %s", route.Method, route.Path)
			staff++
		}
	}
	for _, route := range api.Routes() {
		if route.Staff() {
			staff--
		}
	}
	require.Zero(t, staff, "every staff route of the API is in the template")
	require.Equal(t, []any{"openid", made[0]}, signIn.Resources["Console"].Properties["AllowedOAuthScopes"])
}

// Nobody can call an access token back, so whoever leaves has it until its end.
func TestSignIn_AnAccessTokenEndsWithinTheHour(t *testing.T) {
	signIn := read(t, "signin.yaml")
	console := signIn.Resources["Console"].Properties
	for _, token := range []string{"AccessToken", "IdToken"} {
		require.Equal(t, map[string]any{"Ref": "AccessTokenMinutes"}, console[token+"Validity"])
		require.Equal(t, "minutes", stacks.At(console, "TokenValidityUnits", token))
	}
	for _, one := range []stacks.Template{read(t, "template.yaml"), signIn} {
		most := one.Parameters["AccessTokenMinutes"].MaxValue
		require.Positive(t, most, one.File)
		require.LessOrEqual(t, most, 60, one.File)
	}
}
