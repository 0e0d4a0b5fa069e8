package e2e_test

import (
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// maxBinary is the most bytes of a function's bootstrap: 10.5 MB.
const maxBinary = 10_500_000

func TestBinaries_StaticStrippedSmallWithoutRPC(t *testing.T) {
	found, err := filepath.Glob("../../../build/*/bootstrap")
	require.NoError(t, err)
	require.Len(t, found, len(shared.Stack.Application.Functions))
	for _, path := range found {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(maxBinary), path)
		file, err := elf.Open(path)
		require.NoError(t, err)
		libraries, err := file.ImportedLibraries()
		require.NoError(t, err)
		require.Empty(t, libraries, "%s is not static", path)
		require.Nil(t, file.Section(".symtab"), "%s is not stripped", path)
		require.Nil(t, file.Section(".debug_info"), "%s is not stripped", path)
		require.NoError(t, file.Close())
		build, err := buildinfo.ReadFile(path)
		require.NoError(t, err)
		tags := ""
		for _, setting := range build.Settings {
			if setting.Key == "-tags" {
				tags = setting.Value
			}
		}
		require.Contains(t, strings.Split(tags, ","), "lambda.norpc", path)
	}
}

func TestValidate_WarmInUnderTwoMilliseconds(t *testing.T) {
	s := shared
	key := s.issue(t, subscription(fresh("QMSA-WARM"))).text(t, "license", "licenseKey")
	call := func() time.Duration {
		began := time.Now()
		r, err := http.Post(s.URL+"/v1/licenses/validate", "application/json", strings.NewReader(fmt.Sprintf(`{"licenseKey":%q}`, key)))
		require.NoError(t, err)
		require.Equal(t, 200, r.StatusCode)
		_, err = io.Copy(io.Discard, r.Body)
		require.NoError(t, err)
		require.NoError(t, r.Body.Close())
		return time.Since(began)
	}
	for range 1000 {
		call()
	}
	const budget = raceFactor * 2 * time.Millisecond
	best := time.Hour // other work on the machine only makes a batch slower: one that is in time will do
	for n := 0; n < 40 && best >= budget; n++ {
		took := make([]time.Duration, 200)
		for n := range took {
			took[n] = call()
		}
		slices.Sort(took)
		best = min(best, took[len(took)/2])
		t.Logf("validate, warm, with a registry read: p50 %v, p90 %v", took[len(took)/2], took[len(took)*9/10])
	}
	require.Less(t, best, budget)
}
