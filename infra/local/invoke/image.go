package invoke

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"qmslicensing/infra/local/process"
)

const (
	answersWithin = 10 * time.Second // the registry, or there is none
	pulledWithin  = 5 * time.Minute
)

// Architecture is this machine's, as the template's parameter Arch has it.
func Architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

const repository = "public.ecr.aws/lambda/provided:al2023-"

// ensureImage sees to the image that SAM builds its own from, and says where it comes from.
func (d docker) ensureImage(ctx context.Context, progress io.Writer) error {
	image := repository + Architecture()
	if origin, err := d.run(ctx, nil, "image", "inspect", "--format", `{{index .Config.Labels "`+originLabel+`"}}`, image); err == nil {
		from := "pulled before"
		if bytes.Contains([]byte(origin), []byte("busybox")) {
			from = "made from busybox before; docker image rm " + image + " has it pulled again"
		}
		fmt.Fprintf(progress, "base image %s: %s\n", image, from)
		return nil
	}
	if d.pull(ctx, image) == nil {
		fmt.Fprintf(progress, "base image %s: pulled\n", image)
	} else {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.makeImage(ctx, image); err != nil {
			return err
		}
		fmt.Fprintf(progress, "base image %s: no registry answers, so it was made from this machine's busybox\n", image)
	}
	// What SAM built on another base image would be used on. It is in use when this fails, and then it stays.
	_, _ = d.run(ctx, nil, "image", "rm", repository+"rapid-"+Architecture())
	return nil
}

// pull gives up when the registry does not begin to answer; a slow one may take its time.
func (d docker) pull(ctx context.Context, image string) error {
	ctx, cancel := context.WithTimeout(ctx, pulledWithin)
	defer cancel()
	silence := time.AfterFunc(answersWithin, cancel)
	defer silence.Stop()
	command := exec.CommandContext(ctx, d.path, "pull", image)
	command.Stdout = process.Lines(func(string) { silence.Stop() })
	return command.Run()
}

const originLabel = "qmslicensing.origin"

// makeImage makes an image of Debian's static busybox that is enough for SAM: it adds its own runtime to it, and the
// bootstraps need nothing else.
func (d docker) makeImage(ctx context.Context, image string) error {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return errors.New("no registry answers, and busybox, from which the base image is then made, is missing; install it with: " + install)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !static(program) {
		return fmt.Errorf("no registry answers, and %s, from which the base image is then made, is not the static one; install that with: %s", path, install)
	}
	layer, err := busyboxLayer(program)
	if err != nil {
		return err
	}
	_, err = d.run(ctx, bytes.NewReader(layer), "import",
		"--change", "ENV PATH=/usr/local/bin:/usr/bin:/bin LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime TZ=UTC",
		"--change", "WORKDIR /var/task", "--change", "LABEL "+originLabel+"=busybox", "-", image)
	return err
}

func static(program []byte) bool {
	file, err := elf.NewFile(bytes.NewReader(program))
	return err == nil && file.Section(".interp") == nil
}

// applets are what SAM's own image is built with, and what one wants inside a container.
func applets() []string {
	return []string{"sh", "mv", "chmod", "ls", "cat", "cp", "rm", "mkdir", "env", "ps", "wget"}
}

func busyboxLayer(program []byte) ([]byte, error) {
	var layer bytes.Buffer
	archive := tar.NewWriter(&layer)
	add := func(header tar.Header, content []byte) error {
		header.Size = int64(len(content))
		if err := archive.WriteHeader(&header); err != nil {
			return err
		}
		_, err := archive.Write(content)
		return err
	}
	var errs []error
	for _, dir := range []string{"bin", "etc", "opt", "var", "var/rapid", "var/runtime", "var/task"} {
		errs = append(errs, add(tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}, nil))
	}
	errs = append(errs,
		add(tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, nil),
		add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644}, []byte("root:x:0:0:root:/root:/bin/sh\n")),
		add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, program))
	for _, applet := range applets() {
		errs = append(errs, add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox", Mode: 0o777}, nil))
	}
	errs = append(errs, archive.Close())
	return layer.Bytes(), errors.Join(errs...)
}
