package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"
)

// refusalLimit is how long a host may take to say that nothing listens there.
const refusalLimit = time.Second

// measure makes all connections at once; the first one that fails ends the others.
func measure(ctx context.Context, options *client, events *events) error {
	events.start(0, options)
	mtu, err := pathMTU(options.local, options.remote)
	if err != nil {
		return err
	}
	packet, err := packetBytes(options.PacketBytes, mtu, options.remote)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go reportCPU(ctx, events, seconds(options.IntervalS))
	var wait sync.WaitGroup
	for connection := range options.Connections {
		wait.Add(1)
		go func() {
			defer wait.Done()
			one := &connecting{client: options, events: events, connection: connection, packet: packet, mtu: mtu}
			if err := one.run(ctx); err != nil {
				stop(&connectionError{connection, one.connected, err})
			}
		}()
	}
	wait.Wait()
	return context.Cause(ctx)
}

// connecting is one connection of a client.
type connecting struct {
	*client
	events      *events
	connection  int
	packet, mtu int
	connected   bool
}

func (c *connecting) run(ctx context.Context) error {
	socket, err := net.ListenUDP("udp", c.local)
	if err != nil {
		return err
	}
	defer socket.Close()
	transport := &quic.Transport{Conn: socket}
	defer transport.Close()
	clock := time.Now()
	conn, err := c.dial(ctx, transport)
	if err != nil {
		return err
	}
	c.connected = true
	defer func() { _ = conn.CloseWithError(0, "") }()
	describe(c.events, c.connection, conn, time.Since(clock), c.packet, c.mtu, socket)
	return c.transfer(ctx, conn, clock)
}

func (c *connecting) dial(ctx context.Context, transport *quic.Transport) (*quic.Conn, error) {
	waiting, stop := context.WithTimeout(ctx, seconds(c.HandshakeS))
	defer stop()
	conn, err := transport.Dial(waiting, c.remote, clientTLS(), c.config(c.HandshakeS, c.packet))
	switch {
	case err == nil || ctx.Err() != nil:
		return conn, err
	case c.refuses():
		return nil, errRefused
	}
	return nil, fmt.Errorf("no connection within %v s, with packets of %d bytes and a path MTU of %d: %w",
		c.HandshakeS, c.packet, c.mtu, err)
}

// refuses asks with one byte, which a server ignores: of a socket that is not connected to one
// address, as quic-go's, the kernel does not say that the peer refuses.
func (c *connecting) refuses() bool {
	probe, err := net.DialUDP("udp", &net.UDPAddr{IP: c.local.IP}, c.remote)
	if err != nil {
		return false
	}
	defer probe.Close()
	_ = probe.SetDeadline(time.Now().Add(refusalLimit))
	if _, err = probe.Write([]byte{0}); err == nil {
		_, err = probe.Read(make([]byte, 1))
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func (c *connecting) transfer(ctx context.Context, conn *quic.Conn, clock time.Time) error {
	stream, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return err
	}
	line, err := json.Marshal(request{c.token, c.connection, c.Sender, c.DurationS, c.IntervalS})
	if err != nil {
		return err
	}
	if _, err := stream.Write(append(line, '\n')); err != nil {
		return err
	}
	report := make(chan error, 1)
	go func() { report <- c.relay(ctx, conn) }()
	moved := &transfer{conn: conn, events: c.events, connection: c.connection, role: "sender"}
	go func() { c.await(stream, clock, moved) }()
	if c.Sender == "client" {
		go func() { _ = fill(stream, &moved.bytes) }()
	} else {
		moved.role = "receiver"
	}
	if err := moved.count(ctx, seconds(c.DurationS), seconds(c.IntervalS)); err != nil {
		return err
	}
	stream.CancelWrite(0)
	return c.finish(ctx, report)
}

// await notes when the first byte of the server's stream comes, and reads what follows.
func (c *connecting) await(stream *quic.Stream, clock time.Time, moved *transfer) {
	if _, err := stream.Read(make([]byte, 1)); err != nil {
		return
	}
	c.events.say(firstByte{c.events.head("first_byte", c.connection), milliseconds(time.Since(clock))})
	if c.Sender == "server" {
		_ = drain(stream, &moved.bytes)
	}
}

// relay repeats what the server says of the transfer.
func (c *connecting) relay(ctx context.Context, conn *quic.Conn) error {
	telling, err := conn.AcceptUniStream(ctx)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(telling)
	for lines.Scan() {
		c.events.line(append([]byte(nil), lines.Bytes()...))
	}
	return lines.Err()
}

func (c *connecting) finish(ctx context.Context, report <-chan error) error {
	select {
	case err := <-report:
		return err
	case <-time.After(seconds(c.FinishS)):
		return errNoReport
	case <-ctx.Done():
		return ctx.Err()
	}
}
