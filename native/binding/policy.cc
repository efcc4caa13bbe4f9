// Scheduling policies: setting one, and the side that an application's policy is decided from.
#include "../sched/policy.h"
#include "../sched/share.h"
#include "../sched/shortest_remaining.h"
#include "../sched/upcoming.h"

#include "values.h"

namespace stackful::binding {
namespace {

sched::Scheduler& scheduler() {
  return Runtime::current()->scheduler();
}

int64_t nanosecondsAt(const Info& info, int index) {
  return static_cast<int64_t>(numberAt(info, index) * 1e6);
}

// setPolicy(kind, allowance of borrowed virtual time, or patience of shortest remaining time first, in ms)
void setPolicy(const Info& info) {
  const auto kind = static_cast<sched::PolicyKind>(intAt(info, 0));
  if (kind == sched::PolicyKind::kBorrowedVirtualTime) {
    scheduler().borrowVirtualTime(nanosecondsAt(info, 1));
  } else if (kind == sched::PolicyKind::kShortestRemaining) {
    scheduler().runShortestFirst(nanosecondsAt(info, 1));
  } else {
    scheduler().setPolicy(sched::makePolicy(kind));
  }
}

// nameSpawned(slot, function): jobs are alike whose functions stand at the same place.
void nameSpawned(const Info& info) {
  sched::ShortestRemaining* shortest = scheduler().shortest();
  const sched::Coroutine* c = scheduler().at(static_cast<uint32_t>(intAt(info, 0)));
  if (!shortest || !c) return;
  v8::Local<v8::Function> function = info[1].As<v8::Function>();
  const auto script = static_cast<uint64_t>(static_cast<uint32_t>(function->ScriptId()));
  const auto line = static_cast<uint64_t>(static_cast<uint32_t>(function->GetScriptLineNumber()));
  const auto column = static_cast<uint64_t>(static_cast<uint32_t>(function->GetScriptColumnNumber()));
  shortest->name(c, (script + 1) << 32 ^ line << 12 ^ column);
}

// nameJob(kind): that of the running coroutine, a number below 2^32.
void nameJob(const Info& info) {
  sched::ShortestRemaining* shortest = scheduler().shortest();
  const sched::Coroutine* self = scheduler().running();
  if (shortest && self) shortest->name(self, static_cast<uint64_t>(numberAt(info, 0)));
}

// expectWork(ms): so much remains of the running coroutine's job. 0, or kNotInCoroutine.
void expectWork(const Info& info) {
  scheduler().expectWork(nanosecondsAt(info, 0));
  info.GetReturnValue().Set(scheduler().running() ? 0 : kNotInCoroutine);
}

// makeShare(weight, warp, warp limit, unwarp time, is a group): its number. Times in ms.
void makeShare(const Info& info) {
  const sched::ShareTerms terms{numberAt(info, 0), nanosecondsAt(info, 1), nanosecondsAt(info, 2),
                                nanosecondsAt(info, 3)};
  returnInt(info, static_cast<int32_t>(scheduler().shares().make(terms, boolAt(info, 4)).number));
}

sched::Share* shareAt(const Info& info, int index) {
  return scheduler().shares().numbered(static_cast<uint32_t>(intAt(info, index)));
}

// joinShare(slot, share)
void joinShare(const Info& info) {
  sched::Coroutine* c = scheduler().at(static_cast<uint32_t>(intAt(info, 0)));
  sched::Share* share = shareAt(info, 1);
  if (c && share) scheduler().joinShare(c, *share);
}

// releaseShare(share): the caller names it no more; whether coroutines still have it.
void releaseShare(const Info& info) {
  if (!Runtime::current()) return;
  sched::Share* share = shareAt(info, 0);
  if (!share) return;
  scheduler().shares().release(*share);
  info.GetReturnValue().Set(share->owners > 0);
}

// shareRan(share): how long its coroutines have run under borrowed virtual time, in ms.
void shareRan(const Info& info) {
  const sched::Share* share = shareAt(info, 0);
  info.GetReturnValue().Set(share ? static_cast<double>(share->ran()) / 1e6 : 0.0);
}

// shareStates(shares): for each of these weight, ms that its coroutines have run, and effective virtual time in ms; a Float64Array. All 0
// for one that is no group, or no longer one.
void shareStates(const Info& info) {
  const Bytes numbers = bytesAt(info, 0);
  std::vector<double> states;
  for (size_t i = 0; i < numbers.size / sizeof(int32_t); ++i) {
    const auto number = static_cast<uint32_t>(reinterpret_cast<const int32_t*>(numbers.data)[i]);
    const sched::Share* share = scheduler().shares().numbered(number);
    if (!share || share->owners == 0 || !share->inheritable) {
      states.insert(states.end(), {0, 0, 0});
      continue;
    }
    states.insert(states.end(), {share->weight(), static_cast<double>(share->ran()) / 1e6,
                                 static_cast<double>(share->effective() / sched::kFraction) / 1e6});
  }
  returnNumbers(info, states);
}

// readyNow(most): how many are ready, and for each of the first that are ready, in the order in which they would run, slot, kind of the last park, ms
// that it has been ready, sched::Why, and its six numbers; a Float64Array. So many others an application's policy may hold.
void readyNow(const Info& info) {
  const auto most = static_cast<size_t>(intAt(info, 0));
  const int64_t now = sched::monotonicNow();
  std::vector<sched::Upcoming> found(most);
  size_t count = scheduler().upcoming(found.data(), most);
  count += scheduler().heldByChooser(found.data() + count, most - count);
  std::vector<double> numbers{static_cast<double>(scheduler().readyLength())};
  for (size_t i = 0; i < count; ++i) {
    const sched::Coroutine* c = found[i].coroutine;
    numbers.insert(numbers.end(), {static_cast<double>(c->slot), static_cast<double>(c->parkKind),
                                   static_cast<double>(scheduler().parkedFor(c, now)) / 1e6,
                                   static_cast<double>(found[i].why)});
    numbers.insert(numbers.end(), std::begin(found[i].numbers), std::end(found[i].numbers));
  }
  returnNumbers(info, numbers);
}

// becomeChooser(): the running coroutine chooses the next one to run from now on; 0 or a code.
void becomeChooser(const Info& info) {
  info.GetReturnValue().Set(scheduler().becomeChooser());
}

// takeReady(into): puts (slot, kind of the last park) of those that have become ready into an Int32Array, and returns how
// many; as many as have room mean that there may be more.
void takeReady(const Info& info) {
  sched::Chosen* chosen = scheduler().chosen();
  const Bytes into = bytesAt(info, 0);
  auto* out = reinterpret_cast<int32_t*>(into.data);
  const auto room = static_cast<int32_t>(into.size / (2 * sizeof(int32_t)));
  int32_t count = 0;
  while (chosen && count < room) {
    const sched::Coroutine* c = chosen->take();
    if (!c) break;
    out[2 * count] = static_cast<int32_t>(c->slot);
    out[2 * count + 1] = static_cast<int32_t>(c->parkKind);
    ++count;
  }
  info.GetReturnValue().Set(count);
}

// chooseNext(slot): runs that coroutine; -1 runs none, as long as none is ready. Returns 0 when there is a coroutine
// to choose again, or a code. Parks.
void chooseNext(const Info& info) {
  info.GetReturnValue().Set(scheduler().chooseNext(scheduler().at(static_cast<uint32_t>(intAt(info, 0)))));
}

// parkKindName(kind): what parkedOn begins with; "" for kNone.
void parkKindName(const Info& info) {
  info.GetReturnValue().Set(
      asciiString(info.GetIsolate(), sched::parkKindName(static_cast<sched::ParkKind>(intAt(info, 0)))));
}

}  // namespace

void definePolicy(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "setPolicy", setPolicy);
  define(context, exports, "nameSpawned", nameSpawned);
  define(context, exports, "nameJob", nameJob);
  define(context, exports, "expectWork", expectWork);
  define(context, exports, "makeShare", makeShare);
  define(context, exports, "joinShare", joinShare);
  define(context, exports, "releaseShare", releaseShare);
  define(context, exports, "shareRan", shareRan);
  define(context, exports, "shareStates", shareStates);
  define(context, exports, "readyNow", readyNow);
  define(context, exports, "becomeChooser", becomeChooser);
  define(context, exports, "takeReady", takeReady);
  define(context, exports, "chooseNext", chooseNext);
  define(context, exports, "parkKindName", parkKindName);
}

}  // namespace stackful::binding
