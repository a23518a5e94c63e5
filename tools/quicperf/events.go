package main

import (
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

// congestion is what quic-go controls congestion by; it offers no choice (a test looks at its source).
const congestion = "reno"

// events writes one JSON object a line, each as it happens.
type events struct {
	mutex sync.Mutex
	out   io.Writer
	side  string
}

func newEvents(out io.Writer, side string) *events { return &events{out: out, side: side} }

// head is what every event begins with.
type head struct {
	Event      string `json:"event"`
	Time       string `json:"time"`
	Side       string `json:"side"`
	Connection int    `json:"connection"`
}

func (e *events) head(event string, connection int) head {
	return head{event, time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"), e.side, connection}
}

// say writes an event. Nobody may be there to read it any more; that is found out elsewhere.
func (e *events) say(event any) {
	line, err := json.Marshal(event)
	if err != nil {
		panic(err) // only numbers and strings are ever said
	}
	e.line(line)
}

func (e *events) line(line []byte) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	_, _ = e.out.Write(append(line, '\n'))
}

type started struct {
	head
	Tool       string `json:"tool"`
	Version    string `json:"version"`
	QUICGo     string `json:"quic_go"`
	Go         string `json:"go"`
	CPUs       int    `json:"cpus"`
	Congestion string `json:"congestion"`
	Settings   any    `json:"settings"`
}

func (e *events) start(connection int, settings any) {
	e.say(started{
		e.head("start", connection), "quicperf", version, quicGoVersion(), runtime.Version(),
		runtime.GOMAXPROCS(0), congestion, settings,
	})
}

type connected struct {
	head
	HandshakeMS        float64 `json:"handshake_ms,omitempty"`
	PacketBytes        int     `json:"packet_bytes"`
	MTUBytes           int     `json:"mtu_bytes"`
	GSO                bool    `json:"gso"`
	ReceiveBufferBytes int     `json:"receive_buffer_bytes"`
	QUICVersion        string  `json:"quic_version"`
	Cipher             string  `json:"cipher"`
}

type firstByte struct {
	head
	TTFBMS float64 `json:"ttfb_ms"`
}

// counters are what QUIC itself counted; the RTTs are those of the moment.
type counters struct {
	PacketsSent int64   `json:"packets_sent"`
	PacketsLost int64   `json:"packets_lost"`
	BytesSent   int64   `json:"bytes_sent"`
	BytesLost   int64   `json:"bytes_lost"`
	RTTMS       float64 `json:"rtt_ms"`
	RTTMinMS    float64 `json:"rtt_min_ms"`
	RTTVarMS    float64 `json:"rtt_var_ms"`
}

func countersOf(stats quic.ConnectionStats) counters {
	return counters{
		int64(stats.PacketsSent), int64(stats.PacketsLost), int64(stats.BytesSent), int64(stats.BytesLost),
		milliseconds(stats.SmoothedRTT), milliseconds(stats.MinRTT), milliseconds(stats.MeanDeviation),
	}
}

// since has the counts since an earlier moment. Of lost ones quic-go may take some back that arrive
// after all.
func (c counters) since(earlier counters) counters {
	c.PacketsSent -= earlier.PacketsSent
	c.PacketsLost -= earlier.PacketsLost
	c.BytesSent -= earlier.BytesSent
	c.BytesLost -= earlier.BytesLost
	return c
}

// counted is an interval, or with the event "end" the whole.
type counted struct {
	head
	Role    string  `json:"role"` // sender or receiver
	StartS  float64 `json:"start_s"`
	Seconds float64 `json:"seconds"`
	Bytes   uint64  `json:"bytes"` // of payload, written or read
	counters
}

type used struct {
	head
	StartS  float64 `json:"start_s"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"` // of one core
}

type failure struct {
	head
	Kind    string `json:"kind"`
	Message string `json:"message"`
	*sizes
}

// fail says what went wrong, in a word for programs and in words for people.
func (e *events) fail(err error) {
	connection := 0
	var of *connectionError
	if errors.As(err, &of) {
		connection = of.connection
	}
	said := failure{head: e.head("error", connection), Kind: kind(err), Message: err.Error()}
	var large *tooLarge
	if errors.As(err, &large) {
		said.sizes = &large.sizes
	}
	e.say(said)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
