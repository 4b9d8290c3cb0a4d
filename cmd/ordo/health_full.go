package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/config"
	"github.com/ordo-platform/ordo/internal/devfile"
)

// askTimeout bounds what one process may take to tell about itself.
const askTimeout = 5 * time.Second

// topology is every process of a platform, as far as they answer.
type topology struct {
	Instances []app.Instance `json:"instances"`
	Problems  []string       `json:"problems"` // what is not as it should be; none: all is well
}

func showTopology(cmd *cobra.Command) error {
	addresses, err := internalAddresses(os.Getenv)
	if err != nil {
		return err
	}
	t := discover(cmd.Context(), addresses)
	if wantsJSON(cmd) {
		body, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if err := printJSON(cmd, body); err != nil {
			return err
		}
	} else if err := t.print(cmd); err != nil {
		return err
	}
	switch {
	case len(t.Instances) == 0:
		return &commandError{err: errors.New("no process answers"), exit: exitUnreachable, code: "unreachable", advice: "Check the internal_url settings: ordo config show"}
	case len(t.Problems) > 0:
		return &commandError{err: fmt.Errorf("not all is well: %s", strings.Join(t.Problems, "; ")), exit: exitCheck, code: "not_ready"}
	}
	return nil
}

// internalAddresses is where the processes of each service are found.
func internalAddresses(getenv func(string) string) (map[string]string, error) {
	addresses := map[string]string{}
	if dir, err := devfile.DefaultDir(getenv); err == nil { // else there is no home, so no data folder that ordo dev could be running on
		running, err := devfile.Read(dir)
		if err == nil {
			for _, service := range app.Services() {
				addresses[service] = running.Logs
			}
			return addresses, nil
		}
		if !errors.Is(err, devfile.ErrNotRunning) {
			return nil, err
		}
	}
	settings, err := config.Load(config.Sources{Services: app.Services(), Environ: os.Environ(), File: getenv(configVariable)})
	if err != nil {
		return nil, configError(err)
	}
	for _, service := range app.Services() {
		addresses[service] = settings.Get(service + ".internal_url")
	}
	return addresses, nil
}

// discover asks every process at the addresses, given by service.
func discover(ctx context.Context, addresses map[string]string) topology {
	t := topology{Problems: []string{}}
	hosts := map[string]struct{}{}
	for service, address := range addresses {
		replicas, err := resolve(ctx, address)
		if err != nil {
			t.Problems = append(t.Problems, fmt.Sprintf("%s: %v", service, err))
		}
		for _, replica := range replicas {
			hosts[replica] = struct{}{}
		}
	}
	var mu sync.Mutex
	var asked sync.WaitGroup
	for host := range hosts {
		asked.Go(func() {
			instance, err := ask(ctx, host)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Problems = append(t.Problems, err.Error())
				return
			}
			t.Instances = append(t.Instances, instance)
		})
	}
	asked.Wait()
	slices.SortFunc(t.Instances, func(a, b app.Instance) int {
		return cmp.Or(cmp.Compare(a.Services[0].Name, b.Services[0].Name), cmp.Compare(a.Name, b.Name))
	})
	t.judge()
	slices.Sort(t.Problems)
	return t
}

// resolve returns the addresses of all replicas behind one.
func resolve(ctx context.Context, address string) ([]string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupHost(ctx, u.Hostname())
	if err != nil {
		return nil, err
	}
	replicas := make([]string, len(ips))
	for i, ip := range ips {
		replica := *u
		replica.Host = ip
		if u.Port() != "" {
			replica.Host = net.JoinHostPort(ip, u.Port())
		}
		replicas[i] = replica.String()
	}
	return replicas, nil
}

func ask(ctx context.Context, address string) (instance app.Instance, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+app.StatusPath, http.NoBody)
	if err != nil {
		return instance, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return instance, err
	}
	defer func() { _ = answer.Body.Close() }()
	if err := json.NewDecoder(answer.Body).Decode(&instance); err != nil || answer.StatusCode != http.StatusOK || len(instance.Services) == 0 {
		return instance, fmt.Errorf("%s: status %d, which is no process of Ordo", address, answer.StatusCode)
	}
	return instance, nil
}

// judge finds what is not as it should be.
func (t *topology) judge() {
	running := map[string]bool{}
	held := map[string]map[int32]bool{} // by consumer and topic
	for _, instance := range t.Instances {
		if !instance.Ready {
			t.Problems = append(t.Problems, fmt.Sprintf("%s is not ready: %s", instance.Name, instance.Problem))
		}
		for _, service := range instance.Services {
			running[service.Name] = true
			for _, c := range service.Consumers {
				for topic, partitions := range c.Partitions {
					key := c.Name + " of " + topic
					if held[key] == nil {
						held[key] = map[int32]bool{}
					}
					for _, p := range partitions {
						held[key][p] = true
					}
				}
			}
		}
	}
	for _, service := range app.Services() {
		if !running[service] {
			t.Problems = append(t.Problems, "no process of "+service+" answers")
		}
	}
	for key, partitions := range held {
		if free := app.Partitions - len(partitions); free > 0 {
			t.Problems = append(t.Problems, fmt.Sprintf("%d partitions for %s are held by nobody", free, key))
		}
	}
}

func (t *topology) print(cmd *cobra.Command) error {
	return printTable(cmd, func(w io.Writer) {
		row(w, "INSTANCE", "SERVICE", "READY", "UP", "RELAY", "LEASES HELD")
		for _, i := range t.Instances {
			for _, s := range i.Services {
				row(w, i.Name, s.Name, yesNo(i.Ready), time.Since(i.StartedAt).Round(time.Second), dash(s.Relay), dash(leasesOf(i, s)))
			}
		}
		row(w)
		row(w, "CONSUMER", "INSTANCE", "PARTITIONS", "BEHIND", "SECONDS")
		for _, i := range t.Instances {
			for _, s := range i.Services {
				for _, c := range s.Consumers {
					row(w, c.Name, i.Name, dash(partitionsOf(c)), c.Behind, fmt.Sprintf("%.1f", c.Seconds))
				}
			}
		}
	})
}

func leasesOf(i app.Instance, s app.ServiceStatus) string {
	var names []string
	for _, l := range s.Leases {
		if l.Held && l.Holder == i.Name {
			names = append(names, fmt.Sprintf("%s (epoch %d)", l.Name, l.Epoch))
		}
	}
	return strings.Join(names, ", ")
}

// partitionsOf counts the partitions by topic.
func partitionsOf(c app.ConsumerStatus) string {
	var parts []string
	for topic, partitions := range c.Partitions {
		parts = append(parts, fmt.Sprintf("%s: %d of %d", topic, len(partitions), app.Partitions))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
