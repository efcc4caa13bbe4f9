// An open-loop load generator for HTTP/1.1: requests are sent when they are due, answered or not as those before may be,
// and latency counts from the moment a request was due. So a server that stands still for a second gets a second's
// requests afterwards, and each shows how long it waited: no coordinated omission.
//
//   open-loop PORT TIMEOUT_MS MOST_CONNECTIONS RATE:SECONDS [RATE:SECONDS ...]
//   open-loop PORT TIMEOUT_MS CONNECTIONS closed:SECONDS      as many requests as those connections take: the capacity
//
// Behind a phase may stand what it asks for: RATE:SECONDS:cpu=8,disk=1 asks for /cpu eight times as often as for /disk, at random.
//
// Requests are due at random moments (exponential intervals, a fixed seed). Each takes an idle connection or opens one;
// without one to be had it has failed ("unsent"). One that is not answered in time has failed, too, and its connection
// is closed, as a client that gives up does. Prints one line of JSON: for every phase the counts and the latencies of
// answers with status 200, and "buckets", 100 ms each by the time requests were due: [due, ok, refused, failed].
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kMostPaths = 8, kMostPhases = 16, kMostBuckets = 4096, kSamples = 1 << 20, kReply = 4096 };

struct Path {
  double upTo;  // of a random number below 1
  long due, ok;
  char name[32], request[128];
};
struct Phase {
  double rate, seconds;
  struct Path paths[kMostPaths];
  int pathCount;
  long due, ok, refused, timeout, error, unsent, samples;
  float *latency;
};
struct Connection {
  int fd, phase, path, bucket;
  char connecting, busy;
  size_t have;
  double due, begun;
  int next;  // idle, or free
  int older, newer;
  char reply[kReply];
};

