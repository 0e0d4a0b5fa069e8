package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/gateway"
	"qmslicensing/infra/local/invoke"
	"qmslicensing/infra/local/runtime"
	"qmslicensing/infra/local/template"
)

// Functions runs the template's functions, each named by its logical ID.
type Functions interface {
	gateway.Invoker
	// Kill ends processes of a function and tells how many there were; what they worked on has failed. instance is the
	// session token of one that tells its processes apart; empty means all.
	Kill(function, instance string) int
	// Close ends everything and waits for it.
	Close()
}

var (
	_ Functions = (*runtime.Runtime)(nil)
	_ Functions = (*invoke.SAM)(nil)
)

// startFunctions makes ready what runs the functions: the Runtime API server, or SAM.
func (s *Stack) startFunctions(ctx context.Context) error {
	root := filepath.Dir(s.config.Template)
	if err := checkBuilt(s.Application.Functions, root); err != nil {
		return fmt.Errorf("the functions are not built; build them with: make build\n%w", err)
	}
	if s.config.SAM {
		return s.startSAM(ctx)
	}
	functions, err := runtime.New(runtime.Config{
		Application: s.Application, Root: root, Log: s.log, Group: s.group,
		Environment: func(f template.Function) map[string]string {
			return map[string]string{"AWS_ACCESS_KEY_ID": gate.AccessKey(f.LogicalID), "AWS_SECRET_ACCESS_KEY": "local"}
		},
	})
	if err != nil {
		return err
	}
	s.Functions = functions
	return nil
}

func (s *Stack) startSAM(ctx context.Context) error {
	path, err := filepath.Abs(s.config.Template)
	if err != nil {
		return err
	}
	functions, err := invoke.Start(ctx, invoke.Config{
		Application: s.Application, Template: path, Parameters: s.parameters(), AccessKey: gate.AccessKey,
		Program: filepath.Join(s.config.Root, ".cache", "venv", "bin", "sam"), Dir: filepath.Join(s.config.Root, ".cache", "sam"),
		Endpoints: map[string]http.Handler{
			"AWS_ENDPOINT_URL_DYNAMODB": s.Gate.DynamoDB(), "AWS_ENDPOINT_URL_KMS": s.Gate.KMS(), "AWS_ENDPOINT_URL_S3": s.Gate.S3(),
			"AWS_ENDPOINT_URL_CLOUDWATCH": s.Gate.Metrics(),
		},
		Progress: s.config.Progress, Log: s.log, Group: s.group,
	})
	if err != nil {
		return err
	}
	s.Functions, s.samDone = functions, functions.Done()
	return nil
}

// checkBuilt reports the bootstraps that have not been built.
func checkBuilt(functions []template.Function, root string) error {
	var missing []error
	for _, f := range functions {
		bootstrap := filepath.Join(root, f.CodeURI, "bootstrap")
		if _, err := os.Stat(bootstrap); err != nil {
			missing = append(missing, fmt.Errorf("function %s has no %s", f.Name, bootstrap))
		}
	}
	return errors.Join(missing...)
}
