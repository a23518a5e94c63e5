package main

import (
	"fmt"
	"net"
	"syscall"
)

const (
	overheadIPv4 = 20 + 8
	overheadIPv6 = 40 + 8
)

// sizes are what did not fit into what, in bytes.
type sizes struct {
	MTUBytes    int `json:"mtu_bytes"`
	FitsBytes   int `json:"fits_bytes"`
	PacketBytes int `json:"packet_bytes"`
}

// tooLarge: the path's MTU has no room for a packet that QUIC, or the user, wants.
type tooLarge struct {
	sizes
	because string
}

func (e *tooLarge) Error() string {
	return fmt.Sprintf("the path's MTU of %d bytes leaves %d for a UDP payload, and %s %d",
		e.MTUBytes, e.FitsBytes, e.because, e.PacketBytes)
}

// pathMTU is the kernel's idea of the way to an address: its interface's MTU, or a smaller one that it
// was told of (ip(7), IP_MTU). Nothing is sent.
func pathMTU(local, remote *net.UDPAddr) (int, error) {
	probe, err := net.DialUDP("udp", &net.UDPAddr{IP: local.IP, Zone: local.Zone}, remote)
	if err != nil {
		return 0, err
	}
	defer probe.Close()
	level, option := syscall.IPPROTO_IP, syscall.IP_MTU
	if remote.IP.To4() == nil {
		level, option = syscall.IPPROTO_IPV6, syscall.IPV6_MTU
	}
	return socketOption(probe, level, option)
}

func socketOption(socket *net.UDPConn, level, option int) (value int, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	controlled := raw.Control(func(fd uintptr) { value, err = syscall.GetsockoptInt(int(fd), level, option) })
	if controlled != nil {
		return 0, controlled
	}
	return value, err
}

// packetBytes is the size of the first packets on a path. The kernel drops larger ones without a word
// to the sender's user, and quic-go would run into its handshake's limit.
func packetBytes(asked, mtu int, remote *net.UDPAddr) (int, error) {
	fits := mtu - overheadIPv4
	if remote.IP.To4() == nil {
		fits = mtu - overheadIPv6
	}
	if fits < leastPacket {
		return 0, &tooLarge{sizes{mtu, fits, leastPacket}, "QUIC needs at least (RFC 9000, 14)"}
	}
	if asked > fits {
		return 0, &tooLarge{sizes{mtu, fits, asked}, "packets are to have"}
	}
	if asked == 0 {
		return min(usualPacket, fits), nil
	}
	return asked, nil
}
