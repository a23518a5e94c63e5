package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tailscale.com/control/ts2021"
	"tailscale.com/derp/derpserver"
	"tailscale.com/net/netmon"
	"tailscale.com/net/tsdial"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
	"tailscale.com/util/eventbus/eventbustest"
)

const authKey = "an auth key of the tests"

func testOptions(t *testing.T) options {
	return options{
		listen: netip.MustParseAddr("127.0.0.1"), port: 8443, stunPort: 3478, authKey: authKey,
		state: filepath.Join(t.TempDir(), "state.json"),
		nodes: map[string]netip.Addr{
			"lom":  netip.MustParseAddr("100.64.0.1"),
			"yuki": netip.MustParseAddr("100.64.0.2"),
		},
	}
}

func serve(t *testing.T, o options) (*control, string) {
	t.Helper()
	c, err := newControl(o)
	if err != nil {
		t.Fatal(err)
	}
	derp := derpserver.New(key.NewNode(), t.Logf)
	server := httptest.NewServer(routes(c, derp))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close(); derp.Close() })
	return c, server.URL
}

// node is a client as far as the control server sees one.
type node struct {
	t       *testing.T
	name    string
	machine key.MachinePrivate
	key     key.NodePublic
}

func newNode(t *testing.T, name string) node {
	return node{t, name, key.NewMachine(), key.NewNode().Public()}
}

func (n node) post(url, path string, body any) []byte {
	n.t.Helper()
	said, err := http.Get(url + "/key?v=100")
	if err != nil {
		n.t.Fatal(err)
	}
	var keys tailcfg.OverTLSPublicKeyResponse
	if err := json.NewDecoder(said.Body).Decode(&keys); err != nil {
		n.t.Fatal(err)
	}
	dialer := tsdial.NewDialer(netmon.NewStatic())
	dialer.SetBus(eventbustest.NewBus(n.t))
	client, err := ts2021.NewClient(ts2021.ClientOpts{
		Logf: n.t.Logf, ServerURL: url, PrivKey: n.machine, ServerPubKey: keys.PublicKey, Dialer: dialer,
	})
	if err != nil {
		n.t.Fatal(err)
	}
	defer client.Close()
	answer, err := client.Post(n.t.Context(), path, n.key, body)
	if err != nil {
		n.t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return content
}

func (n node) register(url, withKey string) string {
	n.t.Helper()
	request := tailcfg.RegisterRequest{
		Version: tailcfg.CurrentCapabilityVersion, NodeKey: n.key,
		Hostinfo: &tailcfg.Hostinfo{Hostname: n.name},
	}
	if withKey != "" {
		request.Auth = &tailcfg.RegisterResponseAuth{AuthKey: withKey}
	}
	var response tailcfg.RegisterResponse
	content := n.post(url, "/machine/register", request)
	if err := json.Unmarshal(content, &response); err != nil {
		n.t.Fatalf("%s: %s", err, content)
	}
	return response.Error
}

func (n node) netmap(url string) tailcfg.MapResponse {
	n.t.Helper()
	content := n.post(url, "/machine/map", tailcfg.MapRequest{
		Version: tailcfg.CurrentCapabilityVersion, NodeKey: n.key,
		Hostinfo: &tailcfg.Hostinfo{Hostname: n.name},
	})
	var response tailcfg.MapResponse
	if len(content) < 4 { // a length of four bytes stands before the message
		n.t.Fatalf("no map: %q", content)
	}
	if err := json.Unmarshal(content[4:], &response); err != nil {
		n.t.Fatalf("%s: %s", err, content)
	}
	return response
}

func TestAddressesFollowFromNames(t *testing.T) {
	_, url := serve(t, testOptions(t))
	lom, yuki := newNode(t, "lom"), newNode(t, "yuki")
	for _, one := range []node{yuki, lom} { // not in the order of their addresses
		if refusal := one.register(url, authKey); refusal != "" {
			t.Fatalf("%s: %s", one.name, refusal)
		}
	}
	said := lom.netmap(url)
	if got := said.Node.Addresses[0].String(); got != "100.64.0.1/32" {
		t.Errorf("lom has %s", got)
	}
	if len(said.Peers) != 1 || said.Peers[0].Addresses[0].String() != "100.64.0.2/32" {
		t.Errorf("peers of lom: %v", said.Peers)
	}
	if _, quiet := said.Node.CapMap[tailcfg.NodeAttrDisableCaptivePortalDetection]; !quiet {
		t.Error("lom looks for captive portals")
	}
	if len(said.DERPMap.Regions) != 1 || !said.DERPMap.OmitDefaultRegions {
		t.Errorf("DERP map: %v", said.DERPMap)
	}
}

func TestWhoMayNotRegister(t *testing.T) {
	c, url := serve(t, testOptions(t))
	for name, one := range map[string]struct{ name, key, refusal string }{
		"no key":       {"lom", "", "invalid authkey"},
		"another key":  {"lom", authKey + "!", "invalid authkey"},
		"another name": {"mallory", authKey, "unknown host name"},
	} {
		if got := newNode(t, one.name).register(url, one.key); got != one.refusal {
			t.Errorf("%s: %q, not %q", name, got, one.refusal)
		}
	}
	if known := c.AllNodes(); len(known) != 0 {
		t.Errorf("registered all the same: %v", known)
	}
}

func TestRestartKeepsNodesAndKeys(t *testing.T) {
	o := testOptions(t)
	first, url := serve(t, o)
	lom, yuki := newNode(t, "lom"), newNode(t, "yuki")
	for _, one := range []node{lom, yuki} {
		if refusal := one.register(url, authKey); refusal != "" {
			t.Fatal(refusal)
		}
	}
	info, err := os.Stat(o.state)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("state: %v, %v", info, err)
	}
	second, url := serve(t, o)
	if refusal := lom.register(url, ""); refusal != "" {
		t.Errorf("a known node must say the auth key again: %s", refusal)
	}
	if got := len(lom.netmap(url).Peers); got != 1 {
		t.Errorf("%d peers after a restart", got)
	}
	keys := [2]string{}
	for i, c := range []*control{first, second} {
		text, err := field[key.MachinePublic](c.Server, "noisePubKey").MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = string(text)
	}
	if keys[0] != keys[1] {
		t.Errorf("nodes would not know the server again: %v", keys)
	}
}

