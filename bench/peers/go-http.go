//go:build ignore

// go-http PORT [KEY CERT [h2]]: net/http on one core; with a key and a certificate over TLS 1.3, without resumption, and without HTTP/2
// unless that is asked for.
package main

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
)

func main() {
	runtime.GOMAXPROCS(1)
	handler := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "Hello, World!\n")
	}
	server := &http.Server{Addr: "127.0.0.1:" + os.Args[1], Handler: http.HandlerFunc(handler)}
	if len(os.Args) == 2 {
		log.Fatal(server.ListenAndServe())
	}
	server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true}
	if len(os.Args) == 4 {
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	log.Fatal(server.ListenAndServeTLS(os.Args[3], os.Args[2]))
}
