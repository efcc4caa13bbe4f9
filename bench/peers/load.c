/* load PORT CONNECTIONS WARM-UP SECONDS PER-CONNECTION DEPTH METHOD PATHS...: clients of the clients and http benches.
 *
 * One thread, one edge-triggered epoll set, tens of thousands of connections in a few hundred bytes each. Every
 * connection keeps DEPTH requests in flight, picks its paths by weight (PATH*WEIGHT, in thousandths), checks that what
 * comes is a 200 with a Content-Length and that many bytes, and is closed and opened anew after PER-CONNECTION requests
 * (0 = never). POST sends BODY_BYTES and expects them back; GZIP is a GET that accepts gzip.
 *
 * Writes "begin" when all are connected and the warm-up is over, then, after SECONDS, one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  HEAD_BYTES = 512,
  BUFFER_BYTES = 256 * 1024,
  BODY_BYTES = 4096,
  MAX_PATHS = 64,
  MAX_EVENTS = 1024,
  MAX_CONNECTING = 256,
  SOURCES = 16,
  GIVE_UP_SECONDS = 60,
};

typedef struct {
  int fd; /* -1: to be opened */
  bool connected;
  uint8_t head_length; /* unused beyond HEAD_BYTES: the head arrives in one piece nearly always */
  uint16_t partial;    /* bytes of a head that has not come completely */
  uint32_t body_left;
  uint32_t answered; /* on this connection */
  uint32_t in_flight;
  char *head; /* while partial > 0 */
} client;

typedef struct {
  char *text;
  size_t length;
  unsigned upto; /* of 1000: the share of this and all before it */
} request;

static request requests[MAX_PATHS];
static int request_count;
static int port, depth;
static long connections, per_connection;
static bool is_post, is_gzip;
static client *clients;
static int epoll_fd;
static long connecting, open_connections;
static uint64_t random_state = 88172645463325252ull;
static uint64_t done_requests, done_bytes, opened, failures;
static char buffer[BUFFER_BYTES];
static double all_connected; /* when; 0 before */

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned random_below(unsigned n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (unsigned)(random_state >> 32) % n;
}

static void add_request(char *specification, const char *method) {
  if (request_count == MAX_PATHS) {
    fprintf(stderr, "load: at most %d paths\n", MAX_PATHS);
    exit(2);
  }
  unsigned before = request_count > 0 ? requests[request_count - 1].upto : 0;
  unsigned weight = 1000;
  char *star = strchr(specification, '*');
  if (star) {
    *star = 0;
    weight = (unsigned)atoi(star + 1);
  }
  request *r = &requests[request_count++];
  r->upto = before + weight;
  r->text = malloc(HEAD_BYTES + BODY_BYTES);
  if (!r->text) fail("malloc");
  int n = snprintf(r->text, HEAD_BYTES, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s", is_gzip ? "GET" : method, specification, port,
                   is_gzip ? "Accept-Encoding: gzip\r\n" : "");
  if (is_post) {
    n += sprintf(r->text + n, "Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", BODY_BYTES);
    memset(r->text + n, 'x', BODY_BYTES);
    n += BODY_BYTES;
  } else {
    n += sprintf(r->text + n, "\r\n");
  }
  r->length = (size_t)n;
}

static void start_connecting(client *c) {
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) fail("socket");
  int on = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  /* More source addresses, because one has only some 28,000 ports. */
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)((c - clients) % SOURCES));
  if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0) fail("bind");
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  c->connected = false;
  c->partial = 0;
  c->body_left = c->answered = c->in_flight = 0;
  connecting++;
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) fail("connect");
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0) fail("epoll_ctl");
}

static void reopen(client *c, bool failed) {
  if (failed) failures++;
  if (c->connected) open_connections--;
  else connecting--;
  free(c->head);
  c->head = NULL;
  close(c->fd);
  start_connecting(c);
}

/* False when the connection is over. What is sent fits in an empty socket buffer. */
static bool ask(client *c, unsigned count) {
  size_t length = 0;
  for (unsigned i = 0; i < count; i++) {
    unsigned dice = random_below(requests[request_count - 1].upto);
    const request *r = requests;
    while (dice >= r->upto) r++;
    if (count == 1) {
      c->in_flight++;
      return send(c->fd, r->text, r->length, MSG_NOSIGNAL) == (ssize_t)r->length;
    }
    memcpy(buffer + length, r->text, r->length);
    length += r->length;
  }
  c->in_flight += count;
  return send(c->fd, buffer, length, MSG_NOSIGNAL) == (ssize_t)length;
}

/* Content-Length of a complete head, or -1 for anything but a 200 with one. */
static long length_in(const char *head, size_t n) {
  if (n < 12 || memcmp(head, "HTTP/1.1 200", 12) != 0) return -1;
  for (const char *at = head; (at = memchr(at, '\n', (size_t)(head + n - at))) != NULL;) {
    at++;
    if (head + n - at > 16 && strncasecmp(at, "content-length:", 15) == 0) return atol(at + 15);
  }
  return -1;
}

