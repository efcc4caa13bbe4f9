/* The requests of the threads bench and the window in which reads are counted, for peers in C; the same as
 * support/reading.mjs. Everything runs on one kernel thread that nothing takes away: no locks. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 8192, STEP = 16 };
static const double WARM_UP = 0.3;

static int file;
static long threads;
static double seconds;
static off_t *queue; /* offsets: a request is nothing else */
static long head, tail;
static char buffer[READ_BYTES] __attribute__((aligned(4096)));

static bool over;
static long reads, next_look = 1;
static double first, began, ended;

static double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void prepare(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: %s FILE THREADS SECONDS\n", argv[0]);
    exit(2);
  }
  file = open(argv[1], O_RDONLY);
  struct stat about;
  if (file < 0 || fstat(file, &about) != 0) fail(argv[1]);
  threads = atol(argv[2]);
  seconds = atof(argv[3]);
  queue = malloc((size_t)threads * sizeof *queue);
  if (!queue) fail("malloc");
  for (long i = 0; i < threads; i++) queue[i] = i * READ_BYTES % about.st_size;
}

static void serve_one(void) {
  off_t offset = queue[head];
  head = head + 1 == threads ? 0 : head + 1;
  if (pread(file, buffer, READ_BYTES, offset) != READ_BYTES) fail("pread");
  queue[tail] = offset;
  tail = tail + 1 == threads ? 0 : tail + 1;
  if (++reads < next_look || over) return;
  double now = now_seconds();
  next_look = reads + STEP;
  if (began == 0) {
    if (first == 0) first = now;
    if (now - first < WARM_UP || reads < threads) return;
    began = now;
    reads = 0;
    next_look = STEP;
  } else if (now - began >= seconds) {
    ended = now;
    over = true;
  }
}

static void report(const char *subject) {
  printf("{\"subject\":\"%s\",\"metric\":\"reads_per_s\",\"unit\":\"1/s\",\"value\":%.1f,\"at\":{\"threads\":%ld}}\n",
         subject, (double)reads / (ended - began), threads);
}
