package downgrade_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/downgrade"
)

var update = flag.Bool("update", false, "write testdata/plans.json")

const vectorFile = "testdata/plans.json"

// vector is one published example; portal/ reads the file too.
type vector struct {
	Name   string            `json:"name"`
	Seats  license.Seats     `json:"seats"`
	Users  []downgrade.User  `json:"users"`
	Result *downgrade.Result `json:"result"`
}

const (
	admin      = downgrade.Administrator
	manager    = downgrade.Manager
	supervisor = downgrade.Supervisor
	agent      = downgrade.Agent
)

var unknown = license.Never

func seats(c, r, a int) license.Seats {
	return license.Seats{CallRecording: c, ComputerRecording: r, AgentEvaluation: a}
}

func vectors() []vector {
	type users = []downgrade.User
	return []vector{
		{"no users", seats(1, 0, 0), users{}, nil},
		{"as many users as seats", seats(2, 1, 1), users{user("Ana", agent, jan(1), call, computer), user("Ben", admin, jan(2), call, evaluation)}, nil},
		{"users without modules take no seats", seats(1, 0, 0), users{user("Ana", agent, jan(1)), user("Ben", agent, jan(2), call), user("Cem", manager, unknown)}, nil},
		{"longest inactive first", seats(2, 0, 0), users{user("Ana", agent, jan(20), call), user("Ben", agent, jan(3), call), user("Cem", agent, jan(14), call)}, nil},
		{"no date is last", seats(1, 0, 0), users{user("Ana", agent, unknown, call), user("Ben", agent, jan(30), call)}, nil},
		{"no dates: by name", seats(1, 0, 0), users{user("Cem", agent, unknown, call), user("Ana", agent, unknown, call), user("Ben", agent, unknown, call)}, nil},
		{"equal dates: by name", seats(2, 0, 0), users{user("b", agent, jan(5), call), user("a", agent, jan(5), call), user("B", agent, jan(5), call)}, nil},
		{"names by code point, not by UTF-16 unit", seats(1, 0, 0), users{user("\U0001F600", agent, jan(5), call), user("\uFF21na", agent, jan(5), call)}, nil},
		{"names are trimmed", seats(1, 0, 0), users{user("  Ben ", agent, jan(5), call), user(" Cem", agent, jan(6), call)}, nil},
		{"years before days", seats(1, 0, 0), users{user("Ana", agent, license.MakeDate(2025, 12, 31), call), user("Ben", agent, jan(1), call)}, nil},
		{"Call Recording takes the others with it", seats(1, 0, 0), users{user("Ana", agent, jan(1), call, computer, evaluation), user("Ben", agent, jan(2), call)}, nil},
		{"fewer seats before longer inactive", seats(1, 1, 0), users{user("Ana", agent, jan(1), call, computer), user("Ben", agent, jan(2), call)}, nil},
		{"fewer users before fewer seats", seats(2, 0, 0), users{user("Ana", agent, jan(1), call), user("Ben", agent, jan(1), call), user("Cem", agent, jan(9), call, computer)}, nil},
		{"only Computer Recording is exceeded", seats(3, 1, 1), users{user("Ana", agent, jan(1), call), user("Ben", agent, jan(2), call, computer, evaluation), user("Cem", agent, jan(3), call, computer)}, nil},
		{"only Agent Evaluation is exceeded, of a supervisor", seats(2, 0, 0), users{user("Ana", supervisor, jan(1), call, evaluation), user("Ben", agent, jan(2), call)}, nil},
		{"two modules from one user, not from two", seats(3, 1, 1), users{user("Ana", agent, jan(1), call, computer), user("Ben", agent, jan(2), call, evaluation), user("Cem", agent, jan(9), call, computer, evaluation)}, nil},
		{"who loses Call Recording covers the other excesses", seats(2, 1, 1), users{user("Ana", agent, jan(1), call), user("Ben", agent, jan(2), call, computer), user("Cem", agent, jan(9), call, computer, evaluation), user("Dee", agent, jan(3), call, evaluation)}, nil},
		{"no one user covers everything", seats(2, 0, 0), users{user("Ana", agent, jan(3), call, computer), user("Ben", agent, jan(4), call, evaluation), user("Cem", supervisor, jan(1), call, computer, evaluation)}, nil},
		{"half measures do not add up", seats(3, 2, 2), users{user("Ana", agent, jan(3), call, computer), user("Ben", agent, jan(4), call, evaluation), user("Cem", supervisor, jan(1), call, computer, evaluation), user("Dee", supervisor, jan(2), call, computer, evaluation)}, nil},
		{"an agent loses it before a longer inactive manager", seats(2, 0, 0), users{user("Ana", manager, jan(1), call), user("Ben", agent, jan(30), call), user("Cem", admin, unknown, call)}, nil},
		{"a supervisor must lose it", seats(1, 0, 0), users{user("Ana", supervisor, jan(1), call), user("Ben", agent, jan(30), call), user("Cem", admin, jan(29), call)}, nil},
		{"the last of the three roles keeps it", seats(1, 1, 1), users{user("Ana", supervisor, jan(1), call, computer), user("Ben", agent, jan(30), call, evaluation), user("Cem", agent, jan(29), call)}, nil},
		{"several roles lose it", seats(1, 1, 0), users{user("Ana", admin, jan(9), call, computer), user("Ben", manager, jan(8), call), user("Cem", manager, unknown, call, computer), user("Dee", supervisor, jan(7), call, evaluation), user("Eli", agent, unknown, call)}, nil},
		{"the last of them gives up another module", seats(1, 0, 0), users{user("Ana", admin, jan(1), call, computer, evaluation), user("Ben", agent, jan(2), call, computer)}, nil},
		{"the same users: the first loses Call Recording", seats(1, 0, 0), users{user("Ana", agent, jan(1), call, computer), user("Ben", agent, jan(2), call, computer)}, nil},
		{"no date and nobody else to take it from", seats(2, 0, 0), users{user("Ana", agent, unknown, call, computer), user("Ben", agent, unknown, call)}, nil},
		{"extra seats taken because agents hold them", seats(2, 2, 0), users{user("Ana", agent, jan(4), call, computer), user("Ben", agent, jan(3), call, computer), user("Cem", manager, jan(1), call, evaluation), user("Dee", manager, jan(2), call, evaluation)}, nil},
	}
}

func TestVectors(t *testing.T) {
	list := vectors()
	names := map[string]bool{}
	for i := range list {
		v := &list[i]
		require.False(t, names[v.Name], v.Name)
		names[v.Name] = true
		result, err := downgrade.Check(v.Seats, v.Users)
		require.NoError(t, err, v.Name)
		v.Result = &result
		if v.Name != "names are trimmed" { // the definition knows no white space
			requireBest(t, v.Seats, v.Users)
		}
	}
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(list))
	if *update {
		require.NoError(t, os.WriteFile(vectorFile, want.Bytes(), 0o644))
	}
	got, err := os.ReadFile(vectorFile)
	require.NoError(t, err)
	require.Equal(t, want.String(), string(got), "write it again with: go test ./shared/license/downgrade -run Vectors -update")
}
