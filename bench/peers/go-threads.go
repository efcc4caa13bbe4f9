//go:build ignore

// go-threads FILE THREADS SECONDS SWITCH: the handler of subjects/threads.mjs in goroutines.
package main

import (
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	readBytes = 8192
	warmUp    = 300 * time.Millisecond
	step      = 256
)

type request struct{ offset int64 }

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	threads, err := strconv.Atoi(os.Args[2])
	check(err)
	seconds, err := strconv.ParseFloat(os.Args[3], 64)
	check(err)
	switching := len(os.Args) > 4 && os.Args[4] == "switch"
	fd, err := syscall.Open(os.Args[1], syscall.O_RDONLY, 0)
	check(err)
	var about syscall.Stat_t
	check(syscall.Fstat(fd, &about))

	queue := make([]*request, threads)
	for i := range queue {
		queue[i] = &request{int64(i) * readBytes % about.Size}
	}
	buffer := make([]byte, readBytes)
	length := time.Duration(seconds * float64(time.Second))
	head, tail, reads, next := 0, 0, 0, 1
	over, running := false, false
	var first, began, ended time.Time
	// GOMAXPROCS is 1, but a goroutine can be made to give way anywhere: what is shared needs its lock.
	var lock sync.Mutex

	serve := func() {
		for {
			lock.Lock()
			if over {
				lock.Unlock()
				return
			}
			r := queue[head]
			if head++; head == threads {
				head = 0
			}
			lock.Unlock()
			n, err := syscall.Pread(fd, buffer, r.offset)
			check(err)
			if n != readBytes {
				panic("short read")
			}
			lock.Lock()
			queue[tail] = r
			if tail++; tail == threads {
				tail = 0
			}
			if reads++; reads >= next && !over {
				now := time.Now()
				next = reads + step
				if first.IsZero() {
					first = now
				}
				if !running {
					if now.Sub(first) >= warmUp && reads >= threads {
						running, began, reads, next = true, now, 0, step
					}
				} else if now.Sub(began) >= length {
					over, ended = true, now
				}
			}
			lock.Unlock()
			if switching {
				runtime.Gosched()
			}
		}
	}

	var started, done sync.WaitGroup
	started.Add(threads)
	done.Add(threads)
	gate := make(chan struct{})
	for i := 0; i < threads; i++ {
		go func() {
			started.Done()
			<-gate
			serve()
			done.Done()
		}()
	}
	started.Wait()
	close(gate)
	done.Wait()
	subject := "go"
	if switching {
		subject = "go-switching"
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"subject": subject, "metric": "reads_per_s", "unit": "1/s",
		"value": float64(reads) / ended.Sub(began).Seconds(), "at": map[string]int{"threads": threads},
	})
}
