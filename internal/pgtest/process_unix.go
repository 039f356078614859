//go:build unix

package pgtest

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// demote makes a command run as another user if this process is root's, since PostgreSQL
// refuses to run as root.
func demote(cmd *exec.Cmd) {
	if os.Getuid() != 0 {
		return
	}
	uid, gid := unprivileged()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
}

// unprivileged returns a user other than root.
func unprivileged() (uid, gid uint32) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		id, errID := strconv.ParseUint(u.Uid, 10, 32)
		group, errGroup := strconv.ParseUint(u.Gid, 10, 32)
		if errID == nil && errGroup == nil {
			return uint32(id), uint32(group)
		}
	}
	return 65534, 65534
}

// give makes files belong to the user as whom the programs run.
func give(paths ...string) error {
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid := unprivileged()
	for _, path := range paths {
		if err := os.Chown(path, int(uid), int(gid)); err != nil {
			return err
		}
	}
	return nil
}

// stop ends the server without a checkpoint. It removes the shared memory, which kill
// leaves behind.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGQUIT) // fails if the server was killed
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second):
		p.kill()
	}
}

// kill ends all processes of the server. The first is stopped meanwhile, so that it
// starts no others.
func (p *process) kill() {
	select {
	case <-p.exited:
		return
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGSTOP)
	children := childrenOf(p.cmd.Process.Pid)
	_ = p.cmd.Process.Kill()
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
	}
	<-p.exited
}
