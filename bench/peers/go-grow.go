//go:build ignore

// go-grow SUBJECT COUNT KIB: goroutines that each go KIB deep once, wait there and come back, as subjects/grow.mjs does.
// go-forced asks for ten collections (one halves a stack) and for what they free to go back to the kernel.
package main

import (
	"encoding/json"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const giveUp = 10 * time.Second

// Where all wait until they are let through.
type gate struct {
	arrived atomic.Int64
	open    chan struct{}
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) pass() {
	g.arrived.Add(1)
	<-g.open
}

func (g *gate) all(count int) {
	for g.arrived.Load() < int64(count) {
		time.Sleep(time.Millisecond)
	}
}

// A frame of somewhat more than one KiB.
//
//go:noinline
func descend(level int, wait func()) int {
	var pad [1024]byte
	pad[level%1024] = byte(level)
	if level == 0 {
		wait()
	} else {
		descend(level-1, wait)
	}
	if pad[level%1024] != byte(level) {
		panic("a frame came back changed")
	}
	return level
}

var (
	count, yields int
	started       int
	began         time.Time
	switchNs      float64
)

// Every goroutine gives way in turn; one thread, so plain variables do.
func giveWay() {
	if started++; started%count == 0 {
		began = time.Now()
	}
	runtime.Gosched()
	for i := 0; i < yields; i++ {
		runtime.Gosched()
	}
	switchNs = float64(time.Since(began).Nanoseconds()) / float64(yields*count)
}

func resident() float64 {
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		panic(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "Rss:" {
			kilobytes, _ := strconv.ParseFloat(fields[1], 64)
			return kilobytes * 1024
		}
	}
	panic("no Rss")
}

func number(at int) int {
	n, err := strconv.Atoi(os.Args[at])
	if err != nil {
		panic(err)
	}
	return n
}

func main() {
	runtime.GOMAXPROCS(1)
	subject := os.Args[1]
	count = number(2)
	levels := number(3) * 1024 / 1100
	yields = (1000000 + count - 1) / count
	before, deep, returned, after := newGate(), newGate(), newGate(), newGate()
	for i := 0; i < count; i++ {
		go func() {
			giveWay()
			before.pass()
			descend(levels, deep.pass)
			returned.pass()
			giveWay()
			after.pass()
		}()
	}
	before.all(count)
	switchBefore := switchNs
	runtime.GC()
	time.Sleep(time.Second)
	rssBefore := resident()

	close(before.open)
	deep.all(count)
	rssDeep := resident()

	close(deep.open)
	returned.all(count)
	since := time.Now()
	if subject == "go-forced" {
		for i := 0; i < 10; i++ {
			runtime.GC()
		}
		debug.FreeOSMemory()
	}
	var rssAfter, back float64
	for rssAfter == 0 || back == 0 {
		time.Sleep(20 * time.Millisecond)
		rss, ms := resident(), float64(time.Since(since).Milliseconds())
		if rssAfter == 0 && ms >= 1000 {
			rssAfter = rss
		}
		if back == 0 && (rss <= rssBefore*1.1 || ms > float64(giveUp.Milliseconds())) {
			back = ms
		}
	}

	close(returned.open)
	after.all(count)
	switchAfter := switchNs
	close(after.open)

	sample := func(metric, unit string, value float64) map[string]any {
		at := map[string]int{"coroutines": count}
		return map[string]any{"subject": subject, "metric": metric, "unit": unit, "value": value, "at": at}
	}
	samples := []map[string]any{
		sample("rss_before", "bytes", rssBefore),
		sample("rss_deep", "bytes", rssDeep),
		sample("rss_after_1_s", "bytes", rssAfter),
		sample("rss_after_vs_before", "ratio", rssAfter/rssBefore),
	}
	// Left out where it did not happen.
	if back < float64(giveUp.Milliseconds()) {
		samples = append(samples, sample("back_within_10_percent_ms", "ms", back))
	}
	samples = append(samples, sample("switch_before_ns", "ns", switchBefore), sample("switch_after_ns", "ns", switchAfter))
	json.NewEncoder(os.Stdout).Encode(samples)
}
