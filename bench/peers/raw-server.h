/* What the two servers in C without a parser share: a socket that listens, the limit on open files, the date. */
#ifndef RAW_SERVER_H
#define RAW_SERVER_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DATE_SIZE = 64 };

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  if (listen(fd, 4096) < 0) die("listen");
  return fd;
}

/* As many open files as are allowed; how many that is. */
static size_t raise_file_limit(void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  return files.rlim_cur > 1u << 20 ? 1u << 20 : (size_t)files.rlim_cur;
}

static int watch_listener(int listener) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) die("epoll_create1");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) die("epoll_ctl");
  return epoll;
}

/* Takes on all who wait, edge-triggered; those whose descriptor is `limit` or more are closed. */
static void accept_all(int listener, int epoll, size_t limit) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    if ((size_t)fd >= limit || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) close(fd);
  }
}

/* Writes the value of a Date header; false, and nothing, when it still is the one of `second`. */
static int new_date(char date[DATE_SIZE], time_t *second) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec == *second) return 0;
  *second = now.tv_sec;
  struct tm parts;
  gmtime_r(&now.tv_sec, &parts);
  strftime(date, DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return 1;
}

#endif