static struct Phase phases[kMostPhases];
static int phaseCount, closedLoop;
static long buckets[kMostBuckets][4];
static struct Connection *connections;
static int most, idleList = -1, freeList = -1, oldest = -1, newest = -1, poller;
static struct sockaddr_in server;
static double timeout, start;
static uint64_t seed = 88172645463325252ull;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static double randomPart(void) {
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return (double)((seed >> 11) + 1) / 9007199254740993.0;
}
static double randomInterval(double rate) { return -log(randomPart()) / rate; }
static void addPath(struct Phase *p, const char *name, int length, double weight) {
  if (p->pathCount == kMostPaths) exit(2);
  struct Path *path = &p->paths[p->pathCount++];
  path->upTo = (p->pathCount > 1 ? path[-1].upTo : 0) + weight;
  snprintf(path->name, sizeof path->name, "%.*s", length, name);
  snprintf(path->request, sizeof path->request, "GET /%s HTTP/1.1\r\nHost: bench\r\n\r\n", path->name);
}
// "cpu=8,disk=1"; null: the root.
static void addPaths(struct Phase *p, const char *mix) {
  while (mix && *mix) {
    const char *weight = strchr(mix, '=');
    if (!weight) exit(2);
    char *end;
    double value = strtod(weight + 1, &end);
    addPath(p, mix, (int)(weight - mix), value);
    mix = *end == ',' ? end + 1 : end;
  }
  if (p->pathCount == 0) addPath(p, "", 0, 1);
}
static int choosePath(struct Phase *p) {
  if (p->pathCount == 1) return 0;
  double at = randomPart() * p->paths[p->pathCount - 1].upTo;
  int i = 0;
  while (i < p->pathCount - 1 && at > p->paths[i].upTo) i++;
  return i;
}
static void unlinkBusy(int i) {
  struct Connection *c = &connections[i];
  if (c->older >= 0) connections[c->older].newer = c->newer; else oldest = c->newer;
  if (c->newer >= 0) connections[c->newer].older = c->older; else newest = c->older;
}
static void linkBusy(int i) {
  struct Connection *c = &connections[i];
  c->older = newest, c->newer = -1;
  if (newest >= 0) connections[newest].newer = i; else oldest = i;
  newest = i;
}
static void closeConnection(int i) {
  close(connections[i].fd);
  connections[i].fd = -1;
  connections[i].next = freeList;
  freeList = i;
}
enum Outcome { kOk = 1, kRefused, kError, kTimeout };
static void finish(int i, enum Outcome outcome) {
  struct Connection *c = &connections[i];
  struct Phase *p = &phases[c->phase];
  unlinkBusy(i);
  c->busy = 0;
  if (outcome == kOk) {
    p->ok++;
    p->paths[c->path].ok++;
    if (p->samples < kSamples) p->latency[p->samples++] = (float)(now() - c->due);
  } else if (outcome == kRefused) p->refused++;
  else if (outcome == kTimeout) p->timeout++;
  else p->error++;
  buckets[c->bucket][outcome < kError ? (int)outcome : 3]++;
}
static void fail(int i, enum Outcome outcome) {
  finish(i, outcome);
  closeConnection(i);
}
static int sendRequest(int i) {
  connections[i].have = 0;
  const char *request = phases[connections[i].phase].paths[connections[i].path].request;
  size_t length = strlen(request);
  return send(connections[i].fd, request, length, MSG_NOSIGNAL) == (ssize_t)length;
}
static int openConnection(void) {
  int i = freeList;
  if (i < 0) return -1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  if (fd < 0) return -1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, (struct sockaddr *)&server, sizeof server) != 0 && errno != EINPROGRESS) {
    close(fd);
    return -1;
  }
  freeList = connections[i].next;
  connections[i].fd = fd;
  connections[i].connecting = 1;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = (uint32_t)i};
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
  return i;
}
static void issue(int phase, double due) {
  int bucket = (int)((due - start) * 10);
  if (bucket >= kMostBuckets) bucket = kMostBuckets - 1;
  int path = choosePath(&phases[phase]);
  phases[phase].due++;
  phases[phase].paths[path].due++;
  buckets[bucket][0]++;
  int i = idleList;
  if (i >= 0) idleList = connections[i].next; else i = openConnection();
  if (i < 0) {
    phases[phase].unsent++;
    buckets[bucket][3]++;
    return;
  }
  struct Connection *c = &connections[i];
  c->phase = phase, c->path = path, c->bucket = bucket, c->due = due, c->begun = now(), c->busy = 1;
  linkBusy(i);
  if (!c->connecting && !sendRequest(i)) fail(i, kError);
}
// The whole answer's length, or 0 when it is not complete; -1 when it is none.
static long answerLength(struct Connection *c) {
  c->reply[c->have] = 0;
  char *end = strstr(c->reply, "\r\n\r\n");
  if (!end) return c->have >= kReply - 1 ? -1 : 0;
  char *length = strcasestr(c->reply, "content-length:");
  if (!length || length > end) return -1;
  long total = end + 4 - c->reply + atol(length + 15);
  return total > kReply - 1 ? -1 : (long)c->have >= total ? total : 0;
}
static void handle(int i, uint32_t events, double end) {
  struct Connection *c = &connections[i];
  if (c->fd < 0) return;
  if (c->connecting && (events & EPOLLOUT)) {
    int error = 0;
    socklen_t n = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error || !sendRequest(i)) return fail(i, kError);
    c->connecting = 0;
  }
  if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) return;
  for (;;) {
    ssize_t n = recv(c->fd, c->reply + c->have, kReply - 1 - c->have, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      if (c->busy) return fail(i, kError);
      // Idle, and closed by the server: out of the list of those that can be used.
      for (int *p = &idleList; *p >= 0; p = &connections[*p].next) {
        if (*p == i) { *p = c->next; break; }
      }
      return closeConnection(i);
    }
    c->have += (size_t)n;
    long total = answerLength(c);
    if (total < 0 || (total > 0 && !c->busy)) return fail(i, kError);
    if (total == 0) continue;
    int status = atoi(c->reply + 9), phase = c->phase;
    finish(i, status == 200 ? kOk : status == 503 ? kRefused : kError);
    if (strcasestr(c->reply, "connection: close")) return closeConnection(i);
    c->next = idleList, idleList = i, c->have = 0;
    if (closedLoop && now() < end) issue(phase, now());
    return;
  }
}
static int compare(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}
int main(int argc, char **argv) {
  if (argc < 5) return 2;
  server.sin_family = AF_INET, server.sin_port = htons((uint16_t)atoi(argv[1]));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  timeout = atof(argv[2]) / 1e3, most = atoi(argv[3]);
  connections = calloc((size_t)most, sizeof *connections);
  for (int i = most - 1; i >= 0; i--) connections[i].fd = -1, connections[i].next = freeList, freeList = i;
  poller = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 4; i < argc && phaseCount < kMostPhases; i++, phaseCount++) {
    struct Phase *p = &phases[phaseCount];
    closedLoop |= strncmp(argv[i], "closed:", 7) == 0;
    char *seconds = strchr(argv[i], ':') + 1, *mix = strchr(seconds, ':');
    p->rate = atof(argv[i]), p->seconds = atof(seconds);
    addPaths(p, mix ? mix + 1 : NULL);
    p->latency = malloc(sizeof(float) * kSamples);
  }
  start = now();
  double end = start;
  for (int i = 0; i < phaseCount; i++) end += phases[i].seconds;
  int phase = 0;
  double phaseEnd = start + phases[0].seconds, next = start;
  if (closedLoop) for (int i = 0; i < most; i++) issue(0, now());
  else next += randomInterval(phases[0].rate);
  for (;;) {
    double t = now();
    while (!closedLoop && phase < phaseCount && next <= t) {
      if (next >= phaseEnd) {
        next = phaseEnd;
        if (++phase < phaseCount) phaseEnd += phases[phase].seconds, next += randomInterval(phases[phase].rate);
        continue;
      }
      issue(phase, next);
      next += randomInterval(phases[phase].rate);
    }
    while (oldest >= 0 && t - connections[oldest].begun > timeout) fail(oldest, kTimeout);
    if (t >= end && oldest < 0) break;
    struct epoll_event events[256];
    int n = epoll_wait(poller, events, 256, closedLoop || phase >= phaseCount || next - t > 0.002 ? 1 : 0);
    for (int i = 0; i < n; i++) handle((int)events[i].data.u32, events[i].events, end);
  }
  printf("{\"phases\":[");
  for (int i = 0; i < phaseCount; i++) {
    struct Phase *p = &phases[i];
    qsort(p->latency, (size_t)p->samples, sizeof(float), compare);
    double p50 = p->samples ? p->latency[p->samples / 2] : 0, p99 = p->samples ? p->latency[p->samples * 99 / 100] : 0;
    printf("%s{\"rate\":%g,\"seconds\":%g,\"due\":%ld,\"ok\":%ld,\"refused\":%ld,\"timeout\":%ld,\"error\":%ld,\"unsent\":%ld,"
           "\"p50\":%.6f,\"p99\":%.6f,\"paths\":{", i ? "," : "", p->rate, p->seconds, p->due, p->ok, p->refused, p->timeout,
           p->error, p->unsent, p50, p99);
    for (int j = 0; j < p->pathCount; j++)
      printf("%s\"%s\":[%ld,%ld]", j ? "," : "", p->paths[j].name, p->paths[j].due, p->paths[j].ok);
    printf("}}");
  }
  printf("],\"buckets\":[");
  int last = (int)((end - start) * 10 + 0.5);
  for (int i = 0; i < last && i < kMostBuckets; i++)
    printf("%s[%ld,%ld,%ld,%ld]", i ? "," : "", buckets[i][0], buckets[i][1], buckets[i][2], buckets[i][3]);
  printf("]}\n");
  return 0;
}
