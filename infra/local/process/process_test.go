package process_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/process"
)

// TestMain is also the parent that TestGroup_ChildrenDieWithAKilledParent kills.
func TestMain(m *testing.M) {
	if os.Getenv("PROCESS_TEST_PARENT") == "" {
		os.Exit(m.Run())
	}
	group := process.NewGroup()
	for range 3 {
		p, err := group.Start(process.Command{Path: "/bin/sleep", Args: []string{"600"}})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(p.PID())
	}
	select {}
}

func alive(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(status), ") Z ")
}

func TestGroup_ChildrenDieWithAKilledParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "PROCESS_TEST_PARENT=1")
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < 3 && lines.Scan(); {
		pid, err := strconv.Atoi(lines.Text())
		require.NoError(t, err)
		require.True(t, alive(pid))
		pids = append(pids, pid)
	}
	require.Len(t, pids, 3)

	require.NoError(t, parent.Process.Signal(syscall.SIGKILL))
	_ = parent.Wait()
	for _, pid := range pids {
		require.Eventually(t, func() bool { return !alive(pid) }, 2*time.Second, 10*time.Millisecond)
	}
}

func TestGroup_CloseEndsWhatStillRuns(t *testing.T) {
	group := process.NewGroup()
	p, err := group.Start(process.Command{Path: "/bin/sleep", Args: []string{"600"}})
	require.NoError(t, err)
	require.NoError(t, p.Err())
	group.Close()
	<-p.Done()
	require.Error(t, p.Err())
	_, err = group.Start(process.Command{Path: "/bin/sleep"})
	require.ErrorIs(t, err, process.ErrClosed)
}

func TestProcess_StopEndsStandardInput(t *testing.T) {
	group := process.NewGroup()
	defer group.Close()
	var out bytes.Buffer
	p, err := group.Start(process.Command{Path: "/bin/sh", Args: []string{"-c", "cat; echo graceful"}, Output: &out, Watched: true})
	require.NoError(t, err)
	p.Stop(5 * time.Second)
	require.NoError(t, p.Err())
	require.Equal(t, "graceful\n", out.String())
}

func TestProcess_InheritsNoEnvironment(t *testing.T) {
	t.Setenv("SECRET", "x")
	group := process.NewGroup()
	defer group.Close()
	var out bytes.Buffer
	p, err := group.Start(process.Command{Path: "/usr/bin/env", Env: []string{"A=b"}, Output: &out})
	require.NoError(t, err)
	<-p.Done()
	require.Equal(t, "A=b\n", out.String())
}

func TestGroup_SaysWhichProgramCannotStart(t *testing.T) {
	group := process.NewGroup()
	defer group.Close()
	_, err := group.Start(process.Command{Path: "/no/such/program"})
	require.ErrorContains(t, err, "starting /no/such/program")
	require.True(t, errors.Is(err, os.ErrNotExist))
}

func TestPrefixed_WritesWholeLines(t *testing.T) {
	var out bytes.Buffer
	w := process.Prefixed(&out, "issue: ")
	for _, part := range []string{"one\ntw", "o\r\n", "three"} {
		_, err := w.Write([]byte(part))
		require.NoError(t, err)
	}
	require.Equal(t, "issue: one\nissue: two\n", out.String())
}
