package rollout

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// defaultArch is the processor that make deploy builds for.
const defaultArch = "arm64"

var machines = map[string]elf.Machine{"arm64": elf.EM_AARCH64, "x86_64": elf.EM_X86_64}

// Needs checks what a deployment takes from this machine: the SAM CLI, the functions built for Lambda's processor, and the
// built portal. arch is the template's parameter Arch; empty is its default.
func Needs(root, samCLI, arch string) error {
	if arch == "" {
		arch = defaultArch
	}
	var missing []error
	if _, err := os.Stat(samCLI); err != nil {
		missing = append(missing, fmt.Errorf("there is no SAM CLI at %s: make deploy installs it, with Python 3.11 or newer", samCLI))
	}
	functions, err := os.ReadDir(filepath.Join(root, "functions"))
	if err != nil || len(functions) == 0 {
		missing = append(missing, errors.New("there is no folder functions: run this in the root of the repository"))
	}
	for _, function := range functions {
		bootstrap := filepath.Join("build", function.Name(), "bootstrap")
		if err := builtFor(filepath.Join(root, bootstrap), arch); err != nil {
			missing = append(missing, fmt.Errorf("%s %w: make build GOARCH=%s", bootstrap, err, goarch(arch)))
		}
	}
	if _, err := os.Stat(filepath.Join(root, "portal", "dist", "index.html")); err != nil {
		missing = append(missing, errors.New("the portal is not built: make build"))
	}
	return errors.Join(missing...)
}

func builtFor(file, arch string) error {
	binary, err := elf.Open(file)
	if err != nil {
		return errors.New("is not built")
	}
	defer func() { _ = binary.Close() }()
	if binary.Machine != machines[arch] {
		return fmt.Errorf("is built for %s, and Lambda runs %s", binary.Machine, arch)
	}
	return nil
}

func goarch(arch string) string {
	if arch == "x86_64" {
		return "amd64"
	}
	return arch
}
