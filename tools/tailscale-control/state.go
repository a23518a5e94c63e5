package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"log"
	"os"
	"reflect"
	"sync"

	"tailscale.com/tailcfg"
	"tailscale.com/tstest/integration/testcontrol"
	"tailscale.com/types/key"
)

// state is what outlives a restart: nodes go on with the server they know.
type state struct {
	NoiseKey key.MachinePrivate
	Nodes    []*tailcfg.Node
}

// field is a private field of testcontrol.Server, which keeps everything in memory and has no way
// to get it back. go.mod pins the version; TestFields fails when a field is not what it was.
func field[T any](server *testcontrol.Server, name string) *T {
	found := reflect.ValueOf(server).Elem().FieldByName(name)
	if !found.IsValid() || found.Type() != reflect.TypeFor[T]() {
		panic("testcontrol.Server has another " + name)
	}
	return (*T)(found.Addr().UnsafePointer())
}

// restore gives the server its nodes and keys before it serves.
func (c *control) restore() error {
	kept := state{NoiseKey: key.NewMachine()}
	content, err := os.ReadFile(c.options.state)
	if err == nil {
		err = json.Unmarshal(content, &kept)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	nodes := map[key.NodePublic]*tailcfg.Node{}
	for _, node := range kept.Nodes {
		nodes[node.Key] = node
	}
	old := key.NewControl() // of the protocol before Noise
	*field[map[key.NodePublic]*tailcfg.Node](c.Server, "nodes") = nodes
	*field[key.ControlPrivate](c.Server, "privKey") = old
	*field[key.MachinePublic](c.Server, "pubKey") = old.Public()
	*field[key.MachinePrivate](c.Server, "noisePrivKey") = kept.NoiseKey
	*field[key.MachinePublic](c.Server, "noisePubKey") = kept.NoiseKey.Public()
	for nodeKey := range nodes {
		c.quieten(nodeKey)
	}
	return c.save()
}

// forget drops a node.
func (c *control) forget(nodeKey key.NodePublic) {
	lock := field[sync.Mutex](c.Server, "mu")
	lock.Lock()
	defer lock.Unlock()
	delete(*field[map[key.NodePublic]*tailcfg.Node](c.Server, "nodes"), nodeKey)
}

// save writes the state if it has changed.
func (c *control) save() error {
	c.saving.Lock()
	defer c.saving.Unlock()
	content, err := json.Marshal(state{*field[key.MachinePrivate](c.Server, "noisePrivKey"), c.AllNodes()})
	if err != nil || bytes.Equal(content, c.saved) {
		return err
	}
	beside := c.options.state + ".new"
	if err := os.WriteFile(beside, content, 0o600); err != nil {
		return err
	}
	if err := os.Rename(beside, c.options.state); err != nil {
		return err
	}
	c.saved = content
	return nil
}

func (c *control) report(err error) {
	if err != nil {
		log.Print(err)
	}
}
