package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

const (
	downloadVersion = "18.4.0"
	downloadMajor   = 18
	downloadLimit   = 15 * time.Minute
)

// downloadDir is where the downloaded installation is, or would be.
func downloadDir() (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "postgres-"+downloadVersion+"-"+runtime.GOOS+"-"+runtime.GOARCH), nil
}

// download fetches an installation into the folder target and returns its folder of programs.
func download(ctx context.Context, target string, log *slog.Logger) (string, error) {
	removeOldAttempts(target)
	work, err := os.MkdirTemp(filepath.Dir(target), filepath.Base(target)+".new-")
	if err != nil {
		return "", err
	}
	log.Warn("downloading PostgreSQL, once", "version", downloadVersion, "folder", target)
	ctx, cancel := context.WithTimeout(ctx, downloadLimit)
	defer cancel()
	fetched := make(chan error, 1)
	go func() { fetched <- fetch(work) }()
	select {
	case err = <-fetched:
	case <-ctx.Done():
		// The library cannot be interrupted, and it panics if its files vanish: leave both to the end of the process,
		// the folder to removeOldAttempts.
		return "", fmt.Errorf("download PostgreSQL %s: %w", downloadVersion, ctx.Err())
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err != nil {
		return "", fmt.Errorf("download PostgreSQL %s: %w", downloadVersion, err)
	}
	install := filepath.Join(work, "install")
	if err := makeReadable(install); err != nil {
		return "", err
	}
	if _, err := inspect(ctx, filepath.Join(install, "bin")); err != nil {
		return "", fmt.Errorf("downloaded PostgreSQL %s does not run here: %w", downloadVersion, err)
	}
	// Of several processes that download at once, the first one's is kept.
	if err := os.Rename(install, target); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return filepath.Join(target, "bin"), nil
}

// fetch has the library download, check and unpack into work/install.
//
// The library offers that only as the first half of starting a server. The second half is made to fail: a data folder of
// nothing but a version is taken for one to be used again, so initdb is left out, and pg_ctl refuses it (root it refuses
// anyway). pg_ctl's complaint is how the end of the first half is known.
func fetch(work string) error {
	data := filepath.Join(work, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("18\n"), 0o600); err != nil {
		return err
	}
	var said bytes.Buffer
	config := embeddedpostgres.DefaultConfig().
		Version(downloadVersion).
		Port(0).
		CachePath(filepath.Join(work, "archive")).
		RuntimePath(filepath.Join(work, "runtime")).
		DataPath(data).
		BinariesPath(filepath.Join(work, "install")).
		Logger(&said)
	if repository := os.Getenv(EnvRepository); repository != "" {
		config = config.BinaryRepositoryURL(repository)
	}
	defer http.DefaultClient.CloseIdleConnections() // the library's client; nothing else is to be had from there
	err := embeddedpostgres.NewDatabase(config).Start()
	if err == nil || said.Len() > 0 {
		return nil
	}
	return err
}

// makeReadable opens the installation to the account that runs the server, whatever root's umask is.
func makeReadable(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if entry.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return root.Chmod(path, mode)
	})
}

// removeOldAttempts removes what an interrupted download has left.
func removeOldAttempts(target string) {
	attempts, _ := filepath.Glob(target + ".new-*")
	for _, dir := range attempts {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.RemoveAll(dir)
		}
	}
}
