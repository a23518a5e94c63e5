// quicperf measures QUIC between two hosts: how long a handshake takes, how long the first byte, and
// how much payload arrives per second.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
)

// version of what is measured and of what is printed.
const version = "1"

const (
	exitFailed     = 1
	exitBadOptions = 2
)

const usage = `quicperf server --listen ADDRESS:PORT --token-file FILE [options]
quicperf client --connect ADDRESS:PORT [options], with the token in $QUICPERF_TOKEN
quicperf version`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

// run does what the words ask for and returns the exit status; all it says is JSON lines, but for
// the version and the help.
func run(ctx context.Context, words []string, out io.Writer) int {
	command := ""
	if len(words) > 0 {
		command, words = words[0], words[1:]
	}
	switch command {
	case "version", "--version":
		fmt.Fprintf(out, "quicperf %s, quic-go %s, %s\n", version, quicGoVersion(), runtime.Version())
		return 0
	case "help", "-h", "--help":
		fmt.Fprintln(out, usage)
		return 0
	case "server":
		return ended(newEvents(out, "server"), func(events *events) error {
			options, err := serverOptions(words)
			if err != nil {
				return err
			}
			return serve(ctx, options, events)
		})
	case "client":
		return ended(newEvents(out, "client"), func(events *events) error {
			options, err := clientOptions(words, os.Getenv("QUICPERF_TOKEN"))
			if err != nil {
				return err
			}
			return measure(ctx, options, events)
		})
	}
	return ended(newEvents(out, ""), func(*events) error {
		return badOptions{fmt.Errorf("%q is not one of server, client, version", command)}
	})
}

// ended runs a command and says what went wrong, if anything did.
func ended(events *events, command func(*events) error) int {
	err := command(events)
	if err == nil {
		return 0
	}
	events.fail(err)
	if errors.As(err, &badOptions{}) {
		return exitBadOptions
	}
	return exitFailed
}

// badOptions is an error in how the program was called.
type badOptions struct{ error }

func (e badOptions) Unwrap() error { return e.error }

// flags parses the words of a command; what remains of them is an error.
func parse(flags *flag.FlagSet, words []string) error {
	flags.SetOutput(io.Discard)
	if err := flags.Parse(words); err != nil {
		return badOptions{err}
	}
	if flags.NArg() > 0 {
		return badOptions{fmt.Errorf("%q is not an option", flags.Arg(0))}
	}
	return nil
}

// quicGoVersion is that of the module built in.
func quicGoVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/quic-go/quic-go" {
				return module.Version
			}
		}
	}
	return "unknown"
}
