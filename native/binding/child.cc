// Child processes. JavaScript knows them by numbers, and their pipes as sockets.
#include <unistd.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "../child/children.h"
#include "buffers.h"
#include "environment_end.h"
#include "net.h"
#include "text.h"

namespace stackful::binding {
namespace {

using child::Child;

struct ChildTable {
  static thread_local ChildTable* current;
  child::Children children{Runtime::current()->poller(), Runtime::current()->pool()};
  std::unordered_map<int32_t, Child*> byNumber;
  int32_t last = 0;

  ~ChildTable() {
    // Nothing on the stacks of those that still wait runs again.
    for (auto& [number, one] : byNumber) {
      one->process->owner = nullptr;
      one->process->release();
      delete one;
    }
  }

  int32_t add(Child* one) {
    do {
      last = last == INT32_MAX ? 1 : last + 1;
    } while (byNumber.contains(last));
    byNumber.emplace(last, one);
    return last;
  }
};
thread_local ChildTable* ChildTable::current = nullptr;

// Null for one that has been freed.
Child* childAt(const Info& info) {
  if (!ChildTable::current) return nullptr;
  const auto found = ChildTable::current->byNumber.find(intAt(info, 0));
  return found == ChildTable::current->byNumber.end() ? nullptr : found->second;
}

ChildTable* table() {
  if (ChildTable::current) return ChildTable::current;
  // The poller may be asked once more after the table has gone.
  if (!Runtime::current()->poller().addDrain(
          [](void*) {
            if (ChildTable::current) ChildTable::current->children.drain();
          },
          nullptr)) {
    return nullptr;
  }
  return ChildTable::current = new ChildTable;
}

// All of it; zeros inside stay.
std::string utf8(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  v8::Local<v8::String> text = value.As<v8::String>();
  std::string out(utf8Length(isolate, text), '\0');
  writeUtf8(isolate, text, out.data(), out.size());
  return out;
}

std::string ownEnvironment() {
  std::string out;
  for (char** one = environ; one && *one; ++one) {
    out += *one;
    out += '\0';
  }
  return out;
}

constexpr uint32_t kPerDescriptor = 3;
constexpr int32_t kSocketOfOurs = 4;  // behind the kinds of child::Stdio

std::vector<child::StdioPlan> stdioAt(const Info& info, int i) {
  const std::vector<int32_t> numbers = numbersOf(info[i]);
  std::vector<child::StdioPlan> out;
  std::unordered_map<int32_t, int> taken;  // a socket may be several of the child's descriptors
  for (size_t k = 0; k + kPerDescriptor <= numbers.size(); k += kPerDescriptor) {
    child::StdioPlan plan{static_cast<child::Stdio>(numbers[k]), numbers[k + 1], numbers[k + 2] != 0};
    if (numbers[k] == kSocketOfOurs) {
      const auto [found, first] = taken.emplace(numbers[k + 1], -EBADF);
      net::Socket* socket = first ? Net::current->sockets.remove(numbers[k + 1]) : nullptr;
      if (socket) found->second = net::detach(socket);
      if (socket && found->second < 0) net::close(socket);
      plan = {child::Stdio::kDescriptor, found->second, true, first};
    }
    out.push_back(plan);
  }
  return out;
}

// childStart(file, arguments, environment, directory, uid, gid, group, stdio): [child, pid, socket or -1 for each
// descriptor], or a code. Arguments and environment are strings with a zero behind each; environment undefined: that of the
// process. Stdio: an Int32Array, for each descriptor a child::Stdio, the descriptor, and 1 to make it blocking; or 4 and a
// socket, which is the child's from then on, and closed here. Parks.
void start(const Info& info) {
  ChildTable* all = table();
  if (!all) return returnInt(info, -ENOMEM);
  v8::Isolate* isolate = info.GetIsolate();
  child::Launch launch;
  launch.file = utf8(isolate, info[0]);
  launch.arguments = utf8(isolate, info[1]);
  launch.environment = info[2]->IsString() ? utf8(isolate, info[2]) : ownEnvironment();
  launch.directory = utf8(isolate, info[3]);
  launch.uid = static_cast<int64_t>(numberAt(info, 4));
  launch.gid = static_cast<int64_t>(numberAt(info, 5));
  launch.group = static_cast<child::Group>(intAt(info, 6));
  Child* one = nullptr;
  std::vector<net::Socket*> ends;
  if (const int error = all->children.start(launch, stdioAt(info, 7), one, ends))
    return returnInt(info, error);
  std::vector<v8::Local<v8::Value>> values{v8::Integer::New(isolate, all->add(one)),
                                           v8::Integer::New(isolate, one->process->pid())};
  for (net::Socket* socket : ends) {
    const int32_t number = socket ? Net::current->sockets.add(socket) : -1;
    if (socket && number < 0) net::close(socket);
    values.push_back(v8::Integer::New(isolate, number));
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, values.data(), values.size()));
}

// childWait(child, sockets, ms): 0 when it has ended, or one of the sockets may be ready, or one of the codes of
// netSelect, whose arguments these are. Parks.
void wait(const Info& info) {
  Child* one = childAt(info);
  if (!one) return returnInt(info, -ECHILD);
  std::vector<net::Side> sides;
  if (info[1]->IsInt32Array() && !sidesOf(info[1], sides)) return returnInt(info, 0);
  const sched::Deadline deadline = deadlineAfter(numberAt(info, 2));
  returnInt(info, ChildTable::current->children.waitWith(*one, sides.data(), sides.size(), deadline));
}

// childStatus(child): -1 while it runs; then its exit code plus 65536 times the signal that ended it, or -2 when
// nobody knows.
void status(const Info& info) {
  Child* one = childAt(info);
  child::Exit how;
  if (!one || !one->process->ended(&how)) return returnInt(info, -1);
  if (how.signal > 0) return returnInt(info, how.signal << 16);
  returnInt(info, how.code < 0 ? -2 : how.code);
}

// childKill(child, signal, group): 0 or a code. With `group`, all that are in the group that it leads; ESRCH when it
// leads none.
void kill(const Info& info) {
  Child* one = childAt(info);
  if (!one) return returnInt(info, -ESRCH);
  const int number = intAt(info, 1);
  if (!boolAt(info, 2)) return returnInt(info, one->process->signal(number));
  returnInt(info, one->process->leadsGroup() ? one->process->signalGroup(number) : -ESRCH);
}

// childFree(child): the process goes on.
void free(const Info& info) {
  Child* one = childAt(info);
  if (!one) return;
  ChildTable::current->byNumber.erase(intAt(info, 0));
  ChildTable::current->children.drop(one);
}

// childFeed(socket, view, offset): bytes written of those behind `offset`, at least one, or a code. Parks, but not when it
// is ready for writing.
void feed(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  const PinnedBytes bytes(info[1]);
  const auto offset = static_cast<size_t>(numberAt(info, 2));
  returnResult(info, net::writeSome(*s, bytes.data() + offset, bytes.size() - offset));
}

// childCloseEnd(socket): the end of the stream for the pipe's reader, behind what other coroutines are writing. 0 or
// a code. May park.
void closeEnd(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  if (const int result = net::awaitWrites(*s); result < 0) return returnResult(info, result);
  s = Net::current->sockets.remove(intAt(info, 0));
  if (s) net::close(s);
  Runtime::current()->schedule();
  returnInt(info, 0);
}

}  // namespace

void defineChild(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  deleteAtEnvironmentEnd<ChildTable>();
  define(context, exports, "childStart", start);
  define(context, exports, "childWait", wait);
  define(context, exports, "childStatus", status);
  define(context, exports, "childKill", kill);
  define(context, exports, "childFree", free);
  define(context, exports, "childFeed", feed);
  define(context, exports, "childCloseEnd", closeEnd);
}

}  // namespace stackful::binding
