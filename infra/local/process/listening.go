package process

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Listening starts a server that prints "listening PORT" once it does, and waits for that line; name is for the errors.
// Its other lines go to log, but for those that quiet picks; quiet may be nil. A server that is not ready in time, or
// that ctx no longer waits for, is killed.
func (g *Group) Listening(ctx context.Context, name string, c Command, within time.Duration, log io.Writer, quiet func(line string) bool) (*Process, string, error) {
	listening := make(chan string, 1)
	c.Output = Lines(func(line string) {
		if port, found := strings.CutPrefix(line, "listening "); found {
			listening <- port
		} else if quiet == nil || !quiet(line) {
			fmt.Fprintln(log, line)
		}
	})
	p, err := g.Start(c)
	if err != nil {
		return nil, "", err
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case port := <-listening:
		return p, port, nil
	case <-p.Done():
		return nil, "", fmt.Errorf("%s ended at its start: %w", name, p.Err())
	case <-timer.C:
		p.Kill()
		return nil, "", fmt.Errorf("%s does not listen after %s", name, within)
	case <-ctx.Done():
		p.Kill()
		return nil, "", ctx.Err()
	}
}

// FreeAddress is one of 127.0.0.1 that nobody listens on, for a program that takes no port 0.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}
