package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const secret = "a token of the tests"

// lines are the events that a command said, as JSON objects.
func lines(t *testing.T, text []byte) (found []map[string]any) {
	t.Helper()
	for _, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		event := map[string]any{}
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatalf("%q is no JSON: %v", line, err)
		}
		found = append(found, event)
	}
	return found
}

func of(events []map[string]any, event, side string) (found []map[string]any) {
	for _, said := range events {
		if said["event"] == event && said["side"] == side {
			found = append(found, said)
		}
	}
	return found
}

// freePort is one that nobody has.
func freePort(t *testing.T) int {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	return socket.LocalAddr().(*net.UDPAddr).Port
}

// served runs a server for the length of a test and returns its address.
func served(t *testing.T, more ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	place := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	ctx, stop := context.WithCancel(context.Background())
	said, done := make(chan struct{}), make(chan int, 1)
	out := &signalling{said: said}
	go func() {
		done <- run(ctx, append([]string{"server", "--listen", place, "--token-file", file}, more...), out)
	}()
	t.Cleanup(func() {
		stop()
		if status := <-done; status != 0 {
			t.Errorf("the server ended with %d", status)
		}
	})
	select {
	case <-said:
	case status := <-done:
		done <- status
		t.Fatalf("the server ended with %d", status)
	}
	return place
}

// signalling tells when something was first written.
type signalling struct {
	said chan struct{}
	once bool
}

func (s *signalling) Write(text []byte) (int, error) {
	if !s.once {
		s.once = true
		close(s.said)
	}
	return len(text), nil
}

func asked(t *testing.T, place string, more ...string) (int, []map[string]any) {
	t.Helper()
	t.Setenv("QUICPERF_TOKEN", secret)
	var out bytes.Buffer
	words := []string{"client", "--connect", place, "--duration", "0.3", "--interval", "0.1", "--handshake-limit", "0.5"}
	status := run(context.Background(), append(words, more...), &out)
	return status, lines(t, out.Bytes())
}

func failed(t *testing.T, status int, events []map[string]any, kind string) map[string]any {
	t.Helper()
	last := events[len(events)-1]
	if status != exitFailed || last["event"] != "error" || last["kind"] != kind || last["message"] == "" {
		t.Fatalf("ended with %d and %v, not with %s", status, last, kind)
	}
	return last
}

func TestTransfersInBothDirections(t *testing.T) {
	place := served(t)
	for sender, receiver := range map[string]string{"client": "server", "server": "client"} {
		t.Run(sender+" sends", func(t *testing.T) {
			status, events := asked(t, place, "--sender", sender, "--connections", "2")
			if status != 0 {
				t.Fatalf("ended with %d: %v", status, events)
			}
			if first := events[0]; first["quic_go"] == "" || first["congestion"] != "reno" || first["settings"] == nil {
				t.Errorf("the first line does not say versions and settings: %v", first)
			}
			for _, event := range []string{"connected", "first_byte"} {
				if found := of(events, event, "client"); len(found) != 2 {
					t.Errorf("%d events %s of 2 connections", len(found), event)
				}
			}
			moved := of(events, "interval", receiver)
			if len(moved) != 6 {
				t.Fatalf("%d intervals of 2 connections in 3 intervals each", len(moved))
			}
			total := 0.0
			for _, interval := range moved {
				if interval["role"] != "receiver" {
					t.Errorf("the %s is no receiver: %v", receiver, interval)
				}
				total += interval["bytes"].(float64)
			}
			sum := 0.0
			for _, end := range of(events, "end", receiver) {
				sum += end["bytes"].(float64)
			}
			if total == 0 || total != sum {
				t.Errorf("%v bytes in the intervals, %v in all", total, sum)
			}
			for _, end := range of(events, "end", sender) {
				if end["packets_sent"].(float64) == 0 || end["rtt_ms"].(float64) == 0 {
					t.Errorf("the sender's QUIC counted nothing: %v", end)
				}
			}
		})
	}
}

func TestEveryPortIsServed(t *testing.T) {
	place := served(t, "--ports", "2")
	host, port, _ := net.SplitHostPort(place)
	var second int
	_, _ = fmt.Sscan(port, &second)
	if status, events := asked(t, net.JoinHostPort(host, fmt.Sprint(second+1))); status != 0 {
		t.Errorf("ended with %d: %v", status, events)
	}
}

func TestSegmentationOffloadIsAsAsked(t *testing.T) {
	place := served(t)
	for _, wanted := range []bool{true, false} {
		status, events := asked(t, place, fmt.Sprintf("--gso=%v", wanted))
		if status != 0 {
			t.Fatalf("ended with %d: %v", status, events)
		}
		if had := of(events, "connected", "client")[0]["gso"]; had != wanted {
			t.Errorf("GSO is %v, not %v", had, wanted)
		}
	}
}

func TestStrangersAreTurnedAway(t *testing.T) {
	place := served(t)
	var out bytes.Buffer

	t.Setenv("QUICPERF_TOKEN", "another token of the tests")
	status := run(context.Background(), []string{"client", "--connect", place, "--duration", "0.3"}, &out)
	failed(t, status, lines(t, out.Bytes()), "denied")
}

func TestNobodyThereIsRefused(t *testing.T) {
	status, events := asked(t, fmt.Sprintf("127.0.0.1:%d", freePort(t)))
	failed(t, status, events, "refused")
}

func TestSilenceIsAHandshakeTimeout(t *testing.T) {
	silent, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	status, events := asked(t, silent.LocalAddr().String())
	event := failed(t, status, events, "handshake_timeout")
	if words := event["message"].(string); !strings.Contains(words, "packets of 1280 bytes") {
		t.Errorf("%q does not say the sizes", words)
	}
}

