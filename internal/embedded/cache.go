package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// cacheDir returns the folder for what can be made again: downloaded programs and prepared clusters.
//
// Root does not get the one below its home, because homes of root are closed (0700) and the unprivileged account that
// runs Postgres has to reach the programs.
func cacheDir() (string, error) {
	mode := os.FileMode(0o700)
	dir, err := os.UserCacheDir()
	if os.Geteuid() == 0 {
		mode, dir, err = 0o755, "/var/cache", nil
	}
	if err == nil {
		if dir, err := openDir(filepath.Join(dir, "ordo"), mode); err == nil {
			return dir, nil
		}
	}
	// No home or one that cannot be written (service accounts, read-only containers).
	return openDir(filepath.Join(os.TempDir(), "ordo-cache-"+strconv.Itoa(os.Geteuid())), mode)
}

// openDir makes sure that the folder exists, is ours and can be written by nobody else: names below /tmp can be guessed.
func openDir(dir string, mode os.FileMode) (string, error) {
	if err := os.MkdirAll(dir, mode); err != nil {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if uid, _ := owner(info); !info.IsDir() || int(uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("cache %s is not a folder of our own", dir)
	}
	return dir, os.Chmod(dir, mode)
}
