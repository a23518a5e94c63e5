package main

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime/debug"
	"sync"

	"tailscale.com/net/tsaddr"
	"tailscale.com/tailcfg"
	"tailscale.com/tstest/integration/testcontrol"
	"tailscale.com/types/key"
)

const (
	regionID = 900 // 900-999 are the user's own
	user     = tailcfg.UserID(123)
	limit    = 1 << 20
)

// control is testcontrol with what a testbed needs besides: nodes and keys outlive a restart, a
// node that is known need not say the auth key again, and addresses follow from names.
type control struct {
	*testcontrol.Server
	options options
	saving  sync.Mutex
	saved   []byte
	joining sync.Mutex
}

func newControl(o options) (*control, error) {
	base := "https://" + hostPort(o.listen, o.port)
	c := &control{options: o, Server: &testcontrol.Server{
		DERPMap:          derpMap(o),
		ExplicitBaseURL:  base,
		MagicDNSDomain:   "meshbench.invalid",
		AllNodesSameUser: true,
		AllOnline:        true,
	}}
	if err := c.restore(); err != nil {
		return nil, fmt.Errorf("%s: %w", o.state, err)
	}
	c.guard()
	return c, nil
}

// derpMap is this server alone: no public relay is known to any node.
func derpMap(o options) *tailcfg.DERPMap {
	address := o.listen.String()
	node := &tailcfg.DERPNode{
		Name: "900a", RegionID: regionID, HostName: address, IPv4: address, IPv6: "none",
		DERPPort: o.port, STUNPort: o.stunPort,
	}
	if o.listen.Is6() {
		node.IPv4, node.IPv6 = "none", address
	}
	region := &tailcfg.DERPRegion{
		RegionID: regionID, RegionCode: "meshbench", RegionName: "meshbench",
		Nodes: []*tailcfg.DERPNode{node},
	}
	return &tailcfg.DERPMap{
		OmitDefaultRegions: true,
		Regions:            map[int]*tailcfg.DERPRegion{regionID: region},
	}
}

// guard puts our handlers before testcontrol's, inside the encrypted connection.
func (c *control) guard() {
	c.Server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/generate_204", nil))
	inner := field[*http.ServeMux](c.Server, "mux")
	served := *inner
	outer := http.NewServeMux()
	outer.Handle("/key", served)
	outer.Handle("/ts2021", served)
	outer.HandleFunc("/machine/register", func(w http.ResponseWriter, r *http.Request) {
		c.register(w, r, served)
	})
	outer.HandleFunc("/machine/map", func(w http.ResponseWriter, r *http.Request) {
		served.ServeHTTP(w, r)
		c.report(c.save())
	})
	outer.Handle("/machine/update-health", served)
	*inner = outer
}

// register admits a node that is known or says the auth key, and gives it its planned address.
func (c *control) register(w http.ResponseWriter, r *http.Request, served http.Handler) {
	body, err := io.ReadAll(io.LimitReader(r.Body, limit))
	var request tailcfg.RegisterRequest
	if err == nil {
		err = json.Unmarshal(body, &request)
	}
	if err == nil && (request.Version == 0 || request.NodeKey.IsZero() || request.Hostinfo == nil) {
		err = errors.New("no version, node key or host information")
	}
	if err != nil {
		http.Error(w, fmt.Sprintf("bad register request: %v", err), http.StatusBadRequest)
		return
	}
	c.joining.Lock()
	defer c.joining.Unlock()
	if refusal := c.refusal(&request); refusal != "" {
		c.report(fmt.Errorf("%q refused: %s", request.Hostinfo.Hostname, refusal))
		json.NewEncoder(w).Encode(tailcfg.RegisterResponse{Error: refusal})
		return
	}
	known := c.Node(request.NodeKey) != nil
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	served.ServeHTTP(answer, r)
	if !known {
		c.place(request.NodeKey)
	}
	c.report(c.save())
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// refusal says why a node may not register; empty if it may.
func (c *control) refusal(request *tailcfg.RegisterRequest) string {
	if c.Node(request.NodeKey) != nil {
		return ""
	}
	said := ""
	if request.Auth != nil {
		said = request.Auth.AuthKey
	}
	if subtle.ConstantTimeCompare([]byte(said), []byte(c.options.authKey)) != 1 {
		return "invalid authkey"
	}
	if _, planned := c.options.nodes[request.Hostinfo.Hostname]; !planned {
		return "unknown host name"
	}
	return ""
}

// place gives a node that has just registered the address of its name, and drops an earlier node
// of that name.
func (c *control) place(nodeKey key.NodePublic) {
	node := c.Node(nodeKey)
	address := c.options.nodes[node.Hostinfo.Hostname()]
	for _, other := range c.AllNodes() {
		if other.Key != nodeKey && other.Hostinfo.Hostname() == node.Hostinfo.Hostname() {
			c.forget(other.Key)
		}
	}
	four := netip.PrefixFrom(address, 32)
	six := netip.PrefixFrom(tsaddr.Tailscale4To6(address), 128)
	// testcontrol derives a node's own address from its id.
	node.ID = nodeID(address)
	node.StableID = tailcfg.StableNodeID(fmt.Sprintf("MESHBENCH%d", node.ID))
	node.Addresses = []netip.Prefix{four, six}
	node.AllowedIPs = node.Addresses
	c.UpdateNode(node)
	c.quieten(nodeKey)
}

// quieten keeps a node from asking the internet anything.
func (c *control) quieten(nodeKey key.NodePublic) {
	c.SetNodeCapMap(nodeKey, tailcfg.NodeCapMap{
		tailcfg.NodeAttrDisableCaptivePortalDetection: nil,
		tailcfg.NodeAttrDisableUPnP:                   nil,
	})
}

func nodeID(address netip.Addr) tailcfg.NodeID {
	four := address.As4()
	return tailcfg.NodeID(four[2])<<8 | tailcfg.NodeID(four[3])
}

// ours is whether testcontrol can give an address.
func ours(address netip.Addr) bool {
	return address.Is4() && netip.MustParsePrefix("100.64.0.0/16").Contains(address) && nodeID(address) != 0
}

// version is that of the Tailscale module, whose testcontrol it is.
func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "tailscale.com" {
			return module.Version[1:]
		}
	}
	return "unknown"
}
