#include "discovery.h"

#include "search.h"
#include "template_thread.h"

namespace stackful::engine {

// Later parts rely on what earlier ones found.
bool Search::run() {
  found_.isolate = base_;
  if (!isolateSize() || !stackGuard() || !threadTop() || !handleData() || !implementer() || !manager() ||
      !stackStarts() || !relocatable() || !shutdownList() || !asyncContext()) {
    return false;
  }
  const char* problem = captureTemplate(isolate_, found_);
  return problem ? fail(problem) : true;
}

bool discover(v8::Isolate* isolate, Discovery& found, std::string& reason) {
  return Search(isolate, found, reason).run();
}

}  // namespace stackful::engine
