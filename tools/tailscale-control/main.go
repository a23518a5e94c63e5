// tailscale-control serves the nodes of one meshbench testbed as their control server, DERP relay
// and STUN server (README.md).
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"tailscale.com/derp/derpserver"
	"tailscale.com/net/stunserver"
	"tailscale.com/types/key"
)

const keyVariable = "TAILSCALE_CONTROL_AUTH_KEY"

type options struct {
	listen   netip.Addr
	port     int
	stunPort int
	cert     string
	certKey  string
	authKey  string
	state    string
	nodes    map[string]netip.Addr
}

func main() {
	log.SetFlags(0) // the journal has the time
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println(version())
		return
	}
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "tailscale-control: %v\n", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		log.Fatalf("tailscale-control: %v", err)
	}
}

func parse(args []string) (options, error) {
	o := options{nodes: map[string]netip.Addr{}}
	var listen, authKeyFile string
	flags := flag.NewFlagSet("tailscale-control", flag.ContinueOnError)
	flags.StringVar(&listen, "listen", "", "address to listen on, and no other")
	flags.IntVar(&o.port, "port", 8443, "TCP port of the control server and of DERP")
	flags.IntVar(&o.stunPort, "stun-port", 3478, "UDP port of STUN")
	flags.StringVar(&o.cert, "cert", "", "certificate of the address, PEM")
	flags.StringVar(&o.certKey, "key", "", "its private key, PEM, mode 600")
	flags.StringVar(&authKeyFile, "auth-key-file", "", "what a new node must know, mode 600; or $"+keyVariable)
	flags.StringVar(&o.state, "state", "", "file that keeps keys and nodes over a restart")
	flags.Func("node", "NAME=ADDRESS of a node that may register; repeat", o.addNode)
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.listen, err = netip.ParseAddr(listen); err != nil || o.listen.IsUnspecified() {
		return o, fmt.Errorf("--listen: %q is not an address of this host", listen)
	}
	for name, value := range map[string]string{"cert": o.cert, "key": o.certKey, "state": o.state} {
		if value == "" {
			return o, fmt.Errorf("--%s is required", name)
		}
	}
	if len(o.nodes) == 0 {
		return o, errors.New("--node is required: nobody could register")
	}
	o.authKey, err = secret(authKeyFile)
	return o, err
}

func (o *options) addNode(said string) error {
	name, address, _ := strings.Cut(said, "=")
	parsed, err := netip.ParseAddr(address)
	if err != nil || name == "" || !ours(parsed) {
		return fmt.Errorf("%q is not NAME=ADDRESS with an address in 100.64.0.1-100.64.255.254", said)
	}
	for other, taken := range o.nodes {
		if other == name || taken == parsed {
			return fmt.Errorf("%q is said twice", said)
		}
	}
	o.nodes[name] = parsed
	return nil
}

// secret reads the key of admission; a file that others may read is refused.
func secret(file string) (string, error) {
	said := os.Getenv(keyVariable)
	if file != "" {
		info, err := os.Stat(file)
		if err != nil {
			return "", fmt.Errorf("--auth-key-file: %w", err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			return "", fmt.Errorf("--auth-key-file: %s has mode %o; chmod 600 it", file, info.Mode().Perm())
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("--auth-key-file: %w", err)
		}
		said = string(content)
	}
	if said = strings.TrimSpace(said); len(said) < 16 {
		return "", fmt.Errorf("needs an auth key of at least 16 characters: --auth-key-file or $%s", keyVariable)
	}
	return said, nil
}

func run(ctx context.Context, o options) error {
	certificate, err := tls.LoadX509KeyPair(o.cert, o.certKey)
	if err != nil {
		return err
	}
	control, err := newControl(o)
	if err != nil {
		return err
	}
	stun := stunserver.New(ctx)
	if err := stun.Listen(hostPort(o.listen, o.stunPort)); err != nil {
		return err
	}
	go stun.Serve()
	listener, err := net.Listen("tcp", hostPort(o.listen, o.port))
	if err != nil {
		return err
	}
	derp := derpserver.New(key.NewNode(), log.Printf)
	server := &http.Server{
		Handler:   routes(control, derp),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		// Both protocols take the connection over, which HTTP/2 does not allow.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	context.AfterFunc(ctx, func() { server.Close(); derp.Close() })
	log.Printf("control server of %d nodes at %s, STUN at %d", len(o.nodes), listener.Addr(), o.stunPort)
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return control.save()
}

// routes lets through what nodes ask; testcontrol panics at anything else.
func routes(control http.Handler, derp *derpserver.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/key", control)
	mux.Handle("/ts2021", control)
	mux.Handle("/derp", derpserver.Handler(derp))
	mux.HandleFunc("/derp/probe", derpserver.ProbeHandler)
	mux.HandleFunc("/derp/latency-check", derpserver.ProbeHandler)
	mux.HandleFunc("/generate_204", derpserver.ServeNoContent)
	return mux
}

func hostPort(address netip.Addr, port int) string {
	return netip.AddrPortFrom(address, uint16(port)).String()
}
