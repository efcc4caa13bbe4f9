// The end of what each environment has one of.
#pragma once

#include <node.h>
#include <v8.h>

namespace stackful::binding {

// Deletes `Table::current`, if there is one by then, when this environment ends. Environments undo such calls in the reverse order: what
// is started later, as the runtime is, has gone before.
template <class Table>
void deleteAtEnvironmentEnd() {
  static thread_local bool watched = false;
  if (watched) return;
  watched = true;
  node::AddEnvironmentCleanupHook(
      v8::Isolate::GetCurrent(),
      [](void*) {
        delete Table::current;
        Table::current = nullptr;
        watched = false;
      },
      nullptr);
}

}  // namespace stackful::binding
