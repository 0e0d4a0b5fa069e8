package e2e_test

// systemCases ask what looks at the system as a whole: chains, keys, and what is wrong with what is stored.
func systemCases() []routeCase {
	return []routeCase{
		{
			route:   "GET /v1/licenses/{id}/history",
			things:  licenses(superseded, revoked, void, expired),
			want:    map[state]answer{missing: {404, "license_not_found"}},
			request: func(cell) request { return request{path: "?limit=2"} },
		},
		{
			route:   "GET /v1/keys",
			request: func(cell) request { return request{} },
		},
		{
			route:   "POST /v1/reconcile", // it writes its run
			request: func(cell) request { return request{} },
		},
		{
			route:   "GET /v1/findings",
			request: func(cell) request { return request{path: "?limit=2"} },
		},
	}
}
