package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// copyTemplate fills an ephemeral data folder from one that initdb has made once for this version and account. initdb
// takes most of a second, the copy a fraction of that.
func (p *Postgres) copyTemplate(ctx context.Context, b binaries) error {
	template, err := templateDir(ctx, b, p.cluster.as)
	if err == nil {
		if err = copyDataDir(template, p.dir, p.cluster.as); err == nil {
			return nil
		}
		// Cleaners of temp folders remove single old files. Make it again next time.
		_ = os.RemoveAll(template)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.config.Log.Debug("no prepared cluster", "error", err)
	if err := os.RemoveAll(p.cluster.dir); err != nil {
		return err
	}
	return initDataDir(ctx, p.cluster, b, true)
}

// filesFile holds the number of files of a finished template.
const filesFile = "files"

// templateDir returns the prepared data folder, making it if need be. Several processes may do so at once: the first
// one's is kept.
func templateDir(ctx context.Context, b binaries, as *account) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("cluster-%s-%d", b.version(), layoutVersion)
	if as != nil {
		name += "-" + as.name
	}
	dir := filepath.Join(cache, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	fresh, err := os.MkdirTemp(cache, name+".new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	c := cluster{dir: filepath.Join(fresh, clusterDir), as: as}
	if err := initDataDir(ctx, c, b, true); err != nil {
		return "", err
	}
	files, err := countFiles(c.dir)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(fresh, filesFile), []byte(strconv.Itoa(files)), 0o600); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return dir, nil
}

func countFiles(dir string) (n int, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			n++
		}
		return err
	})
	return n, err
}

// copyDataDir copies a template's cluster and secrets into an empty data folder.
func copyDataDir(from, to string, as *account) error {
	content, err := os.ReadFile(filepath.Join(from, filesFile))
	if err != nil {
		return err
	}
	if err := copyFile(filepath.Join(from, secretsFile), filepath.Join(to, secretsFile)); err != nil {
		return err
	}
	copied := 0
	source := filepath.Join(from, clusterDir)
	err = filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, clusterDir, strings.TrimPrefix(path, source))
		if entry.IsDir() {
			return errors.Join(os.Mkdir(target, 0o700), as.own(target))
		}
		copied++
		return errors.Join(copyFile(path, target), as.own(target))
	})
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(content)) != strconv.Itoa(copied) {
		return fmt.Errorf("template %s has %d files, not %s", from, copied, content)
	}
	return nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

const tempPrefix = "ordo-postgres-"

// makeTempDir returns a new folder for an ephemeral server, after removing those whose process was killed.
func makeTempDir() (string, error) {
	abandoned, _ := filepath.Glob(filepath.Join(os.TempDir(), tempPrefix+"*"))
	for _, dir := range abandoned {
		removeAbandoned(dir)
	}
	return os.MkdirTemp("", tempPrefix)
}

// removeAbandoned removes a temporary data folder that nobody uses. A young one may be on its way to its lock.
func removeAbandoned(dir string) {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
		return
	}
	if uid, _ := owner(info); int(uid) != os.Geteuid() {
		return
	}
	unlock, err := LockDataDir(dir)
	if err != nil {
		return
	}
	defer unlock()
	c := cluster{dir: filepath.Join(dir, clusterDir)}
	if _, pid := c.status(); pid > 0 && alive(pid) && servesFolder(pid, c.dir) {
		return // it is about to end
	}
	_ = os.RemoveAll(dir)
}
