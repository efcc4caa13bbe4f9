//go:build ignore

// go-fairness PORT GOROUTINES MICROSECONDS: what subjects/fairness.mjs does, beside goroutines that compute for so long and give
// way, on one core.
package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

func number(at int) int {
	value, err := strconv.Atoi(os.Args[at])
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	runtime.GOMAXPROCS(1)
	var lock sync.Mutex
	late := []float64{}
	http.HandleFunc("/late", func(w http.ResponseWriter, r *http.Request) {
		lock.Lock()
		defer lock.Unlock()
		json.NewEncoder(w).Encode(late)
		late = []float64{}
	})
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "Hello, World!\n")
	})
	computing := time.Duration(number(3)) * time.Microsecond
	for i := number(2); i > 0; i-- {
		go func() {
			for {
				for began := time.Now(); time.Since(began) < computing; {
				}
				runtime.Gosched()
			}
		}()
	}
	go func() {
		for {
			began := time.Now()
			time.Sleep(time.Millisecond)
			by := time.Since(began) - time.Millisecond
			lock.Lock()
			late = append(late, float64(by.Nanoseconds())/1e6)
			lock.Unlock()
		}
	}()
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
