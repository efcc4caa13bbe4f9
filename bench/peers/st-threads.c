/* st-threads FILE THREADS SECONDS: the handler of subjects/threads.mjs in threads of State Threads, which give way after
 * each read by sleeping for no time: the library has no other way for a thread to let others run. */
#include "reading.h"

#include <st.h>

static void *serve(void *unused) {
  (void)unused;
  while (!over) {
    serve_one();
    st_usleep(0);
  }
  return NULL;
}

int main(int argc, char **argv) {
  prepare(argc, argv);
  if (st_set_eventsys(ST_EVENTSYS_ALT) != 0 || st_init() != 0) fail("st_init");
  for (long i = 0; i < threads; i++) {
    if (!st_thread_create(serve, NULL, 0, 32 * 1024)) fail("st_thread_create");
  }
  while (!over) st_usleep(0);
  report("st-switching");
  fflush(stdout);
  _exit(0);
}
