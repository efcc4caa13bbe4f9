// go-client URL WIDTH SECONDS: as ../subjects/client.mjs, with net/http.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const warmUp = time.Second

func cpu() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano()/1000 + usage.Stime.Nano()/1000
}

func main() {
	url := os.Args[1]
	width, _ := strconv.Atoi(os.Args[2])
	seconds, _ := strconv.Atoi(os.Args[3])
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: width, MaxConnsPerHost: width}}
	var count atomic.Int64
	for i := 0; i < width; i++ {
		go func() {
			for {
				response, err := client.Get(url)
				if err != nil {
					panic(err)
				}
				if _, err := io.ReadAll(response.Body); err != nil {
					panic(err)
				}
				response.Body.Close()
				count.Add(1)
			}
		}()
	}
	time.Sleep(warmUp)
	before, used := count.Load(), cpu()
	time.Sleep(time.Duration(seconds) * time.Second)
	value := float64(cpu()-used) / float64(count.Load()-before)
	fmt.Printf("[{\"subject\": \"go\", \"metric\": \"request_cpu_us\", \"value\": %f, \"unit\": \"us\"}]\n", value)
}
