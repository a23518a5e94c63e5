package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"
)

const blockBytes = 256 * 1024

// request is the first line of a connection's one stream; a line feed answers it, then payload
// follows from whoever sends. What the server counts comes as lines on a stream of its own.
type request struct {
	Token      string  `json:"token"`
	Connection int     `json:"connection"`
	Sender     string  `json:"sender"`
	DurationS  float64 `json:"duration_s"`
	IntervalS  float64 `json:"interval_s"`
}

// fill sends payload until the stream is no more.
func fill(stream io.Writer, bytes *atomic.Uint64) error {
	block := make([]byte, blockBytes)
	for {
		n, err := stream.Write(block)
		bytes.Add(uint64(n))
		if err != nil {
			return err
		}
	}
}

// drain reads payload until the stream is no more.
func drain(stream io.Reader, bytes *atomic.Uint64) error {
	block := make([]byte, blockBytes)
	for {
		n, err := stream.Read(block)
		bytes.Add(uint64(n))
		if err != nil {
			return err
		}
	}
}

// transfer is one end of a connection's payload.
type transfer struct {
	conn       *quic.Conn
	events     *events
	connection int
	role       string
	bytes      atomic.Uint64
}

// count says what was moved in each interval and, at the end, in all of them. It ends when the time
// is over or the connection is.
func (t *transfer) count(ctx context.Context, duration, interval time.Duration) error {
	first := countersOf(t.conn.ConnectionStats())
	start, before, had := time.Now(), first, uint64(0)
	for from := time.Duration(0); from < duration; from += interval {
		to := min(from+interval, duration)
		select {
		case <-time.After(time.Until(start.Add(to))):
		case <-t.conn.Context().Done():
			return context.Cause(t.conn.Context())
		case <-ctx.Done():
			return ctx.Err()
		}
		have, now := t.bytes.Load(), countersOf(t.conn.ConnectionStats())
		t.events.say(counted{
			t.events.head("interval", t.connection), t.role, from.Seconds(), (to - from).Seconds(),
			have - had, now.since(before),
		})
		had, before = have, now
	}
	t.events.say(counted{
		t.events.head("end", t.connection), t.role, 0, duration.Seconds(), had, before.since(first),
	})
	return nil
}

// describe says what a connection turned out to be.
func describe(events *events, connection int, conn *quic.Conn, took time.Duration, packet, mtu int, socket *net.UDPConn) {
	state := conn.ConnectionState()
	buffer, _ := socketOption(socket, syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	events.say(connected{
		head: events.head("connected", connection), HandshakeMS: milliseconds(took),
		PacketBytes: packet, MTUBytes: mtu, GSO: state.GSO, ReceiveBufferBytes: buffer,
		QUICVersion: state.Version.String(), Cipher: tls.CipherSuiteName(state.TLS.CipherSuite),
	})
}

// reportCPU says every interval what the process used of the CPU, until the context ends.
func reportCPU(ctx context.Context, events *events, interval time.Duration) {
	start, before := time.Now(), cpu()
	for from := time.Duration(0); ; from += interval {
		select {
		case <-time.After(time.Until(start.Add(from + interval))):
		case <-ctx.Done():
			return
		}
		now := cpu()
		events.say(used{
			events.head("cpu", 0), from.Seconds(), interval.Seconds(),
			float64(now-before) / float64(interval),
		})
		before = now
	}
}

// cpu is the process's time on all cores so far.
func cpu() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
