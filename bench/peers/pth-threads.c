/* pth-threads FILE THREADS SECONDS: the handler of subjects/threads.mjs in threads of GNU Pth, which give way after each
 * read: left alone they never would. */
#include "reading.h"

#define PTH_SYSCALL_SOFT 0
#include <pth.h>

static void *serve(void *unused) {
  (void)unused;
  pth_yield(NULL);
  while (!over) {
    serve_one();
    pth_yield(NULL);
  }
  return NULL;
}

int main(int argc, char **argv) {
  prepare(argc, argv);
  pth_init();
  pth_attr_t attributes = pth_attr_new();
  pth_attr_set(attributes, PTH_ATTR_STACK_SIZE, 32 * 1024);
  pth_t *all = malloc((size_t)threads * sizeof *all);
  if (!all) fail("malloc");
  for (long i = 0; i < threads; i++) {
    all[i] = pth_spawn(attributes, serve, NULL);
    if (!all[i]) fail("pth_spawn");
  }
  while (!over) pth_yield(NULL);
  report("pth-switching");
  /* Not joined: with many threads that takes longer than the measurement. */
  fflush(stdout);
  _exit(0);
}
