package stack

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// Ports are those of one stack; 0 is any free one.
type Ports struct {
	Gateway, SignIn, DynamoDB, GateDynamoDB, GateKMS, Admin, GateS3, GateMetrics int
}

// UsualPorts are those of make run.
func UsualPorts() Ports {
	return Ports{Gateway: 3000, SignIn: 3001, DynamoDB: 8000, GateDynamoDB: 8001, GateKMS: 8002, Admin: 8003, GateS3: 8004, GateMetrics: 8005}
}

// PortsFrom are a port and the seven after it.
func PortsFrom(base int) Ports {
	return Ports{
		Gateway: base, SignIn: base + 1, DynamoDB: base + 2, GateDynamoDB: base + 3, GateKMS: base + 4, Admin: base + 5, GateS3: base + 6,
		GateMetrics: base + 7,
	}
}

func (c Config) ports() Ports {
	switch {
	case c.FreePorts:
		return Ports{}
	case c.PortBase != 0:
		return PortsFrom(c.PortBase)
	default:
		return UsualPorts()
	}
}

// listen opens a port of 127.0.0.1.
func listen(port int, purpose string) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err == nil && port != 0 { // localhost may mean ::1 to others
		var other net.Listener
		if other, err = net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(port))); err == nil {
			err = other.Close()
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			err = errors.Join(err, listener.Close())
		} else {
			err = nil // a machine without IPv6
		}
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d, for the %s, is taken: find who has it with ss -ltnp 'sport = :%d', "+
			"or use other ports with QMS_PORT_BASE=4000 in the environment or the flag -port-base 4000", port, purpose, port)
	}
	if err != nil {
		return nil, fmt.Errorf("opening port %d for the %s: %w", port, purpose, err)
	}
	return listener, nil
}

// free tells, for a port that another program will open, whether it can.
func free(port int, purpose string) error {
	if port == 0 {
		return nil
	}
	listener, err := listen(port, purpose)
	if err != nil {
		return err
	}
	return listener.Close()
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
