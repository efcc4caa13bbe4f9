/* timer-events MS: what an event of a timer every 50 us costs, with the kernel's timers: a signal of setitimer in the middle of work,
 * and a timerfd that is armed, waited for and read. Prints samples. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { EVERY_US = 50 };

static volatile sig_atomic_t events;
static void on_alarm(int signal) {
  (void)signal;
  events++;
}

static double cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double wall(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static volatile uint64_t sink;
static void work(long units) {
  for (long u = 0; u < units; u++)
    for (int i = 0; i < 1000; i++) sink += (uint64_t)i;
}

static void print(const char *metric, double value, const char *unit, const char *end) {
  printf("{\"subject\":\"%s\",\"metric\":\"event_cpu_ns\",\"value\":%.3f,\"unit\":\"%s\"}%s", metric, value, unit, end);
}

/* CPU time of the same work with the signals and without, by event; parts take turns, because machines change their speed. */
static double with_signals(double ms) {
  double began = cpu();
  work(1000);
  const double unit = (cpu() - began) / 1000;
  const long units = (long)(ms * 1e6 / 20 / unit);
  double more = 0;
  struct sigaction action = {.sa_handler = on_alarm};
  sigaction(SIGALRM, &action, NULL);
  for (int part = 0; part < 20; part++) {
    const struct itimerval on = {{0, EVERY_US}, {0, EVERY_US}}, off = {{0, 0}, {0, 0}};
    if (part % 2) setitimer(ITIMER_REAL, &on, NULL);
    began = cpu();
    work(units);
    const double took = cpu() - began;
    setitimer(ITIMER_REAL, &off, NULL);
    more += part % 2 ? took : -took;
  }
  return more / (double)events;
}

static double with_descriptor(double ms) {
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), set = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(set, EPOLL_CTL_ADD, timer, &event);
  const double end = wall() + ms * 1e6, began = cpu();
  long count = 0;
  for (; wall() < end; count++) {
    const struct itimerspec at = {{0, 0}, {0, EVERY_US * 1000}};
    uint64_t expired;
    timerfd_settime(timer, 0, &at, NULL);
    epoll_wait(set, &event, 1, -1);
    if (read(timer, &expired, sizeof expired) != sizeof expired) return -1;
  }
  return (cpu() - began) / (double)count;
}

int main(int argc, char **argv) {
  const double ms = argc > 1 ? atof(argv[1]) : 1000;
  printf("[");
  print("setitimer", with_signals(ms), "ns", ",");
  print("timerfd", with_descriptor(ms), "ns", "]\n");
  return 0;
}
