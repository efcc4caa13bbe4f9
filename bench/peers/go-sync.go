//go:build ignore

// go-sync TIMES: locks, channels and select between goroutines on one core, measured as in subjects/sync.mjs.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"time"
)

type sample struct {
	Subject string         `json:"subject"`
	Metric  string         `json:"metric"`
	Value   float64        `json:"value"`
	Unit    string         `json:"unit"`
	At      map[string]int `json:"at,omitempty"`
}

func perItem(began time.Time, items int) float64 {
	return float64(time.Since(began).Nanoseconds()) / float64(items)
}

func uncontended(times int) float64 {
	var mutex sync.Mutex
	began := time.Now()
	for i := 0; i < times; i++ {
		mutex.Lock()
		mutex.Unlock()
	}
	return perItem(began, times)
}

// Ten goroutines take turns with one mutex, and give way while they hold it.
func contended(times int) float64 {
	const goroutines = 10
	var mutex sync.Mutex
	var done sync.WaitGroup
	done.Add(goroutines)
	each := times / goroutines
	began := time.Now()
	for g := 0; g < goroutines; g++ {
		go func() {
			for i := 0; i < each; i++ {
				mutex.Lock()
				runtime.Gosched()
				mutex.Unlock()
			}
			done.Done()
		}()
	}
	done.Wait()
	return perItem(began, each*goroutines)
}

func echo(there, back chan int) {
	for value := range there {
		back <- value
	}
}

// A value goes to the other side on one channel and comes back on another.
func pingPong(times int) float64 {
	there, back := make(chan int), make(chan int)
	go echo(there, back)
	began := time.Now()
	for i := 0; i < times; i++ {
		there <- i
		<-back
	}
	result := perItem(began, times)
	close(there)
	return result
}

// One goroutine sends to a channel with room for 100, another receives.
func buffered(times int) float64 {
	channel := make(chan int, 100)
	go func() {
		for i := 0; i < times; i++ {
			channel <- i
		}
		close(channel)
	}()
	began := time.Now()
	for range channel {
	}
	return perItem(began, times)
}

// The same as pingPong, but the value is waited for on several channels, of which only one is ever used.
func selectOf2(times int) float64 {
	there, back, never := make(chan int), make(chan int), make(chan int)
	go echo(there, back)
	began := time.Now()
	for i := 0; i < times; i++ {
		there <- i
		select {
		case <-never:
		case <-back:
		}
	}
	result := perItem(began, times)
	close(there)
	return result
}

func selectOf(channels, times int) float64 {
	there, back := make(chan int), make(chan int)
	go echo(there, back)
	cases := make([]reflect.SelectCase, channels)
	for i := range cases {
		cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(make(chan int))}
	}
	cases[channels-1].Chan = reflect.ValueOf(back)
	began := time.Now()
	for i := 0; i < times; i++ {
		there <- i
		reflect.Select(cases)
	}
	result := perItem(began, times)
	close(there)
	return result
}

func main() {
	runtime.GOMAXPROCS(1)
	times, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	pingPong(times / 10)
	at := func(channels int) map[string]int { return map[string]int{"channels": channels} }
	json.NewEncoder(os.Stdout).Encode([]sample{
		{"go", "mutex_uncontended_ns", uncontended(times * 4), "ns", nil},
		{"go", "mutex_contended_ns", contended(times), "ns", nil},
		{"go", "channel_ping_pong_ns", pingPong(times), "ns", nil},
		{"go", "channel_buffered_ns", buffered(times * 2), "ns", nil},
		{"go", "select_ns", selectOf2(times), "ns", at(2)},
		{"go", "select_ns", selectOf(100, times/20), "ns", at(100)},
	})
}
