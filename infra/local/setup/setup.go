// Package setup fetches, once, what the local stack runs and the repository does not hold: DynamoDB Local and the
// sign-in's packages. What is there and of the pinned version is left alone.
package setup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/process"
)

// Tools knows where the project is and where fetched things go.
type Tools struct {
	Root string // the folder of go.mod
}

// Find returns the tools of the project at root; when that is empty, of the one that the working directory is in.
func Find(root string) (Tools, error) {
	if root != "" {
		return Tools{Root: root}, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return Tools{}, err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return Tools{Root: at}, nil
		}
		if at == filepath.Dir(at) {
			return Tools{}, fmt.Errorf("no go.mod in %s or above it: start this inside the project", dir)
		}
	}
}

// DynamoDB is the folder of DynamoDB Local.
func (t Tools) DynamoDB() string { return filepath.Join(t.Root, ".cache", "dynamodb-local") }

// SignIn is the folder of the sign-in's program.
func (t Tools) SignIn() string { return filepath.Join(t.Root, "infra", "local", "signin") }

// Ensure fetches everything, telling progress.
func (t Tools) Ensure(ctx context.Context, progress io.Writer) error {
	if err := t.EnsureDynamoDB(ctx, progress); err != nil {
		return err
	}
	return t.EnsureSignIn(ctx, progress)
}

// EnsureDynamoDB fetches DynamoDB Local by Maven and compiles its launcher.
func (t Tools) EnsureDynamoDB(ctx context.Context, progress io.Writer) error {
	if err := need("java", "openjdk-17-jdk-headless"); err != nil {
		return err
	}
	source := filepath.Join(t.Root, "infra", "local", "dynamodb")
	pom, launcher := filepath.Join(source, "pom.xml"), filepath.Join(source, "Launcher.java")
	jars, classes := filepath.Join(t.DynamoDB(), dynamodb.Jars), filepath.Join(t.DynamoDB(), dynamodb.Classes)
	return t.once(ctx, "dynamodb-local", []string{pom, launcher}, []string{jars, classes}, func() error {
		if err := errors.Join(need("mvn", "maven"), need("javac", "openjdk-17-jdk-headless")); err != nil {
			return err
		}
		if err := errors.Join(os.RemoveAll(jars), os.RemoveAll(classes), os.MkdirAll(classes, 0o755)); err != nil {
			return err
		}
		if err := run(ctx, progress, "fetching DynamoDB Local from Maven Central (48 MB)", source, "mvn", "-q", "-B", "-f", pom,
			"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+jars); err != nil {
			return err
		}
		return run(ctx, progress, "compiling its launcher", source, "javac", "-d", classes, "-cp", filepath.Join(jars, "*"), launcher)
	})
}

// EnsureSignIn installs the sign-in's packages as its lock file has them.
func (t Tools) EnsureSignIn(ctx context.Context, progress io.Writer) error {
	if err := need("node", "nodejs npm"); err != nil {
		return err
	}
	dir := t.SignIn()
	lock, modules := filepath.Join(dir, "package-lock.json"), filepath.Join(dir, "node_modules")
	return t.once(ctx, "signin", []string{lock}, []string{modules}, func() error {
		if err := need("npm", "nodejs npm"); err != nil {
			return err
		}
		return run(ctx, progress, "fetching the sign-in's packages from npm", dir, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	})
}

// once runs work unless the results are there and were made from the sources as they are now. Programs that run at the
// same time wait for each other.
func (t Tools) once(ctx context.Context, name string, sources, results []string, work func() error) error {
	cache := filepath.Join(t.Root, ".cache")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(cache, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("waiting for another set-up: %w", err)
	}
	sum := sha256.New()
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%d\n%s", len(text), text)
	}
	wanted, stamp := hex.EncodeToString(sum.Sum(nil)), filepath.Join(cache, name+".done")
	made, _ := os.ReadFile(stamp)
	if string(made) == wanted && allExist(results) {
		return nil
	}
	if err := errors.Join(ctx.Err(), work()); err != nil {
		return err
	}
	return os.WriteFile(stamp, []byte(wanted), 0o644)
}

func allExist(files []string) bool {
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			return false
		}
	}
	return true
}

// need says in one sentence how to install a program that is missing.
func need(program, debianPackages string) error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%s is missing; install it with: apt-get install %s", program, debianPackages)
	}
	return nil
}

// run runs a program and tells every few seconds that it still does. Its output is shown when it fails. It ends with
// its parent, however that ends.
func run(ctx context.Context, progress io.Writer, what, dir, program string, args ...string) error {
	begin := time.Now()
	fmt.Fprintf(progress, "%s …\n", what)
	group := process.NewGroup()
	defer group.Close()
	var output bytes.Buffer
	running, err := group.Start(process.Command{Path: program, Args: args, Env: os.Environ(), Dir: dir, Output: &output})
	if err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			fmt.Fprintf(progress, "%s … %.0f s\n", what, time.Since(begin).Seconds())
		case <-ctx.Done():
			return ctx.Err()
		case <-running.Done():
			if err := running.Err(); err != nil {
				return fmt.Errorf("%s: %w\n%s", what, err, strings.TrimSpace(output.String()))
			}
			return nil
		}
	}
}
