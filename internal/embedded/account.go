package embedded

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// account is who a server runs as when this process is root.
type account struct {
	name     string
	uid, gid uint32
}

// unprivileged lists the accounts tried, best first. Any will do that is not root and has an entry in the user database
// (initdb looks its own account up there).
var unprivileged = []string{"postgres", "nobody", "daemon"}

// pickAccount returns the account that shall own and run the cluster in dir: nil for this process's own, which is right
// for everyone but root. An existing cluster keeps the account it has.
func pickAccount(dir string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	if info, err := os.Stat(dir); err == nil {
		if uid, gid := owner(info); uid != 0 {
			return &account{name: strconv.Itoa(int(uid)), uid: uid, gid: gid}, nil
		}
	}
	for _, name := range unprivileged {
		entry, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(entry.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(entry.Gid, 10, 32)
		if errUID == nil && errGID == nil && uid != 0 {
			return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("postgres does not run as root, and this machine has no unprivileged account for it (tried postgres, nobody, daemon): run as another user")
}

// own gives a file or folder to the account.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	if err := os.Lchown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("give to account %s: %w", a.name, err)
	}
	return nil
}
