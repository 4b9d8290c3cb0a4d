package embedded

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const secretsFile = "secrets.json"

// secrets is what has to be the same at the next start of a data folder. Its file is readable by its owner only.
type secrets struct {
	Port      int               `json:"port"`
	Superuser string            `json:"superuser_password"`
	Roles     map[string]string `json:"role_passwords"`
}

// readSecrets returns the folder's secrets, or new ones if it has none yet.
func readSecrets(dir string) (secrets, error) {
	s := secrets{Roles: map[string]string{}}
	content, err := os.ReadFile(filepath.Join(dir, secretsFile))
	if errors.Is(err, fs.ErrNotExist) {
		s.Superuser = rand.Text()
		return s, nil
	}
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(content, &s); err != nil {
		return s, fmt.Errorf("data folder %s: file %s is damaged: %w", dir, secretsFile, err)
	}
	return s, nil
}

// write replaces the file as a whole, so that a crash leaves the old one or the new one.
func (s secrets) write(dir string) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, secretsFile)
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(content, '\n'))
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
