package main

import (
	"bufio"
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

const (
	// serverHandshake is how long a stranger may take.
	serverHandshakeS = 60
	requestLimit     = 10 * time.Second
	requestBytes     = 4096
	farewellLimit    = 10 * time.Second
)

// serve takes clients on every port until the context ends.
func serve(ctx context.Context, options *serving, events *events) error {
	tlsConfig, err := serverTLS()
	if err != nil {
		return err
	}
	var wait sync.WaitGroup
	defer wait.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for port := range options.Ports {
		address := *options.address
		address.Port += port
		socket, err := net.ListenUDP("udp", &address)
		if err != nil {
			return err
		}
		listener := &listener{options: options, socket: socket}
		transport := &quic.Transport{Conn: socket}
		accepting, err := transport.Listen(tlsConfig, listener.config())
		if err != nil {
			return err
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer socket.Close()
			defer transport.Close()
			listener.accept(ctx, accepting)
		}()
	}
	events.start(0, options)
	<-ctx.Done()
	return nil
}

type listener struct {
	options *serving
	socket  *net.UDPConn
}

// config has packets of a size that fits the way back to each client.
func (l *listener) config() *quic.Config {
	config := l.options.config(serverHandshakeS, leastPacket)
	config.GetConfigForClient = func(info *quic.ClientInfo) (*quic.Config, error) {
		packet, _, err := l.packet(info.RemoteAddr)
		if err != nil {
			return nil, err
		}
		return l.options.config(serverHandshakeS, packet), nil
	}
	return config
}

func (l *listener) packet(client net.Addr) (packet, mtu int, err error) {
	remote, ok := client.(*net.UDPAddr)
	if !ok {
		return 0, 0, fmt.Errorf("%v is no UDP address", client)
	}
	if mtu, err = pathMTU(l.options.address, remote); err != nil {
		return 0, 0, err
	}
	packet, err = packetBytes(l.options.PacketBytes, mtu, remote)
	return packet, mtu, err
}

func (l *listener) accept(ctx context.Context, accepting *quic.Listener) {
	for {
		conn, err := accepting.Accept(ctx)
		if err != nil {
			return
		}
		go l.serve(ctx, conn)
	}
}

// serve does one client's bidding. What goes wrong is the client's to say.
func (l *listener) serve(ctx context.Context, conn *quic.Conn) {
	if err := l.answer(ctx, conn); err != nil {
		_ = conn.CloseWithError(denied, err.Error())
		return
	}
	select {
	case <-conn.Context().Done():
	case <-time.After(farewellLimit):
		_ = conn.CloseWithError(0, "")
	}
}

func (l *listener) answer(ctx context.Context, conn *quic.Conn) error {
	waiting, stop := context.WithTimeout(ctx, requestLimit)
	defer stop()
	stream, err := conn.AcceptStream(waiting)
	if err != nil {
		return err
	}
	reader := bufio.NewReaderSize(stream, requestBytes)
	_ = stream.SetReadDeadline(time.Now().Add(requestLimit))
	asked, err := l.read(reader)
	if err != nil {
		return err
	}
	_ = stream.SetReadDeadline(time.Time{})
	telling, err := conn.OpenUniStreamSync(waiting)
	if err != nil {
		return err
	}
	defer telling.Close()
	told := newEvents(telling, "server")
	told.start(asked.Connection, l.options)
	if packet, mtu, err := l.packet(conn.RemoteAddr()); err == nil {
		describe(told, asked.Connection, conn, 0, packet, mtu, l.socket)
	}
	if _, err := stream.Write([]byte{'\n'}); err != nil {
		return nil
	}
	moved := &transfer{conn: conn, events: told, connection: asked.Connection, role: "receiver"}
	if asked.Sender == "server" {
		moved.role = "sender"
		go func() { _ = fill(stream, &moved.bytes) }()
	} else {
		go func() { _ = drain(reader, &moved.bytes) }()
	}
	_ = moved.count(ctx, seconds(asked.DurationS), seconds(asked.IntervalS))
	if asked.Sender == "server" {
		stream.CancelWrite(0)
	}
	return nil
}

func (l *listener) read(reader *bufio.Reader) (*request, error) {
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("no request: %w", err)
	}
	asked := &request{}
	if err := json.Unmarshal(line, asked); err != nil {
		return nil, fmt.Errorf("no request: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(asked.Token), []byte(l.options.token)) != 1 {
		return nil, fmt.Errorf("wrong token")
	}
	for name, value := range map[string]float64{"duration_s": asked.DurationS, "interval_s": asked.IntervalS} {
		if err := within(name, value); err != nil {
			return nil, err
		}
	}
	return asked, nil
}
