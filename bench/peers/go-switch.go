//go:build ignore

// go-switch TIMES YIELDS: switching between goroutines on one core, measured as in subjects/switch.mjs.
package main

import (
	"encoding/json"
	"os"
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

// Main and one goroutine give way to each other: there and back is one pair.
func resumeYield(times int) float64 {
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		for i := 0; i < times; i++ {
			runtime.Gosched()
		}
		done.Done()
	}()
	runtime.Gosched()
	began := time.Now()
	for i := 0; i < times; i++ {
		runtime.Gosched()
	}
	result := perItem(began, times)
	done.Wait()
	return result
}

func roundRobin(goroutines, yields int) float64 {
	each := yields / goroutines
	var started, done sync.WaitGroup
	started.Add(goroutines)
	done.Add(goroutines)
	var began time.Time
	for i := 0; i < goroutines; i++ {
		last := i == goroutines-1
		go func() {
			started.Done()
			started.Wait()
			if last {
				began = time.Now()
			}
			for n := 0; n < each; n++ {
				runtime.Gosched()
			}
			done.Done()
		}()
	}
	done.Wait()
	return perItem(began, each*goroutines)
}

func spawnFinish(times int) float64 {
	var done sync.WaitGroup
	began := time.Now()
	for i := 0; i < times; i++ {
		done.Add(1)
		go done.Done()
		done.Wait()
	}
	return perItem(began, times)
}

func argument(index int) int {
	value, err := strconv.Atoi(os.Args[index])
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	runtime.GOMAXPROCS(1)
	times, yields := argument(1), argument(2)
	spawns := times / 10
	resumeYield(times / 10)
	spawnFinish(spawns / 10)
	samples := []sample{
		{"go", "resume_yield_ns", resumeYield(times), "ns", nil},
		{"go", "spawn_finish_ns", spawnFinish(spawns), "ns", nil},
	}
	for _, goroutines := range []int{10, 1000, 10000} {
		at := map[string]int{"coroutines": goroutines}
		samples = append(samples, sample{"go", "yield_round_robin_ns", roundRobin(goroutines, yields), "ns", at})
	}
	json.NewEncoder(os.Stdout).Encode(samples)
}
