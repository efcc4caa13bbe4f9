// websocket-load PORT MODE CONNECTIONS BYTES AT_ONCE WARM_UP_MS WINDOW_MS: one thread that keeps WebSockets busy.
//
// MODE echo: each connection sends AT_ONCE messages of BYTES bytes in one packet, and again when all have come back.
// MODE broadcast: the first connection sends a message, which the server sends to all; again when all have it.
//
// Prints "begin" when the window opens, and "end MESSAGES" when it closes: messages received within it.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct client {
  int fd;
  size_t unread;  // bytes of what is to come back
};

static void fail(const char* what) {
  fprintf(stderr, "websocket-load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static size_t header_bytes(size_t size) { return size < 126 ? 2 : size < 65536 ? 4 : 10; }

// Bytes, as a client sends them; the same mask each time, which the server cannot know.
static char* make_frames(size_t size, int count, size_t* length) {
  const size_t header = header_bytes(size), one = header + 4 + size;
  char* frames = malloc(one * count);
  for (int i = 0; i < count; ++i) {
    unsigned char* to = (unsigned char*)frames + one * i;
    to[0] = 0x82;
    to[1] = 0x80 | (size < 126 ? size : size < 65536 ? 126 : 127);
    for (size_t b = 0; b < header - 2; ++b) to[2 + b] = (unsigned char)(size >> (8 * (header - 3 - b)));
    memcpy(to + header, "\x37\xfa\x21\x3d", 4);
    for (size_t b = 0; b < size; ++b) to[header + 4 + b] = (unsigned char)(b * 31 + 7);
  }
  *length = one * count;
  return frames;
}

static int dial(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (fd < 0 || connect(fd, (struct sockaddr*)&at, sizeof at) < 0) fail("connect");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  static const char head[] =
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  if (write(fd, head, sizeof head - 1) < 0) fail("write");
  char answer[4096];
  size_t have = 0;
  while (have < 4 || memcmp(answer + have - 4, "\r\n\r\n", 4) != 0) {
    const ssize_t n = read(fd, answer + have, 1);
    if (n <= 0 || ++have == sizeof answer) fail("handshake");
  }
  if (memcmp(answer, "HTTP/1.1 101", 12) != 0) fail("status");
  return fd;
}

int main(int argc, char** argv) {
  if (argc != 8) return 2;
  const int broadcast = strcmp(argv[2], "broadcast") == 0, count = atoi(argv[3]), at_once = atoi(argv[5]);
  const size_t size = strtoul(argv[4], NULL, 10);
  size_t length;
  char* frames = make_frames(size, at_once, &length);
  const size_t message = header_bytes(size) + size, expected = message * at_once;
  struct client* clients = calloc(count, sizeof *clients);
  const int epoll = epoll_create1(0);
  for (int i = 0; i < count; ++i) {
    clients[i].fd = dial(atoi(argv[1]));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
    epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
  }
  static char sink[1 << 20];
  const int64_t begin = now() + atoll(argv[6]) * 1000000, end = begin + atoll(argv[7]) * 1000000;
  int begun = 0, behind = 0;
  unsigned long long bytes = 0;
  for (int i = 0; i < count; ++i) {
    clients[i].unread = expected;
    if (!broadcast || i == 0) {
      if (send(clients[i].fd, frames, length, 0) != (ssize_t)length) fail("send");
    }
  }
  behind = count;
  struct epoll_event events[256];
  for (;;) {
    const int64_t t = now();
    if (!begun && t >= begin) {
      begun = 1;
      bytes = 0;
      puts("begin");
      fflush(stdout);
    }
    if (t >= end) break;
    const int n = epoll_wait(epoll, events, 256, 10);
    for (int i = 0; i < n; ++i) {
      struct client* c = events[i].data.ptr;
      const ssize_t got = recv(c->fd, sink, sizeof sink, MSG_DONTWAIT);
      if (got <= 0) fail("recv");
      if ((size_t)got > c->unread) fail("too much came back");
      bytes += (unsigned long long)got;
      c->unread -= (size_t)got;
      if (c->unread > 0) continue;
      c->unread = expected;
      if (!broadcast) {
        if (send(c->fd, frames, length, 0) != (ssize_t)length) fail("send");
      } else if (--behind == 0) {
        behind = count;
        if (send(clients[0].fd, frames, length, 0) != (ssize_t)length) fail("send");
      }
    }
  }
  printf("end %llu\n", bytes / message);
  return 0;
}