func TestAPathThatDiesEndsWithWhatCameBefore(t *testing.T) {
	path := newRelay(t, served(t))
	path.budget.Store(2_000_000)
	status, events := asked(t, path.address, "--duration", "30", "--idle", "0.5", "--handshake-limit", "5")
	failed(t, status, events, "idle_timeout")
	if len(of(events, "interval", "client")) == 0 {
		t.Error("nothing is left of what came before")
	}
}

// relay carries datagrams of one client to a server and back, until its budget of bytes is used up.
type relay struct {
	address string
	budget  atomic.Int64
}

func newRelay(t *testing.T, place string) *relay {
	t.Helper()
	near, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	far, err := net.Dial("udp", place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	r := &relay{address: near.LocalAddr().String()}
	var client atomic.Pointer[net.UDPAddr]
	go r.carry(func(b []byte) (int, error) {
		n, from, err := near.ReadFromUDP(b)
		client.Store(from)
		return n, err
	}, far.Write)
	go r.carry(far.Read, func(b []byte) (int, error) { return near.WriteToUDP(b, client.Load()) })
	return r
}

func (r *relay) carry(read, write func([]byte) (int, error)) {
	buffer := make([]byte, 65536)
	for {
		n, err := read(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && r.budget.Add(-int64(n)) > 0 {
			_, _ = write(buffer[:n])
		}
	}
}

func TestPacketsFitIntoThePath(t *testing.T) {
	four, six := &net.UDPAddr{IP: net.ParseIP("192.0.2.1")}, &net.UDPAddr{IP: net.ParseIP("2001:db8::1")}
	for _, c := range []struct {
		asked, mtu int
		remote     *net.UDPAddr
		want       int // 0: too large
	}{
		{0, 1500, four, 1280}, {0, 1280, four, 1252}, {0, 1280, six, 1232}, {0, 1228, four, 1200},
		{0, 1227, four, 0}, {0, 1247, six, 0}, {1400, 1420, four, 0}, {1392, 1420, four, 1392},
	} {
		got, err := packetBytes(c.asked, c.mtu, c.remote)
		var large *tooLarge
		if got != c.want || (c.want == 0) != errors.As(err, &large) {
			t.Errorf("%+v: %d, %v", c, got, err)
		}
		if large != nil && (large.MTUBytes != c.mtu || kind(err) != "message_too_large") {
			t.Errorf("%+v: %v does not say the sizes", c, err)
		}
	}
}

func TestAPacketThatCannotPassIsSaidWithItsSizes(t *testing.T) {
	var out bytes.Buffer
	newEvents(&out, "client").fail(&connectionError{3, false, &tooLarge{sizes{1200, 1172, 1200}, "QUIC needs"}})
	event := failed(t, exitFailed, lines(t, out.Bytes()), "message_too_large")
	if event["mtu_bytes"] != 1200.0 || event["fits_bytes"] != 1172.0 || event["connection"] != 3.0 {
		t.Errorf("no sizes: %v", event)
	}
}

func TestWrongWordsAreSaid(t *testing.T) {
	t.Setenv("QUICPERF_TOKEN", secret)
	for _, words := range []string{
		"", "serve", "client", "client --connect 127.0.0.1", "client --connect host:1", "client --connect 127.0.0.1:0",
		"client --connect 127.0.0.1:1 --duration 0", "client --connect 127.0.0.1:1 --duration NaN",
		"client --connect 127.0.0.1:1 --duration 1e9", "client --connect 127.0.0.1:1 --sender both",
		"client --connect 127.0.0.1:1 --connections 0", "client --connect 127.0.0.1:1 --packet-size 1199",
		"client --connect 127.0.0.1:1 --packet-size 1453", "client --connect 127.0.0.1:1 more",
		"client --connect 127.0.0.1:1 --local lom", "client --connect 127.0.0.1:1 --gso=perhaps",
		"server --listen 127.0.0.1:1", "server --listen 127.0.0.1:65535 --ports 2", "server --listen 127.0.0.1:1 --token-file /nonexistent",
	} {
		var out bytes.Buffer
		status := run(context.Background(), strings.Fields(words), &out)
		events := lines(t, out.Bytes())
		if status != exitBadOptions || len(events) != 1 || events[0]["kind"] != "bad_options" {
			t.Errorf("%q: ended with %d and %s", words, status, out.String())
		}
	}
}

func TestAShortTokenIsNoToken(t *testing.T) {
	t.Setenv("QUICPERF_TOKEN", "short")
	var out bytes.Buffer
	if status := run(context.Background(), []string{"client", "--connect", "127.0.0.1:1"}, &out); status != exitBadOptions {
		t.Errorf("ended with %d: %s", status, out.String())
	}
}

func TestATakenPortIsSaid(t *testing.T) {
	place := served(t)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	status := run(ctx, []string{"server", "--listen", place, "--token-file", file}, &out)
	failed(t, status, lines(t, out.Bytes()), "address")
}

// What the first line says of congestion control is quic-go's default, which its public interface cannot change.
func TestCongestionControlIsWhatIsSaid(t *testing.T) {
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/quic-go/quic-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "internal/ackhandler/sent_packet_handler.go"))
	if err != nil {
		t.Fatal(err)
	}
	made := strings.Count(string(source), "congestion.NewCubicSender(")
	if reno := strings.Count(string(source), "true, // use Reno"); made == 0 || reno != made {
		t.Errorf("%d of quic-go's %d congestion controllers are Reno", reno, made)
	}
}
