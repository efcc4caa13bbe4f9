//go:build ignore

// go-park COUNT: the same handler as subjects/park.mjs in goroutines.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

type request struct{ id int }
type row struct {
	text  string
	limit int
}
type user struct {
	id    int
	table string
	row   row
}
type session struct {
	request request
	token   int
	user    user
}

var parked atomic.Int64

// The cheapest thing to wait for: one channel for all, without a timer each.
var forever = make(chan struct{})

//go:noinline
func readRow(table string, key int) string {
	began := parked.Add(1)
	<-forever
	return fmt.Sprintf("%s/%d@%d", table, key, began)
}

//go:noinline
func query(table string, key int) row {
	limit := key + 1
	text := readRow(table, key)
	return row{text, limit}
}

//go:noinline
func loadUser(id int) user {
	table := "users"
	result := query(table, id)
	return user{id, table, result}
}

//go:noinline
func authenticate(r request) session {
	token := r.id
	u := loadUser(token)
	return session{r, token, u}
}

//go:noinline
func route(r request) (string, session) {
	path := "/user"
	s := authenticate(r)
	return path, s
}

//go:noinline
func handle(id int) {
	r := request{id}
	path, s := route(r)
	fmt.Fprintln(os.Stderr, path, s)
}

func bytesIn(file, field string) float64 {
	text, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == field {
			kilobytes, _ := strconv.ParseFloat(fields[1], 64)
			return kilobytes * 1024
		}
	}
	panic("no " + field + " in " + file)
}

func memory() (resident, pageTables float64) {
	runtime.GC()
	return bytesIn("/proc/self/smaps_rollup", "Rss:"), bytesIn("/proc/self/status", "VmPTE:")
}

func fill(from, to int) {
	for i := from; i < to; i++ {
		go handle(i)
	}
	for parked.Load() < int64(to) {
		time.Sleep(5 * time.Millisecond)
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	const first = 200
	fill(0, first)
	residentBefore, tablesBefore := memory()
	fill(first, first+count)
	resident, tables := memory()
	sample := func(metric string, bytes float64) map[string]any {
		return map[string]any{
			"subject": "go", "metric": metric, "unit": "bytes",
			"value": bytes / float64(count), "at": map[string]int{"coroutines": count},
		}
	}
	json.NewEncoder(os.Stdout).Encode([]map[string]any{
		sample("rss_bytes_per_coroutine", resident-residentBefore),
		sample("page_table_bytes_per_coroutine", tables-tablesBefore),
	})
}
