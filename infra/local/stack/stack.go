// Package stack puts the parts of the local stack together: the whole system on one machine, from template.yaml and the
// real bootstraps. make run starts it as a command, tests start it in their own process.
package stack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/kms"
	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/setup"
	"qmslicensing/infra/local/signin"
	"qmslicensing/infra/local/stream"
	"qmslicensing/infra/local/template"
)

// Stack is the running system.
type Stack struct {
	URL    string // of the API and the portal: http://localhost:3000
	Issuer string // of the sign-in
	// What functions, the operator's commands and tests use, with an access key of gate.AccessKey.
	DynamoDBEndpoint string
	KMSEndpoint      string
	S3Endpoint       string
	MetricsEndpoint  string // CloudWatch
	AdminURL         string // empty without Config.Admin

	Application *template.Application
	Functions   Functions
	Gate        *gate.Gate
	KMS         *kms.Server
	Streams     []*stream.Reader // one for each event source mapping of the template

	originSecret string // what the origin tells the functions, as CloudFront does

	config  Config
	log     *output
	access  *output
	group   *process.Group
	tables  *dynamodb.Server
	signIn  *signin.Server
	samDone <-chan struct{} // nil without Config.SAM
	servers []*http.Server
	lock    *os.File
	stop    context.CancelFunc
	running sync.WaitGroup
	failed  chan error
	closing sync.Once
}

// Start starts everything, and leaves nothing behind when it fails.
func Start(ctx context.Context, config Config) (*Stack, error) {
	tools, err := config.complete()
	if err != nil {
		return nil, err
	}
	s := &Stack{originSecret: rand.Text() + rand.Text(), config: config, log: &output{w: config.Log}, access: &output{w: config.AccessLog}, group: process.NewGroup(), failed: make(chan error, 3)}
	if err := s.start(ctx, tools); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context, tools setup.Tools) (err error) {
	listeners, err := s.open()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			listeners.close() // those that are not served yet
		}
	}()
	if err := s.holdData(); err != nil {
		return err
	}
	if err := tools.Ensure(ctx, s.config.Progress); err != nil {
		return err
	}
	if err := s.startChildren(ctx, tools); err != nil {
		return err
	}
	if err := s.load(); err != nil {
		return err
	}
	if err := s.wire(ctx, listeners); err != nil {
		return err
	}
	operator := dynamodb.Client(s.DynamoDBEndpoint, gate.AccessKey(gate.Operator))
	if err := dynamodb.CreateTables(ctx, operator, s.Application.Tables); err != nil {
		return err
	}
	if s.config.Prepare != nil {
		if err := s.config.Prepare(ctx, s); err != nil {
			return fmt.Errorf("preparing: %w", err)
		}
	}
	life, stop := context.WithCancel(context.Background())
	s.stop = stop
	if !s.config.NoSchedules {
		s.startSchedules(life)
	}
	if err := s.startStreams(life); err != nil {
		return err
	}
	s.watch(life, "DynamoDB Local", s.tables.Done())
	s.watch(life, "the sign-in", s.signIn.Done())
	s.watch(life, "sam local start-lambda", s.samDone)
	return nil
}

// startChildren starts DynamoDB Local and the sign-in side by side.
func (s *Stack) startChildren(ctx context.Context, tools setup.Tools) error {
	ports := s.config.ports()
	var (
		both              sync.WaitGroup
		errTable, errOIDC error
	)
	both.Go(func() {
		c := dynamodb.Config{Cache: tools.DynamoDB(), Port: ports.DynamoDB, Group: s.group, Log: process.Prefixed(s.log, "dynamodb: ")}
		if !s.config.InMemory {
			c.Data = filepath.Join(s.config.Dir, "dynamodb")
		}
		s.tables, errTable = dynamodb.Start(ctx, c)
	})
	both.Go(func() {
		s.signIn, errOIDC = signin.Start(ctx, signin.Config{
			Program: tools.SignIn(), Dir: s.config.Dir, Port: ports.SignIn, Origin: s.URL, TokenLifetime: s.config.TokenLifetime,
			Log: process.Prefixed(s.log, "signin: "), Group: s.group,
		})
	})
	both.Wait()
	if err := errors.Join(errTable, errOIDC); err != nil {
		return err
	}
	s.Issuer = s.signIn.Issuer
	return nil
}

// watch reports the end of a process that should not end.
func (s *Stack) watch(life context.Context, name string, done <-chan struct{}) {
	s.running.Go(func() {
		select {
		case <-done:
			s.failed <- fmt.Errorf("%s has ended", name)
		case <-life.Done():
		}
	})
}

// Failed hands over what went wrong after the start, so that the stack can be closed.
func (s *Stack) Failed() <-chan error { return s.failed }

// Token signs a user in and returns the access token.
func (s *Stack) Token(ctx context.Context, username string) (string, error) {
	tokens, err := signin.Token(ctx, s.Issuer, s.URL, username)
	return tokens.Access, err
}

// Close stops everything and waits for its end. What is kept in Dir stays.
func (s *Stack) Close() {
	s.closing.Do(func() {
		if s.stop != nil {
			s.stop()
		}
		for _, server := range s.servers {
			_ = server.Close()
		}
		if s.Functions != nil {
			s.Functions.Close()
		}
		var children sync.WaitGroup
		if s.signIn != nil {
			children.Go(s.signIn.Stop)
		}
		if s.tables != nil {
			children.Go(s.tables.Stop)
		}
		children.Wait()
		s.running.Wait()
		s.group.Close()
		s.writeUsed()
		if s.lock != nil {
			_ = s.lock.Close()
		}
		s.log.end()
		s.access.end()
	})
}

func (s *Stack) serve(l net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 10240}
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(l) }()
}
