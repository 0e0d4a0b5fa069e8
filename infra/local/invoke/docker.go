package invoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
)

// install is the command that brings what a Debian machine lacks.
const install = "apt-get install -y docker.io busybox-static"

// docker is the command-line client.
type docker struct{ path string }

// findDocker says in one sentence what is missing and which command mends it.
func findDocker(ctx context.Context) (docker, error) {
	path, err := exec.LookPath("docker")
	if err != nil {
		return docker{}, errors.New("docker is missing, and SAM runs the functions in containers; install it with: " + install)
	}
	d := docker{path}
	if _, err := d.run(ctx, nil, "version", "--format", "{{.Server.Version}}"); err != nil {
		if strings.Contains(err.Error(), "permission denied") {
			return docker{}, errors.New("you may not use Docker's daemon; join its group with: sudo usermod -aG docker $USER (and sign in again)")
		}
		start := "dockerd &"
		if _, err := os.Stat("/run/systemd/system"); err == nil {
			start = "systemctl start docker"
		}
		return docker{}, fmt.Errorf("Docker's daemon does not answer; start it with: %s", start)
	}
	return d, nil
}

// run runs a command of the client and returns what it prints.
func (d docker) run(ctx context.Context, input io.Reader, args ...string) (string, error) {
	var out, failure bytes.Buffer
	command := exec.CommandContext(ctx, d.path, args...)
	command.Stdin, command.Stdout, command.Stderr = input, &out, &failure
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("docker %s: %w: %s", args[0], err, strings.TrimSpace(failure.String()))
	}
	return out.String(), nil
}

// containers are those that SAM made with a mark among their variables, of one function or of all.
func (d docker) containers(ctx context.Context, mark, function string) ([]string, error) {
	label := "label=sam.cli.container.type=lambda"
	if function != "" {
		label = "label=sam.cli.function.name=" + function
	}
	list, err := d.run(ctx, nil, "ps", "--all", "--quiet", "--no-trunc", "--filter", label)
	ids := strings.Fields(list)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	described, err := d.run(ctx, nil, append([]string{"inspect", "--format", "{{.Id}} {{json .Config.Env}}"}, ids...)...)
	// One that has gone meanwhile makes it fail; the others are printed all the same.
	if gone := len(ids) - strings.Count(described, "\n"); err != nil && strings.Count(strings.ToLower(err.Error()), "no such object") < max(gone, 1) {
		return nil, err
	}
	var own []string
	for line := range strings.Lines(described) {
		id, environment, _ := strings.Cut(line, " ")
		if strings.Contains(environment, `"`+markVariable+"="+mark+`"`) {
			own = append(own, id)
		}
	}
	return own, nil
}

// remove removes the containers with a mark, and tells how many there were. With an error some may be left.
func (d docker) remove(ctx context.Context, mark, function string) (int, error) {
	removed := 0
	for {
		ids, err := d.containers(ctx, mark, function)
		if err != nil || len(ids) == 0 {
			return removed, err
		}
		if _, err := d.run(ctx, nil, append([]string{"rm", "--force", "--volumes"}, ids...)...); err != nil {
			return removed, err
		}
		if removed += len(ids); function != "" {
			return removed, nil
		}
	}
}

// bridge is the network that containers are on.
type bridge struct {
	address netip.Addr // this machine's on it
	subnet  netip.Prefix
}

func (d docker) bridge(ctx context.Context) (bridge, error) {
	text, err := d.run(ctx, nil, "network", "inspect", "bridge")
	if err != nil {
		return bridge{}, err
	}
	return readBridge([]byte(text), addressesOf)
}

// readBridge reads what docker network inspect prints. A daemon that has not written the gateway down yet has given it
// to the interface all the same.
func readBridge(text []byte, addressesOf func(iface string) []netip.Addr) (bridge, error) {
	var networks []struct {
		IPAM struct {
			Config []struct{ Subnet, Gateway string }
		}
		Options map[string]string
	}
	if err := json.Unmarshal(text, &networks); err != nil || len(networks) != 1 {
		return bridge{}, errors.New("docker network inspect bridge describes no network")
	}
	name := networks[0].Options["com.docker.network.bridge.name"]
	for _, config := range networks[0].IPAM.Config {
		subnet, err := netip.ParsePrefix(config.Subnet)
		if err != nil || !subnet.Addr().Is4() {
			continue
		}
		for _, address := range addressesOf(name) {
			if subnet.Contains(address) && (config.Gateway == "" || config.Gateway == address.String()) {
				return bridge{address: address, subnet: subnet}, nil
			}
		}
	}
	return bridge{}, fmt.Errorf("this machine has no address on Docker's network bridge (interface %q), where containers reach it; "+
		"a daemon in a virtual machine or with --bridge=none cannot be used here", name)
}

func addressesOf(name string) []netip.Addr {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return nil
	}
	list, _ := iface.Addrs()
	var addresses []netip.Addr
	for _, one := range list {
		if prefix, err := netip.ParsePrefix(one.String()); err == nil {
			addresses = append(addresses, prefix.Addr())
		}
	}
	return addresses
}
