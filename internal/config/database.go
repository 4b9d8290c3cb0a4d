package config

import (
	"errors"
	"net/url"
)

// DatabaseURL is the address of a service's database, with the password of the role that the service runs under. withPassword
// false leaves that out, for those who need only the name of the role.
func (c *Config) DatabaseURL(service string, withPassword bool) (string, error) {
	address, err := c.Need(service + ".database_url")
	if err != nil || !withPassword {
		return address, err
	}
	return c.login(address, service+".database_password_file")
}

// OwnerURL is the same for the role that makes the tables, empty if the service's own role does.
func (c *Config) OwnerURL(service string) (string, error) {
	address := c.Get(service + ".owner_url")
	if address == "" {
		return "", nil
	}
	return c.login(address, service+".owner_password_file")
}

func (c *Config) login(address, passwordKey string) (string, error) {
	login, err := WithPassword(address, c.Get(passwordKey))
	if err != nil {
		return "", &Error{passwordKey, c.byKey[passwordKey].Source, err.Error()}
	}
	return login, nil
}

// WithPassword puts the password that a file holds into the address of a database. Without a file it is left as it is.
func WithPassword(address, file string) (string, error) {
	password, err := readSecret(file)
	if err != nil || password == nil {
		return address, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("the address of the database is none") // the error of url would show it
	}
	u.User = url.UserPassword(u.User.Username(), string(password))
	return u.String(), nil
}
