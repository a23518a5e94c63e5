package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/quic-go/quic-go"
)

const (
	// alpn is the application protocol of the TLS handshake.
	alpn = "quicperf/1"
	// leastPacket is what every path must carry as a UDP payload (RFC 9000, 14).
	leastPacket = 1200
	// mostPacket is the largest that quic-go takes to begin with.
	mostPacket = 1452
	// usualPacket is quic-go's own first size.
	usualPacket = 1280
	// leastToken is how long a token must be.
	leastToken = 16
	maxPorts   = 1024
	maxWait    = time.Hour
)

// settings are what both ends can choose; they are in each end's first line.
type settings struct {
	PacketBytes  int     `json:"packet_bytes"` // 0: as the path's MTU allows
	MTUDiscovery bool    `json:"mtu_discovery"`
	GSO          bool    `json:"gso"`
	IdleS        float64 `json:"idle_s"`
}

func (s *settings) flags(flags *flag.FlagSet) {
	flags.IntVar(&s.PacketBytes, "packet-size", 0, "UDP payload of the first packets, bytes; 0: by the path's MTU")
	flags.BoolVar(&s.MTUDiscovery, "mtu-discovery", true, "look for larger packets (RFC 8899)")
	flags.BoolVar(&s.GSO, "gso", true, "UDP generic segmentation offload")
	flags.Float64Var(&s.IdleS, "idle", 10, "seconds of silence that end a connection")
}

func (s *settings) check() error {
	if s.PacketBytes != 0 && (s.PacketBytes < leastPacket || s.PacketBytes > mostPacket) {
		return badOptions{fmt.Errorf("--packet-size %d is not between %d and %d", s.PacketBytes, leastPacket, mostPacket)}
	}
	if err := within("--idle", s.IdleS); err != nil {
		return err
	}
	// quic-go reads it when a socket is first used.
	return os.Setenv("QUIC_GO_DISABLE_GSO", fmt.Sprint(!s.GSO))
}

// config is quic-go's, with packets that fit into the path's MTU.
func (s *settings) config(handshakeS float64, packetBytes int) *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout:    seconds(handshakeS),
		MaxIdleTimeout:          seconds(s.IdleS),
		InitialPacketSize:       uint16(packetBytes),
		DisablePathMTUDiscovery: !s.MTUDiscovery,
	}
}

type serving struct {
	settings
	Listen string `json:"listen"`
	Ports  int    `json:"ports"`

	address *net.UDPAddr
	token   string
}

func serverOptions(words []string) (*serving, error) {
	options := &serving{}
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.StringVar(&options.Listen, "listen", "", "ADDRESS:PORT")
	flags.IntVar(&options.Ports, "ports", 1, "how many, from that one on")
	tokenFile := flags.String("token-file", "", "what clients must say")
	options.flags(flags)
	if err := parse(flags, words); err != nil {
		return nil, err
	}
	var err error
	if options.address, err = address("--listen", options.Listen); err != nil {
		return nil, err
	}
	if options.Ports < 1 || options.Ports > maxPorts || options.address.Port+options.Ports > 65536 {
		return nil, badOptions{fmt.Errorf("--ports %d is not between 1 and %d, or goes beyond the last port", options.Ports, maxPorts)}
	}
	text, err := os.ReadFile(*tokenFile)
	if err != nil {
		return nil, badOptions{fmt.Errorf("--token-file: %w", err)}
	}
	if options.token, err = token("--token-file", string(text)); err != nil {
		return nil, err
	}
	return options, options.check()
}

type client struct {
	settings
	Connect     string  `json:"connect"`
	Local       string  `json:"local"`
	DurationS   float64 `json:"duration_s"`
	IntervalS   float64 `json:"interval_s"`
	Connections int     `json:"connections"`
	Sender      string  `json:"sender"`
	HandshakeS  float64 `json:"handshake_s"`
	FinishS     float64 `json:"finish_s"`

	remote *net.UDPAddr
	local  *net.UDPAddr
	token  string
}

func clientOptions(words []string, secret string) (*client, error) {
	options := &client{}
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.StringVar(&options.Connect, "connect", "", "ADDRESS:PORT")
	flags.StringVar(&options.Local, "local", "", "the address to send from")
	flags.Float64Var(&options.DurationS, "duration", 10, "seconds")
	flags.Float64Var(&options.IntervalS, "interval", 1, "seconds that are counted together")
	flags.IntVar(&options.Connections, "connections", 1, "at the same time")
	flags.StringVar(&options.Sender, "sender", "client", "client or server")
	flags.Float64Var(&options.HandshakeS, "handshake-limit", 10, "seconds")
	flags.Float64Var(&options.FinishS, "finish-limit", 5, "seconds that the server's last words may take")
	options.flags(flags)
	if err := parse(flags, words); err != nil {
		return nil, err
	}
	if err := options.check(secret); err != nil {
		return nil, err
	}
	return options, options.settings.check()
}

func (c *client) check(secret string) (err error) {
	if c.remote, err = address("--connect", c.Connect); err != nil {
		return err
	}
	c.local = &net.UDPAddr{}
	if c.Local != "" {
		if c.local.IP = net.ParseIP(c.Local); c.local.IP == nil {
			return badOptions{fmt.Errorf("--local %q is not an IP address", c.Local)}
		}
	}
	if c.Connections < 1 || c.Connections > maxPorts {
		return badOptions{fmt.Errorf("--connections %d is not between 1 and %d", c.Connections, maxPorts)}
	}
	if c.Sender != "client" && c.Sender != "server" {
		return badOptions{fmt.Errorf("--sender %q is neither client nor server", c.Sender)}
	}
	for name, value := range map[string]float64{
		"--duration": c.DurationS, "--interval": c.IntervalS,
		"--handshake-limit": c.HandshakeS, "--finish-limit": c.FinishS,
	} {
		if err := within(name, value); err != nil {
			return err
		}
	}
	c.token, err = token("$QUICPERF_TOKEN", secret)
	return err
}

func within(name string, value float64) error {
	if !(value > 0 && value <= maxWait.Seconds()) {
		return badOptions{fmt.Errorf("%s %v is not a number of seconds up to %v", name, value, maxWait.Seconds())}
	}
	return nil
}

func address(name, text string) (*net.UDPAddr, error) {
	host, _, err := net.SplitHostPort(text)
	if err != nil || net.ParseIP(host) == nil {
		return nil, badOptions{fmt.Errorf("%s %q is not an IP address with a port", name, text)}
	}
	found, err := net.ResolveUDPAddr("udp", text)
	if err != nil || found.Port == 0 {
		return nil, badOptions{fmt.Errorf("%s %q has no usable port", name, text)}
	}
	return found, nil
}

func token(name, text string) (string, error) {
	text = strings.TrimSpace(text)
	if len(text) < leastToken {
		return "", badOptions{fmt.Errorf("%s has fewer than %d characters", name, leastToken)}
	}
	return text, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