/* Takes responses off the received bytes; the number completed, or -1 for something that is no such response. */
static int take(client *c, const char *data, size_t n) {
  int complete = 0;
  while (n > 0) {
    if (c->body_left > 0) {
      size_t part = n < c->body_left ? n : c->body_left;
      c->body_left -= (uint32_t)part;
      data += part;
      n -= part;
      if (c->body_left == 0) complete++;
      continue;
    }
    const char *end = memmem(data, n, "\r\n\r\n", 4);
    size_t used;
    long length;
    if (c->partial == 0 && end) {
      used = (size_t)(end + 4 - data);
      length = length_in(data, used);
    } else {
      /* The rare case: a head in pieces is put together byte by byte. */
      if (!c->head && !(c->head = malloc(HEAD_BYTES))) fail("malloc");
      bool found = false;
      for (used = 0; used < n && !found; used++) {
        if (c->partial == HEAD_BYTES) return -1;
        c->head[c->partial++] = data[used];
        found = c->partial >= 4 && memcmp(c->head + c->partial - 4, "\r\n\r\n", 4) == 0;
      }
      if (!found) return complete;
      length = length_in(c->head, c->partial);
      c->partial = 0;
    }
    if (length < 0) return -1;
    data += used;
    n -= used;
    c->body_left = (uint32_t)length;
    if (length == 0) complete++;
  }
  return complete;
}

static void on_event(client *c, uint32_t events) {
  if (!c->connected) {
    if (events & (EPOLLERR | EPOLLHUP)) {
      reopen(c, true);
      return;
    }
    if (!(events & EPOLLOUT)) return;
    c->connected = true;
    connecting--;
    open_connections++;
    opened++;
    /* The first requests wait until all are connected: a slow server would be busy with them and accept no more. */
    if (all_connected > 0 && !ask(c, (unsigned)depth)) reopen(c, true);
    return;
  }
  for (;;) {
    ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      reopen(c, c->in_flight > 0);
      return;
    }
    int complete = take(c, buffer, (size_t)n);
    if (complete < 0) {
      fprintf(stderr, "load: not the response that was expected: %.*s\n", n < 200 ? (int)n : 200, buffer);
      exit(1);
    }
    done_bytes += (uint64_t)n;
    done_requests += (uint64_t)complete;
    c->answered += (uint32_t)complete;
    c->in_flight -= (uint32_t)complete;
    if (per_connection > 0 && c->answered >= (uint32_t)per_connection && c->in_flight == 0) {
      reopen(c, false);
      return;
    }
    /* All at once, when all are back: 16 in a packet each way. */
    if (c->in_flight == 0 && !ask(c, (unsigned)depth)) {
      reopen(c, true);
      return;
    }
    if ((size_t)n < sizeof buffer && !(events & EPOLLRDHUP)) return;
  }
}

int main(int argc, char **argv) {
  if (argc < 9) {
    fprintf(stderr, "usage: load PORT CONNECTIONS WARM-UP SECONDS PER-CONNECTION DEPTH METHOD PATH[*WEIGHT]...\n");
    return 2;
  }
  port = atoi(argv[1]);
  connections = atol(argv[2]);
  double warm_up = atof(argv[3]), seconds = atof(argv[4]);
  per_connection = atol(argv[5]);
  depth = atoi(argv[6]);
  is_post = strcmp(argv[7], "POST") == 0;
  is_gzip = strcmp(argv[7], "GZIP") == 0;
  for (int i = 8; i < argc; i++) add_request(argv[i], argv[7]);

  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  clients = calloc((size_t)connections, sizeof *clients);
  if (!clients) fail("calloc");
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) fail("epoll_create1");

  long started = 0;
  double created = now(), began = 0;
  uint64_t requests_before = 0, bytes_before = 0, opened_before = 0;
  for (;;) {
    while (started < connections && connecting < MAX_CONNECTING) start_connecting(&clients[started++]);
    static struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(epoll_fd, events, MAX_EVENTS, 100);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; i++) on_event(events[i].data.ptr, events[i].events);
    double t = now();
    if (all_connected == 0) {
      if (open_connections == connections) {
        all_connected = t;
        for (long i = 0; i < connections; i++) {
          if (!ask(&clients[i], (unsigned)depth)) reopen(&clients[i], true);
        }
      } else if (t - created > GIVE_UP_SECONDS) {
        fprintf(stderr, "load: %ld of %ld connected after %d s\n", open_connections, connections, GIVE_UP_SECONDS);
        return 1;
      }
    } else if (began == 0) {
      /* And every connection has been answered once, unless that takes for ever. */
      bool all_answered = done_requests >= (uint64_t)connections || t - all_connected > GIVE_UP_SECONDS / 6;
      if (t - all_connected < warm_up || !all_answered) continue;
      began = t;
      requests_before = done_requests;
      bytes_before = done_bytes;
      opened_before = opened;
      failures = 0;
      puts("begin");
      fflush(stdout);
    } else if (t - began >= seconds) {
      printf("{\"requests\":%llu,\"bytes\":%llu,\"opened\":%llu,\"failures\":%llu,\"seconds\":%.6f}\n",
             (unsigned long long)(done_requests - requests_before), (unsigned long long)(done_bytes - bytes_before),
             (unsigned long long)(opened - opened_before), (unsigned long long)failures, t - began);
      return 0;
    }
  }
}
