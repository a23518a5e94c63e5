package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func keyFile(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "authkey")
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func arguments(file string, more ...string) []string {
	return append([]string{
		"--listen", "10.0.0.1", "--cert", "c", "--key", "k", "--state", "s", "--auth-key-file", file,
		"--node", "lom=100.64.0.1", "--node", "yuki=100.64.0.2",
	}, more...)
}

func TestParse(t *testing.T) {
	o, err := parse(arguments(keyFile(t, authKey+"\n", 0o600)))
	if err != nil {
		t.Fatal(err)
	}
	if o.authKey != authKey || len(o.nodes) != 2 || o.port != 8443 || o.stunPort != 3478 {
		t.Errorf("%+v", o)
	}
}

func TestParseRefuses(t *testing.T) {
	good := keyFile(t, authKey, 0o600)
	for name, one := range map[string]struct {
		args []string
		said string
	}{
		"readable key":    {arguments(keyFile(t, authKey, 0o644)), "chmod 600"},
		"short key":       {arguments(keyFile(t, "short", 0o600)), "at least 16"},
		"no such file":    {arguments("/nowhere"), "--auth-key-file"},
		"every address":   {arguments(good, "--listen", "0.0.0.0"), "--listen"},
		"no address":      {arguments(good, "--listen", "lom"), "--listen"},
		"foreign address": {arguments(good, "--node", "luna=10.0.0.1"), "100.64.0.1"},
		"second name":     {arguments(good, "--node", "lom=100.64.0.3"), "twice"},
		"second address":  {arguments(good, "--node", "luna=100.64.0.2"), "twice"},
		"no nodes":        {[]string{"--listen", "10.0.0.1", "--cert", "c", "--key", "k", "--state", "s"}, "--node"},
		"no certificate":  {[]string{"--listen", "10.0.0.1", "--key", "k", "--state", "s"}, "--cert"},
	} {
		if _, err := parse(one.args); err == nil || !strings.Contains(err.Error(), one.said) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyFromTheEnvironment(t *testing.T) {
	t.Setenv(keyVariable, authKey)
	if o, err := parse(arguments("")); err != nil || o.authKey != authKey {
		t.Errorf("%q, %v", o.authKey, err)
	}
}
