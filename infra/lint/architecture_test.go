// Package lint_test holds the tree to its design: which package may import which, and how large a part may grow.
package lint_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "qmslicensing/"

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func packages(t *testing.T) map[string]goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Standard", "-deps", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	all := map[string]goPackage{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); err == io.EOF {
			return all
		} else {
			require.NoError(t, err)
		}
		all[p.ImportPath] = p
	}
}

// arrow says what the packages below a path may import besides the standard library. The longest path that fits holds.
type arrow struct {
	from string
	may  []string
	// never are parts of the standard library that are not for this room.
	never []string
}

const license = module + "shared/license"

var domainNever = []string{"net", "net/http", "os", "os/exec", "syscall", "database/sql"}

var arrows = []arrow{
	{from: license, may: []string{license}, never: domainNever},
	{from: license + "/licensekey", may: []string{license}, never: domainNever},
	{from: license + "/keyring", may: []string{license, license + "/licensekey"}, never: domainNever},
	{from: license + "/ledger", may: []string{license}, never: domainNever},
	{from: license + "/protocol", may: []string{license, license + "/licensekey", license + "/keyring", license + "/ledger"}, never: domainNever},
	{from: license + "/policy", may: []string{license, license + "/customer", license + "/ledger"}, never: domainNever},
	{from: license + "/cursor", never: domainNever},
	{from: license + "/desk", may: []string{license, license + "/cursor", license + "/ledger", license + "/policy", license + "/protocol"}, never: domainNever},
	{from: license + "/issuing", may: []string{license, license + "/customer", license + "/desk", license + "/keyring", license + "/ledger", license + "/policy", license + "/protocol"}, never: domainNever},
	{from: license + "/batch", may: []string{license, license + "/issuing", license + "/ledger", license + "/policy", license + "/protocol", license + "/registry"}, never: domainNever},
	{from: license + "/registry", may: []string{license, license + "/cursor", license + "/customer", license + "/ledger"}, never: domainNever},
	{from: license + "/history", may: []string{license, license + "/ledger"}, never: domainNever},
	{from: license + "/reconcile", may: []string{license, license + "/licensekey", license + "/keyring", license + "/ledger", license + "/protocol"}, never: domainNever},
	{from: license + "/verdict", may: []string{license, license + "/licensekey"}, never: domainNever},
	// The one library in the domain: how Unicode takes letters and accents apart is not in the standard library.
	{from: license + "/customer", may: []string{"golang.org/x/text/unicode/norm"}, never: domainNever},
	{from: license + "/downgrade", may: []string{license}, never: domainNever},
	{from: license + "/histories"},
	// The test kit: contract suites with testify, keys in files.
	{from: license + "/licensetest", may: []string{license + "/", license, module + "shared/filesign", "github.com/stretchr/testify/"}},
	{from: module + "shared/httpapi", may: []string{license, "github.com/go-json-experiment/json"}, never: []string{"os"}},
	{from: module + "shared/api", may: []string{license, license + "/", module + "shared/httpapi"}, never: []string{"os"}},
	{from: module + "shared/lambdahttp", may: []string{license, module + "shared/httpapi", "github.com/aws/aws-lambda-go/"}},
	{from: module + "shared/awsenv", may: []string{license + "/policy", "github.com/aws/"}},
	{from: module + "shared/kmssign", may: []string{license, license + "/", "github.com/aws/"}},
	{from: module + "shared/kmscount", may: []string{license + "/reconcile", "github.com/aws/"}},
	{from: module + "shared/dynamostore", may: []string{license, license + "/", "github.com/aws/"}},
	{from: module + "shared/archive", may: []string{license, license + "/ledger"}, never: domainNever},
	{from: module + "shared/s3archive", may: []string{module + "shared/archive", "github.com/aws/"}},
	{from: module + "shared/lambdastream", may: []string{module + "shared/archive", "github.com/aws/aws-lambda-go/"}},
	{from: module + "shared/memstore", may: []string{license, license + "/"}, never: domainNever},
	{from: module + "shared/filesign", may: []string{license, license + "/"}},
	{from: module + "functions", may: []string{module + "shared/", "github.com/aws/"}},
	{from: module + "infra", may: []string{module + "shared/", module + "infra/", "github.com/", "gopkg.in/", "golang.org/"}},
}

func TestArrowsPointOneWay(t *testing.T) {
	all := packages(t)
	seen := 0
	for path, p := range all {
		if !strings.HasPrefix(path, module) {
			continue
		}
		seen++
		rule := ruleFor(path)
		require.NotEmpty(t, rule.from, "%s has no rule: say in which room it is", path)
		for _, imported := range p.Imports {
			if all[imported].Standard || imported == "C" {
				require.NotContains(t, rule.never, imported, "%s must not import %s", path, imported)
				continue
			}
			require.True(t, allowed(rule, imported), "%s must not import %s", path, imported)
		}
	}
	require.Greater(t, seen, 20, "go list found the tree")
}

func ruleFor(path string) (best arrow) {
	for _, a := range arrows {
		if (path == a.from || strings.HasPrefix(path, a.from+"/")) && len(a.from) > len(best.from) {
			best = a
		}
	}
	return best
}

// allowed reports whether a rule has the import: by its name, or below a name that ends in a slash.
func allowed(rule arrow, imported string) bool {
	if strings.HasPrefix(imported, rule.from+"/") && !strings.HasPrefix(rule.from, license) {
		return true
	}
	for _, may := range rule.may {
		if imported == may || strings.HasPrefix(imported, may+"/") && !strings.HasPrefix(may, license) || strings.HasSuffix(may, "/") && strings.HasPrefix(imported, may) {
			return true
		}
	}
	return false
}

// A function's imports are its privileges: one that only reads has no way to a signer.
func TestFunctionsThatReadCannotReachASigner(t *testing.T) {
	all := packages(t)
	writers := map[string]bool{"issue": true, "issue-temporary": true, "renew-subscription": true, "rehost": true, "amend": true, "sweep": true}
	functions := 0
	for path := range all {
		name, ok := strings.CutPrefix(path, module+"functions/")
		if !ok {
			continue
		}
		functions++
		reaches := reachable(all, path)
		require.Equal(t, writers[name], reaches[module+"shared/kmssign"], "%s and the signer", name)
	}
	require.Greater(t, functions, 10)
}

func reachable(all map[string]goPackage, from string) map[string]bool {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		for _, imported := range all[path].Imports {
			visit(imported)
		}
	}
	visit(from)
	return seen
}
