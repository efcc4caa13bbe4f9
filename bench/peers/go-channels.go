// go-channels TIMES: values from one goroutine to another, on two threads, through a channel with room for 1,024.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

type sample struct {
	Subject string  `json:"subject"`
	Metric  string  `json:"metric"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
}

type object struct {
	ID   int
	Name string
	Tags []string
}

func send[T any](message func() T, count, trips int) (oneWay, thereAndBack float64) {
	there, back := make(chan T, 1024), make(chan T, 1024)
	go func() {
		runtime.LockOSThread()
		var last T
		for i := 0; i < count; i++ {
			last = <-there
		}
		back <- last
		for i := 0; i < trips; i++ {
			back <- <-there
		}
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := time.Now()
	for i := 0; i < count; i++ {
		there <- message()
	}
	<-back
	middle := time.Now()
	for i := 0; i < trips; i++ {
		there <- message()
		<-back
	}
	return float64(middle.Sub(began).Nanoseconds()) / float64(count), float64(time.Since(middle).Nanoseconds()) / float64(trips)
}

func main() {
	runtime.GOMAXPROCS(2)
	times, _ := strconv.Atoi(os.Args[1])
	samples := []sample{}
	add := func(metric string, value float64) { samples = append(samples, sample{"go", metric, value, "ns"}) }
	number, trip := send(func() float64 { return 42 }, times, times/50)
	add("number_ns", number)
	add("there_and_back_ns", trip)
	text, _ := send(func() string { return "a short message of text" }, times, 1)
	add("text_ns", text)
	from := object{17, "some name", []string{"a", "b"}}
	copied, _ := send(func() *object { return &object{from.ID, from.Name, append([]string(nil), from.Tags...)} }, times/4, 1)
	add("object_ns", copied)
	bytes := make([]byte, 1024)
	kib, _ := send(func() []byte { return append([]byte(nil), bytes...) }, times/4, 1)
	add("bytes-1k_ns", kib)
	text2, _ := json.Marshal(samples)
	fmt.Println(string(text2))
}
