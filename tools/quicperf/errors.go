package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/quic-go/quic-go"
)

// denied is the application's error code for a wrong token.
const denied quic.ApplicationErrorCode = 1

// connectionError is what ended one of several connections.
type connectionError struct {
	connection int
	connected  bool
	error
}

func (e *connectionError) Unwrap() error { return e.error }

// errRefused: nobody listens there, as the host itself says.
var errRefused = fmt.Errorf("nothing listens there: %w", syscall.ECONNREFUSED)

// errNoReport: the transfer went well, and the server's account of it did not come.
var errNoReport = errors.New("the server's report did not come in time")

var kinds = []struct {
	of   error
	kind string
}{
	{syscall.ECONNREFUSED, "refused"},
	{syscall.ENETUNREACH, "unreachable"},
	{syscall.EHOSTUNREACH, "unreachable"},
	{syscall.ENETDOWN, "unreachable"},
	{syscall.EMSGSIZE, "message_too_large"},
	{syscall.EADDRINUSE, "address"},
	{syscall.EADDRNOTAVAIL, "address"},
	{syscall.EPERM, "not_permitted"},
	{syscall.EACCES, "not_permitted"},
	{errNoReport, "no_report"},
	{context.Canceled, "interrupted"},
}

// kind is an error in one word.
func kind(err error) string {
	var large *tooLarge
	switch {
	case errors.As(err, &badOptions{}):
		return "bad_options"
	case errors.As(err, &large):
		return "message_too_large"
	}
	for _, known := range kinds {
		if errors.Is(err, known.of) {
			return known.kind
		}
	}
	if word := quicKind(err); word != "" {
		return word
	}
	return "internal"
}

func quicKind(err error) string {
	var (
		of          *connectionError
		handshake   *quic.HandshakeTimeoutError
		idle        *quic.IdleTimeoutError
		application *quic.ApplicationError
		transport   *quic.TransportError
		reset       *quic.StatelessResetError
		other       *quic.VersionNegotiationError
	)
	connected := errors.As(err, &of) && of.connected
	switch {
	case errors.As(err, &handshake):
		return "handshake_timeout"
	case errors.As(err, &idle), errors.Is(err, context.DeadlineExceeded):
		if !connected {
			return "handshake_timeout"
		}
		return "idle_timeout"
	case errors.As(err, &application):
		if application.ErrorCode == denied {
			return "denied"
		}
		return "closed"
	case errors.As(err, &transport):
		if transport.ErrorCode.IsCryptoError() {
			return "tls"
		}
		return "transport"
	case errors.As(err, &reset):
		return "reset"
	case errors.As(err, &other):
		return "version"
	}
	return ""
}
