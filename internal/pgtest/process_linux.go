package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// startBound starts a server that ends with this process, even if this process is killed.
// The kernel watches the thread that started the server, so the calling goroutine keeps
// its thread.
func startBound(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	return cmd.Start()
}

// childrenOf returns the processes that a process has started. Each process of a
// PostgreSQL server has a group of its own, so they cannot be killed as one group.
func childrenOf(pid int) (pids []int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil // they end by themselves, a little later
	}
	for _, field := range strings.Fields(string(text)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}
