/* raw-files PORT DIRECTORY: the floor of the clients bench.
 *
 * A single-threaded edge-triggered epoll loop that has all files of a directory in memory: one recv and one send per
 * request, the path looked up, nothing else parsed, nothing allocated, no file ever looked at again. What a server
 * costs beyond this is its own; how much this one costs more with more clients is the machine's and the kernel's.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "raw-server.h"

enum { INPUT_SIZE = 4096, HEAD_SIZE = 256, MAX_EVENTS = 512, MAX_FILES = 100 };

typedef struct {
  char name[64]; /* with the slash in front */
  size_t name_length;
  char *body;
  size_t length;
  char head[HEAD_SIZE];
  size_t head_length;
} file;

typedef struct {
  const file *sending; /* NULL: nothing is under way */
  size_t sent;         /* of head and body */
} connection;

static int epoll_fd;
static connection *connections; /* indexed by file descriptor */
static size_t connection_limit;
static file files[MAX_FILES];
static int file_count;

static void load_files(const char *directory) {
  DIR *listing = opendir(directory);
  if (!listing) die(directory);
  for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
    int fd = openat(dirfd(listing), entry->d_name, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) die(entry->d_name);
    if (S_ISREG(about.st_mode) && strlen(entry->d_name) < sizeof files[0].name - 1) {
      if (file_count == MAX_FILES) {
        fprintf(stderr, "raw-files: at most %d files\n", MAX_FILES);
        exit(2);
      }
      file *f = &files[file_count++];
      f->name_length = (size_t)sprintf(f->name, "/%s", entry->d_name);
      f->length = (size_t)about.st_size;
      f->body = malloc(f->length);
      if (!f->body || read(fd, f->body, f->length) != (ssize_t)f->length) die(entry->d_name);
    }
    close(fd);
  }
  closedir(listing);
}

/* A head in the middle of being sent keeps its length: only the digits of the date change. */
static void refresh_heads(void) {
  static time_t second;
  static char date[DATE_SIZE];
  if (!new_date(date, &second)) return;
  for (file *f = files; f < files + file_count; f++) {
    f->head_length = (size_t)snprintf(f->head, HEAD_SIZE,
                                      "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                                      "Content-Length: %zu\r\nDate: %s\r\n\r\n",
                                      f->length, date);
  }
}

static void close_connection(int fd) {
  connections[fd] = (connection){0};
  close(fd);
}

/* The file that is asked for by a complete request, or NULL. */
static const file *requested(const char *data, size_t length) {
  if (length < 8 || memcmp(data, "GET ", 4) != 0 || memcmp(data + length - 4, "\r\n\r\n", 4) != 0) return NULL;
  const char *path = data + 4;
  const char *end = memchr(path, ' ', length - 4);
  if (!end) return NULL;
  for (const file *f = files; f < files + file_count; f++) {
    if (f->name_length == (size_t)(end - path) && memcmp(f->name, path, f->name_length) == 0) return f;
  }
  return NULL;
}

/* Sends what is left, as far as it goes; false when the connection is broken. */
static bool send_on(connection *c, int fd) {
  const file *f = c->sending;
  const size_t total = f->head_length + f->length;
  while (c->sent < total) {
    const size_t head_left = c->sent < f->head_length ? f->head_length - c->sent : 0;
    const size_t body_sent = head_left > 0 ? 0 : c->sent - f->head_length;
    struct iovec parts[2] = {{(char *)f->head + f->head_length - head_left, head_left},
                             {f->body + body_sent, f->length - body_sent}};
    struct msghdr message = {.msg_iov = parts + (head_left == 0), .msg_iovlen = 1 + (head_left > 0)};
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    c->sent += (size_t)sent;
  }
  *c = (connection){0};
  return true;
}

static void serve(int fd, unsigned events) {
  static char input[INPUT_SIZE];
  connection *c = &connections[fd];
  if (c->sending && !send_on(c, fd)) {
    close_connection(fd);
    return;
  }
  while (!c->sending) {
    ssize_t received = recv(fd, input, sizeof input, 0);
    if (received <= 0) {
      if (received == 0 || errno != EAGAIN) close_connection(fd);
      return;
    }
    c->sending = requested(input, (size_t)received);
    if (!c->sending || !send_on(c, fd)) {
      close_connection(fd);
      return;
    }
    /* A short recv means that the socket is drained, and that another event will come. */
    if ((size_t)received < sizeof input && !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) return;
  }
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: raw-files PORT DIRECTORY\n");
    return 2;
  }
  connection_limit = raise_file_limit();
  connections = calloc(connection_limit, sizeof *connections);
  if (!connections) die("calloc");
  load_files(argv[2]);
  int listener = listen_on(atoi(argv[1]));
  epoll_fd = watch_listener(listener);
  for (;;) {
    static struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    refresh_heads();
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == listener) accept_all(listener, epoll_fd, connection_limit);
      else serve(events[i].data.fd, events[i].events);
    }
  }
}
