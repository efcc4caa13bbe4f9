/* socket-load lines|udp PORT CLIENTS DEPTH SECONDS: the load of the sockets bench.
 * socket-load proxy PORT CLIENTS UPSTREAM SECONDS: also the server that the proxy connects to.
 *
 * lines  Each connection keeps DEPTH lines of 16 bytes in flight, which go out in one packet when all answers are there; the
 *        server answers each line with its 15 characters, in capitals or not, and a line feed.
 * udp    Each socket keeps DEPTH datagrams of 64 bytes in flight, which come back.
 * proxy  Each connection sends as fast as it can to PORT; the bytes are to arrive at UPSTREAM, where this program listens.
 *
 * One thread, one epoll set. Writes "begin" after 0.5 s, then, after SECONDS, one line of JSON: what was done and how long it took.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 16, DATAGRAM = 64, MAX_DEPTH = 64, MAX_EVENTS = 256, CHUNK = 256 * 1024 };

typedef struct {
  int fd;
  unsigned missing; /* bytes, or datagrams, that have not come back */
  bool sink;
} client;

static int epoll_fd, depth;
static uint64_t done;
static char lines[LINE * MAX_DEPTH + 1], buffer[CHUNK];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in at(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void watch(client *c, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0) fail("epoll_ctl");
}

static client *dial(int port, int type) {
  client *c = calloc(1, sizeof *c);
  struct sockaddr_in to = at(port);
  int one = 1;
  c->fd = socket(AF_INET, type, 0);
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
  if (type == SOCK_STREAM) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return c;
}

static void ask_lines(client *c) {
  if (send(c->fd, lines, (size_t)(LINE * depth), 0) != LINE * depth) fail("send");
  c->missing = (unsigned)(LINE * depth);
}

static void ask_datagram(client *c) {
  if (send(c->fd, buffer, DATAGRAM, 0) != DATAGRAM) fail("send");
}

static void on_lines(client *c) {
  ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
  if (n <= 0) fail("recv");
  c->missing -= (unsigned)n;
  done += (uint64_t)n / LINE;
  if (c->missing == 0) ask_lines(c);
}

static void on_datagrams(client *c) {
  for (;;) {
    ssize_t n = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n != DATAGRAM) fail("recv");
    done++;
    ask_datagram(c);
  }
}

static void on_stream(client *c, uint32_t events) {
  ssize_t n;
  if (c->sink) {
    /* MSG_TRUNC: the bytes are not copied, so that this core is not the limit. */
    while ((n = recv(c->fd, buffer, 1 << 20, MSG_TRUNC | MSG_DONTWAIT)) > 0) done += (uint64_t)n;
    if (n == 0) fail("the stream ended");
  } else if (events & EPOLLOUT) {
    while (send(c->fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
    }
  }
}

int main(int count, char **arguments) {
  if (count != 6) return fprintf(stderr, "socket-load lines|udp|proxy PORT CLIENTS DEPTH|UPSTREAM SECONDS\n"), 2;
  const char *work = arguments[1];
  const int port = atoi(arguments[2]), clients = atoi(arguments[3]), fourth = atoi(arguments[4]);
  const double seconds = atof(arguments[5]);
  const bool stream = !strcmp(work, "proxy"), udp = !strcmp(work, "udp");
  int listener = -1;
  depth = fourth < MAX_DEPTH ? fourth : MAX_DEPTH;
  for (int i = 0; i < MAX_DEPTH; i++) memcpy(lines + LINE * i, "fifteen of them\n", LINE);
  epoll_fd = epoll_create1(0);
  if (stream) {
    struct sockaddr_in here = at(fourth);
    int one = 1;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) != 0 || listen(listener, 1024) != 0) fail("listen");
  }
  for (int i = 0; i < clients; i++) {
    client *c = dial(port, udp ? SOCK_DGRAM : SOCK_STREAM);
    if (stream) {
      client *sink = calloc(1, sizeof *sink);
      sink->sink = true;
      sink->fd = accept(listener, NULL, NULL);
      watch(sink, EPOLLIN);
      watch(c, EPOLLOUT | EPOLLET);
    } else {
      watch(c, EPOLLIN);
      for (int d = 0; udp && d < depth; d++) ask_datagram(c);
      if (!udp) ask_lines(c);
    }
  }
  double begin = now() + 0.5, end = begin + seconds;
  bool counting = false;
  for (;;) {
    struct epoll_event events[MAX_EVENTS];
    const int n = epoll_wait(epoll_fd, events, MAX_EVENTS, 50);
    for (int i = 0; i < n; i++) {
      client *c = events[i].data.ptr;
      if (stream) {
        on_stream(c, events[i].events);
      } else if (udp) {
        on_datagrams(c);
      } else {
        on_lines(c);
      }
    }
    const double t = now();
    if (!counting && t >= begin) {
      counting = true;
      done = 0;
      begin = t;
      printf("begin\n");
      fflush(stdout);
    }
    if (t >= end) {
      printf("{\"done\":%llu,\"seconds\":%.6f}\n", (unsigned long long)done, t - begin);
      return 0;
    }
  }
}
