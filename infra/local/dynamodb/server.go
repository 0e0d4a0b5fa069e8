// Package dynamodb runs DynamoDB Local on 127.0.0.1 and makes the template's tables in it.
package dynamodb

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"qmslicensing/infra/local/process"
)

// The folders below Config.Cache that Start needs.
const (
	Jars    = "lib"     // what pom.xml names
	Classes = "classes" // Launcher.java, compiled
)

const (
	readyWithin = 30 * time.Second
	stopWithin  = 2 * time.Second
)

// Config is what a server needs.
type Config struct {
	Cache string    // the folder of Jars and Classes
	Data  string    // the folder of its file, made if need be; in memory when empty
	Port  int       // 0 means a free one
	Log   io.Writer // its warnings; may be nil
	Group *process.Group
	// Bulk is for a test that writes very much: slower to start, twice as fast after some seconds.
	Bulk bool
}

// Server is a running DynamoDB Local.
type Server struct {
	Endpoint string // http://127.0.0.1:…
	process  *process.Process
}

// Start starts DynamoDB Local and waits until it listens.
func Start(ctx context.Context, c Config) (*Server, error) {
	jars := filepath.Join(c.Cache, Jars)
	machine := []string{"-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ActiveProcessorCount=1"} // quick to start, and to answer one request at a time
	if c.Bulk {
		machine = []string{"-Xms512m", "-Xmx512m", "-XX:+UseSerialGC"}
	}
	args := append(machine,
		"-Dsqlite4java.library.path="+jars,
		"-cp", filepath.Join(c.Cache, Classes)+string(os.PathListSeparator)+filepath.Join(jars, "*"),
		"Launcher", strconv.Itoa(c.Port), "-sharedDb", "-disableTelemetry",
	)
	if c.Data == "" {
		args = append(args, "-inMemory")
	} else {
		if err := os.MkdirAll(c.Data, 0o700); err != nil {
			return nil, fmt.Errorf("making the folder of DynamoDB Local: %w", err)
		}
		args = append(args, "-dbPath", c.Data)
	}
	if c.Log == nil {
		c.Log = io.Discard
	}
	java, port, err := c.Group.Listening(ctx, "DynamoDB Local", process.Command{
		Path: "java", Args: args, Watched: true,
		Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "TZ=UTC"},
	}, readyWithin, c.Log, usual)
	if err != nil {
		return nil, err
	}
	return &Server{Endpoint: "http://127.0.0.1:" + port, process: java}, nil
}

// usual reports what DynamoDB Local says at every start.
func usual(line string) bool {
	for _, start := range []string{
		"Initializing DynamoDB Local", "Port:\t", "InMemory:\t", "Version:\t", "DbPath:\t", "SharedDb:\t",
		"shouldDelayTransientStatuses:\t", "CorsParams:\t", "SLF4J:",
	} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return strings.TrimSpace(line) == ""
}

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Stop ends the server and waits for it.
func (s *Server) Stop() { s.process.Stop(stopWithin) }
