package e2e_test

// publicCases ask the routes that are open to anyone: a token makes no difference, and nothing is ever written.
func publicCases() []routeCase {
	nothing := answer{404, "license_not_found"} // the same for all three: a stranger learns nothing
	return []routeCase{
		{
			route:   "GET /v1/servers/{serverToken}/license",
			things:  licenses(superseded, revoked, void, expired),
			want:    map[state]answer{missing: nothing, revoked: nothing, void: nothing},
			request: func(cell) request { return request{} },
		},
		{
			route: "POST /v1/licenses/validate",
			request: func(cell) request {
				return request{body: map[string]any{"licenseKey": "License: eyJhbGciOiJFUzI1NiIs"}}
			},
		},
		{
			route: "POST /v1/licenses/downgrade-check",
			request: func(cell) request {
				return request{body: map[string]any{"modules": map[string]int{"callRecording": 1}, "assigned": map[string]int{"callRecording": 2}}}
			},
		},
		{
			route:   "GET /.well-known/jwks.json",
			request: func(cell) request { return request{} },
		},
	}
}
