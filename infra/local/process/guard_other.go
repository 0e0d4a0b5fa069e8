//go:build !linux

package process

import "syscall"

// No such signal here: Java and Node watch their standard input, functions end when the Runtime API is gone.
func dieWithParent(*syscall.SysProcAttr) {}
