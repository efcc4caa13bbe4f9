/* raw-epoll PORT: the floor of the http bench.
 *
 * A single-threaded edge-triggered epoll loop that answers every blank line with the same 14 bytes: one recv
 * and one send per request, nothing allocated, no header looked at. It is what the kernel's share of the work
 * costs and little more; a server that also parses requests and calls handlers can only come close to it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "raw-server.h"

enum { INPUT_SIZE = 4096, MAX_EVENTS = 512, MAX_REQUESTS = INPUT_SIZE / 4 };

typedef struct {
  char *unsent; /* what the socket did not take of the last answer; no new request is read until it is gone */
  size_t unsent_length;
  unsigned char matched; /* how much of the blank line the last recv ended with */
} connection;

static int epoll_fd;
static connection *connections; /* indexed by file descriptor */
static size_t connection_limit;

static char response[256];
static size_t response_length;

/* The Date header changes once a second; a request pays for it only then. */
static void refresh_response(void) {
  static time_t second;
  static char date[DATE_SIZE];
  if (!new_date(date, &second)) return;
  response_length = (size_t)snprintf(response, sizeof response,
                                     "HTTP/1.1 200 OK\r\n"
                                     "Content-Type: text/plain\r\n"
                                     "Content-Length: 14\r\n"
                                     "Date: %s\r\n"
                                     "\r\n"
                                     "Hello, World!\n",
                                     date);
}

static void close_connection(int fd) {
  free(connections[fd].unsent);
  connections[fd] = (connection){0};
  close(fd);
}

/* How many blank lines end within data; a client that does not pipeline sends exactly one, at the end. */
static unsigned count_requests(unsigned char *matched, const char *data, size_t length) {
  static const char blank_line[4] = {'\r', '\n', '\r', '\n'};
  if (*matched == 0 && length >= 4 && memmem(data, length, blank_line, 4) == data + length - 4) return 1;
  unsigned found = 0;
  unsigned char state = *matched;
  for (size_t i = 0; i < length; i++) {
    if (data[i] == blank_line[state]) {
      if (++state == 4) {
        found++;
        state = 0;
      }
    } else {
      state = data[i] == '\r';
    }
  }
  *matched = state;
  return found;
}

/* False when the connection is broken. */
static bool send_answers(connection *c, int fd, unsigned count) {
  static char batch[sizeof response * MAX_REQUESTS];
  const char *data = response;
  size_t length = response_length;
  if (count > 1) {
    for (unsigned i = 0; i < count; i++) memcpy(batch + i * response_length, response, response_length);
    data = batch;
    length = count * response_length;
  }
  ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
  if (sent == (ssize_t)length) return true;
  if (sent < 0) {
    if (errno != EAGAIN) return false;
    sent = 0;
  }
  c->unsent_length = length - (size_t)sent;
  c->unsent = malloc(c->unsent_length);
  if (!c->unsent) return false;
  memcpy(c->unsent, data + sent, c->unsent_length);
  return true;
}

/* False when the connection is broken. */
static bool flush(connection *c, int fd) {
  ssize_t sent = send(fd, c->unsent, c->unsent_length, MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN;
  c->unsent_length -= (size_t)sent;
  memmove(c->unsent, c->unsent + sent, c->unsent_length);
  if (c->unsent_length == 0) {
    free(c->unsent);
    c->unsent = NULL;
  }
  return true;
}

static void serve(int fd, unsigned events) {
  static char input[INPUT_SIZE];
  connection *c = &connections[fd];
  /* A short recv means the socket is drained and another event will come, unless one was swallowed meanwhile:
   * the peer's FIN arrived with this event, or requests came while an answer was stuck. */
  bool drain = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) || c->unsent;
  if (c->unsent && !flush(c, fd)) {
    close_connection(fd);
    return;
  }
  while (!c->unsent) {
    ssize_t received = recv(fd, input, sizeof input, 0);
    if (received <= 0) {
      if (received == 0 || errno != EAGAIN) close_connection(fd);
      return;
    }
    unsigned count = count_requests(&c->matched, input, (size_t)received);
    if (count > 0 && !send_answers(c, fd, count)) {
      close_connection(fd);
      return;
    }
    if ((size_t)received < sizeof input && !drain) return;
  }
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: raw-epoll PORT\n");
    return 2;
  }
  connection_limit = raise_file_limit();
  connections = calloc(connection_limit, sizeof *connections);
  if (!connections) die("calloc");

  int listener = listen_on(atoi(argv[1]));
  epoll_fd = watch_listener(listener);

  for (;;) {
    static struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    refresh_response();
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == listener) accept_all(listener, epoll_fd, connection_limit);
      else serve(events[i].data.fd, events[i].events);
    }
  }
}
