//go:build ignore

// go-sockets WORK PORT [UPSTREAM]: what ../subjects/sockets.mjs does, in Go.
package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"runtime"
)

const host = "127.0.0.1:"

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func answerLines(client net.Conn) {
	in, out := bufio.NewReader(client), bufio.NewWriter(client)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		out.WriteString(line)
		// As a program does that answers pipelined requests.
		if in.Buffered() == 0 && out.Flush() != nil {
			return
		}
	}
}

func passOn(client net.Conn) {
	server, err := net.Dial("tcp", host+os.Args[3])
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		// io.Copy of two TCP connections splices.
		io.Copy(server, client)
		server.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(client, server)
}

func serve(handler func(net.Conn)) {
	listener, err := net.Listen("tcp", host+os.Args[2])
	check(err)
	for {
		client, err := listener.Accept()
		check(err)
		go func() {
			defer client.Close()
			handler(client)
		}()
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	switch os.Args[1] {
	case "lines":
		serve(answerLines)
	case "proxy":
		serve(passOn)
	}
	at, err := net.ResolveUDPAddr("udp4", host+os.Args[2])
	check(err)
	socket, err := net.ListenUDP("udp4", at)
	check(err)
	buffer := make([]byte, 65536)
	for {
		n, from, err := socket.ReadFromUDPAddrPort(buffer)
		check(err)
		socket.WriteToUDPAddrPort(buffer[:n], from)
	}
}
