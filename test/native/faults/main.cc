// Makes every system call of native/net, http, disk, child, sched and stack, and every allocation that may fail, fail one at a
// time: in each scenario each call that it makes, at each place (up to a limit), with each error the kernel may give
// there. After each failure every coroutine must end; the error must come back to a caller, or everything be done all
// the same; no wrong result may pass for right; no descriptor and no memory (address sanitizer) may leak. Each trial
// runs in a process of its own, because it may hang or crash.
//
// native_faults [SCENARIO [CALL [NTH ERRNO]]]
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../../../native/child/process.h"
#include "inject.h"
#include "scenarios.h"

using namespace stackful::faults;

extern "C" int __lsan_do_recoverable_leak_check() __attribute__((weak));
extern "C" int __asan_report_present() __attribute__((weak));

namespace {

// A call in a loop fails at the same place again and again.
constexpr unsigned kPlaces = 12;
constexpr unsigned kSecondsATrial = 20;

int openDescriptors() {
  int n = 0;
  for (int fd = 0; fd < 1024; ++fd) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

// The descriptors above those that a child begins with, and what they are of.
std::string openNow() {
  std::string all;
  for (int fd = 0; fd < 1024; ++fd) {
    char target[256] = {};
    if (readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target, sizeof target - 1) > 0)
      all += std::string(" ") + target;
  }
  return all;
}

// In the child: empty, or what was wrong.
std::string tryOne(const Scenario& scenario, size_t call, unsigned nth, int error) {
  // The reaper of children keeps two descriptors for ever.
  stackful::child::prepareReaper();
  const int before = openDescriptors();
  arm(call, nth, error);
  const Outcome outcome = scenario.run();
  disarm();
  if (!fired()) return "";  // threads came in another order
  std::string codes;
  bool surfaced = false;
  for (int code : outcome.codes) {
    codes += " " + std::to_string(code);
    surfaced = surfaced || code == -error || code == 0;
  }
  if (!outcome.ended) return "a coroutine never ended;" + codes;
  if (!outcome.wrong.empty()) return outcome.wrong;
  // On the other side the failure shows as another error.
  if (!outcome.complete && outcome.codes.empty()) return "not done, and no call returned an error";
  if (!outcome.complete && error == EINTR) return "a signal in between was told the caller:" + codes;
  if (!outcome.complete && !surfaced) return "the error did not come out, only" + codes;
  int after = openDescriptors();
  // A thread of the pool may still hold what it was given.
  for (int wait = 0; after != before && wait < 200; ++wait, after = openDescriptors()) usleep(10'000);
  if (after != before) return std::to_string(after - before) + " descriptors are left of" + openNow();
  if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check()) return "memory is left";
  return "";
}

// The exit of a child: 0, or something printed.
bool inChild(const Scenario& scenario, size_t call, unsigned nth, int error) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    alarm(kSecondsATrial);
    const std::string wrong = tryOne(scenario, call, nth, error);
    if (!wrong.empty())
      printf("  %s, %s number %u fails with %s: %s\n", scenario.name, calls[call].name, nth,
             strerrorname_np(error), wrong.c_str());
    fflush(stdout);
    // Another thread is writing its report, and ends the process after it.
    while (__asan_report_present && __asan_report_present()) usleep(10'000);
    _exit(wrong.empty() ? 0 : 1);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFSIGNALED(status) || WEXITSTATUS(status) > 1) {
    printf("  %s, %s number %u fails with %s: %s %d\n", scenario.name, calls[call].name, nth,
           strerrorname_np(error), WIFSIGNALED(status) ? "signal" : "exit code",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  }
  return status == 0;
}

// How often each call is made when nothing fails; an empty list if that alone goes wrong.
std::vector<unsigned> count(const Scenario& scenario) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    alarm(kSecondsATrial);
    arm(0, 0, 0);
    const Outcome outcome = scenario.run();
    disarm();
    if (!outcome.complete) {
      printf("  %s, with nothing made to fail: %s %s", scenario.name, outcome.ended ? "ended," : "stuck,",
             outcome.wrong.c_str());
      for (int code : outcome.codes) printf(" %d", code);
      printf("\n");
      fflush(stdout);
    }
    for (size_t i = 0; outcome.complete && i < callCount; ++i) {
      const unsigned n = made(i);
      if (write(ends[1], &n, sizeof n) != sizeof n) _exit(1);
    }
    _exit(0);
  }
  close(ends[1]);
  std::vector<unsigned> result;
  for (unsigned n; read(ends[0], &n, sizeof n) == sizeof n;) result.push_back(n);
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return result.size() == callCount ? result : std::vector<unsigned>{};
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);  // as in Node
  doctest::Context context;  // the harness of the other tests checks what it does
  context.setAsDefaultForAssertsOutOfTestCases();
  unsigned trials = 0, failures = 0;
  std::vector<bool> met(callCount);
  for (size_t s = 0; s < scenarioCount; ++s) {
    const Scenario& scenario = scenarios[s];
    if (argc > 1 && strcmp(argv[1], scenario.name) != 0) continue;
    const std::vector<unsigned> counts = count(scenario);
    if (counts.empty()) {
      printf("  %s does not work when nothing fails\n", scenario.name);
      ++failures;
      continue;
    }
    for (size_t call = 0; call < callCount; ++call) {
      if (argc > 2 && strcmp(argv[2], calls[call].name) != 0) continue;
      if (counts[call] > 0) met[call] = true;
      for (unsigned nth = 1; nth <= counts[call] && nth <= kPlaces; ++nth) {
        for (const int* error = calls[call].errors; *error; ++error) {
          if (argc > 4 &&
              (atoi(argv[3]) != static_cast<int>(nth) || strcmp(argv[4], strerrorname_np(*error)) != 0))
            continue;
          ++trials;
          failures += !inChild(scenario, call, nth, *error);
        }
      }
    }
  }
  std::string never;
  for (size_t call = 0; argc == 1 && call < callCount; ++call) {
    if (!met[call]) never += std::string(" ") + calls[call].name;
  }
  if (!never.empty()) printf("never made, so never failed:%s\n", never.c_str());
  printf("%u trials, %u failed\n", trials, failures);
  return failures == 0 && trials > 0 ? 0 : 1;
}