func TestNewKeyOfAKnownNameReplacesTheOld(t *testing.T) {
	c, url := serve(t, testOptions(t))
	old, again := newNode(t, "yuki"), newNode(t, "yuki")
	for _, one := range []node{old, again} {
		if refusal := one.register(url, authKey); refusal != "" {
			t.Fatal(refusal)
		}
	}
	if known := c.AllNodes(); len(known) != 1 || known[0].Key != again.key {
		t.Errorf("nodes: %v", known)
	}
	if got := again.netmap(url).Node.Addresses[0].String(); got != "100.64.0.2/32" {
		t.Errorf("yuki has %s", got)
	}
}

func TestOtherRequestsAreRefused(t *testing.T) {
	_, url := serve(t, testOptions(t))
	for _, path := range []string{"/", "/machine/map", "/c2n/x", "/auth/x"} {
		answer, err := http.Post(url+path, "text/plain", bytes.NewReader(nil))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	inside := newNode(t, "lom").post(url, "/machine/unheard-of", nil)
	if !strings.Contains(string(inside), "404") {
		t.Errorf("inside: %q", inside)
	}
}

func TestBadState(t *testing.T) {
	o := testOptions(t)
	if err := os.WriteFile(o.state, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newControl(o); err == nil || !strings.Contains(err.Error(), o.state) {
		t.Errorf("half a file: %v", err)
	}
}

func TestVersion(t *testing.T) {
	if got := version(); !strings.HasPrefix(got, "1.") {
		t.Errorf("version %q", got)
	}
}
