// Channels between threads. JavaScript knows them by numbers of its own thread, and passes on a SharedArrayBuffer that keeps the
// channel as long as any thread has it.
#include <cerrno>
#include <cmath>
#include <memory>

#include "../channel/shared_channel.h"
#include "channel_message.h"
#include "environment_end.h"
#include "numbered.h"
#include "values.h"

namespace stackful::binding {
namespace {

using channel::Message;
using channel::SharedChannel;
using channel::Waiter;

// One that JavaScript of this thread has.
struct Opened {
  explicit Opened(SharedChannel* c) noexcept : channel(c) {}
  ~Opened() {
    for (; reserved > 0; --reserved) channel->giveUp();
    channel->release();
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  SharedChannel* const channel;
  uint32_t calls = 0;     // under way
  uint32_t reserved = 0;  // by calls that may never go on
  bool dropped = false;   // by JavaScript; the last call lets it go
};

// Of a `select`, which waits for other things as well.
struct Listening {
  int32_t opened;
  Waiter* waiter;
};

struct ChannelTable {
  static thread_local ChannelTable* current;
  channel::Inbox inbox;
  Numbered<Opened> opened;
  Numbered<Listening> listening;

  ~ChannelTable() {
    for (Opened* one : opened.all()) {
      if (one) one->channel->forget(inbox);
    }
  }
};
thread_local ChannelTable* ChannelTable::current = nullptr;

ChannelTable* table() {
  if (ChannelTable::current) return ChannelTable::current;
  auto made = std::make_unique<ChannelTable>();
  net::Poller& poller = Runtime::current()->poller();
  // The poller may be asked once more after the table has gone.
  auto drain = [](void*) {
    if (ChannelTable::current) ChannelTable::current->inbox.drain();
  };
  if (made->inbox.open(poller.signalFd(), Runtime::current()->scheduler()) < 0 ||
      !poller.addDrain(drain, nullptr))
    return nullptr;
  return ChannelTable::current = made.release();
}

Opened& openedAt(const Info& info) {
  return *ChannelTable::current->opened.at(intAt(info, 0));
}

void endCall(int32_t number, Opened& opened) {
  if (--opened.calls == 0 && opened.dropped)
    ChannelTable::current->opened.remove(static_cast<uint32_t>(number));
}

// While it lives, the channel stays open on this thread.
class Call {
 public:
  explicit Call(const Info& info) : number_(intAt(info, 0)), opened_(openedAt(info)) { ++opened_.calls; }
  ~Call() {
    endCall(number_, opened_);
    // It may have woken coroutines of this thread.
    Runtime::current()->schedule();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  Opened& operator*() const noexcept { return opened_; }
  SharedChannel* operator->() const noexcept { return opened_.channel; }

 private:
  const int32_t number_;
  Opened& opened_;
};

int32_t codeOf(SharedChannel::Result result) {
  return result == SharedChannel::Result::kDone     ? 0
         : result == SharedChannel::Result::kClosed ? -EPIPE
                                                    : -EAGAIN;
}

// Whether a message has come while this thread, which has nothing else to do, looked for one.
bool expects(const SharedChannel& channel) {
  channel::Inbox& inbox = ChannelTable::current->inbox;
  if (Runtime::current()->scheduler().readyLength() > 0 || !inbox.shouldExpect()) return false;
  const bool met = channel.expect();
  inbox.noteExpectation(met);
  return met;
}

// Tries until it need not wait. 0, -EPIPE, or what has ended the wait.
template <class Attempt>
int32_t waitUntil(SharedChannel& channel, sched::ParkKind kind, const Attempt& attempt) {
  sched::Scheduler& scheduler = Runtime::current()->scheduler();
  Waiter* const waiter = ChannelTable::current->inbox.waiterFor(scheduler.running());
  if (!waiter) return -ENOMEM;
  int32_t code = 0;
  for (;;) {
    const SharedChannel::Result result = attempt(waiter);
    if (result != SharedChannel::Result::kWouldWait) {
      code = codeOf(result);
      break;
    }
    code = scheduler.parkUntil({kind, -1, 0}, sched::kNoDeadline);
    channel.leave(*waiter, code < 0);
    if (code < 0) break;
  }
  ChannelTable::current->inbox.done(waiter);
  return code;
}

// channelCreate(capacity): a number, or a code. Capacity Infinity: as many as there is memory for.
void create(const Info& info) {
  ChannelTable* all = table();
  const double capacity = numberAt(info, 0);
  SharedChannel* made = all ? SharedChannel::create(capacity > 9e15 ? SharedChannel::kUnlimited
                                                                    : static_cast<uint64_t>(capacity))
                            : nullptr;
  if (!made) return returnInt(info, -ENOMEM);
  returnInt(info, all->opened.add(new Opened(made)));
}

// channelHandle(channel): a SharedArrayBuffer. Where its memory is says which channel it is, and it holds a reference to that.
void handle(const Info& info) {
  SharedChannel* channel = openedAt(info).channel;
  channel->retain();
  auto release = [](void*, size_t, void* held) { static_cast<SharedChannel*>(held)->release(); };
  info.GetReturnValue().Set(v8::SharedArrayBuffer::New(
      info.GetIsolate(), v8::SharedArrayBuffer::NewBackingStore(channel->handle(), SharedChannel::kHandleSize,
                                                                release, channel)));
}

// channelOpen(handle): a number, or -ENOENT: this is no handle of a channel.
void open(const Info& info) {
  ChannelTable* all = table();
  if (!all) return returnInt(info, -ENOMEM);
  const std::shared_ptr<v8::BackingStore> store = info[0].As<v8::SharedArrayBuffer>()->GetBackingStore();
  SharedChannel* channel = SharedChannel::find(store->Data());
  if (!channel) return returnInt(info, -ENOENT);
  returnInt(info, all->opened.add(new Opened(channel)));
}

// channelDrop(channel)
void drop(const Info& info) {
  Opened& opened = openedAt(info);
  opened.dropped = true;
  const Call last(info);
}

// channelSend(channel, value): parks until there is room: 0, -EPIPE, or what has ended the wait. Throws encodeMessage's error.
void send(const Info& info) {
  const Call call(info);
  Message* message = encodeMessage(info.GetIsolate(), info[1], {});
  if (!message) return;
  SharedChannel& channel = *(*call).channel;
  int32_t code = codeOf(channel.offer(message, nullptr));
  if (code == -EAGAIN) {
    code = waitUntil(channel, sched::ParkKind::kChannelSend, [&](Waiter* waiter) {
      if (!waiter->offered) waiter->offered.reset(message);
      return channel.offer(message, waiter);
    });
  }
  if (code != 0) delete message;
  returnInt(info, code);
}

// After a reservation: `code` of that. In one call with it, so that nothing comes between.
void sendReserved(const Info& info, Call& call, int32_t code) {
  if (code != 0) return returnInt(info, code);
  ++(*call).reserved;
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Array> transfer;
  if (info[2]->IsArray()) transfer = info[2].As<v8::Array>();
  Message* message = encodeMessage(isolate, info[1], transfer);
  if (message && !transfer.IsEmpty()) {
    v8::Local<v8::Value> arguments[] = {transfer};
    v8::Local<v8::Value> moved;
    if (info[3].As<v8::Function>()->Call(context, v8::Undefined(isolate), 1, arguments).ToLocal(&moved)) {
      attachBuffers(message, isolate, moved.As<v8::Array>());
    } else {
      delete message;
      message = nullptr;
    }
  }
  --(*call).reserved;
  message ? call->push(message) : call->giveUp();
  returnInt(info, 0);
}

// channelTrySend(channel, value, transfer, move): 0, -EAGAIN, -EPIPE. Throws encodeMessage's error, but not before there is room.
// `move(transfer)` gives the contents of those buffers as others, or throws; both may be undefined.
void trySend(const Info& info) {
  Call call(info);
  sendReserved(info, call, codeOf(call->reserve(nullptr)));
}

// channelSendMoving(channel, value, transfer, move): the same, and parks until there is room: 0, -EPIPE, or what has ended the wait.
void sendMoving(const Info& info) {
  Call call(info);
  SharedChannel& channel = *(*call).channel;
  int32_t code = codeOf(channel.reserve(nullptr));
  if (code == -EAGAIN) {
    code = waitUntil(channel, sched::ParkKind::kChannelSend,
                     [&](Waiter* waiter) { return channel.reserve(waiter); });
  }
  sendReserved(info, call, code);
}

void returnReceived(const Info& info, int32_t code, Message* message) {
  v8::Local<v8::Value> value;
  if (code == 0) {
    if (decodeMessage(info.GetIsolate(), message).ToLocal(&value)) info.GetReturnValue().Set(value);
    return;
  }
  v8::Local<v8::Int32Array> none = info[1].As<v8::Int32Array>();
  static_cast<int32_t*>(none->Buffer()->Data())[0] = code;
  info.GetReturnValue().Set(none);
}

// channelTryReceive(channel, none): the next value; or `none`, and none[0] says why: -EAGAIN, -EPIPE.
void tryReceive(const Info& info) {
  const Call call(info);
  Message* message = nullptr;
  const int32_t code = codeOf(call->take(message, nullptr));
  returnReceived(info, code, message);
}

// channelReceive(channel, none): the same, and parks until there is a value: the code is -EPIPE, or what has ended the wait.
void receive(const Info& info) {
  const Call call(info);
  SharedChannel& channel = *(*call).channel;
  Message* message = nullptr;
  int32_t code = codeOf(channel.take(message, nullptr));
  if (code == -EAGAIN && expects(channel)) code = codeOf(channel.take(message, nullptr));
  if (code == -EAGAIN) {
    code = waitUntil(channel, sched::ParkKind::kChannelReceive,
                     [&](Waiter* waiter) { return channel.take(message, waiter); });
  }
  returnReceived(info, code, message);
}

// channelListen(channel, room): from now on the running coroutine is woken when there may be room or, if false, a value: a number for
// channelUnlisten; -EAGAIN: it should look now; or -ENOMEM.
void listen(const Info& info) {
  Opened& opened = openedAt(info);
  channel::Inbox& inbox = ChannelTable::current->inbox;
  Waiter* const waiter = inbox.waiterFor(Runtime::current()->scheduler().running());
  if (!waiter) return returnInt(info, -ENOMEM);
  if (!opened.channel->listen(*waiter, boolAt(info, 1))) {
    inbox.done(waiter);
    return returnInt(info, -EAGAIN);
  }
  ++opened.calls;
  returnInt(info, ChannelTable::current->listening.add(new Listening{intAt(info, 0), waiter}));
}

// channelUnlisten(number)
void unlisten(const Info& info) {
  ChannelTable& all = *ChannelTable::current;
  const Listening one = *all.listening.at(intAt(info, 0));
  all.listening.remove(static_cast<uint32_t>(intAt(info, 0)));
  Opened& opened = *all.opened.at(one.opened);
  opened.channel->leave(*one.waiter, true);
  all.inbox.done(one.waiter);
  endCall(one.opened, opened);
}

// channelClose(channel)
void close(const Info& info) {
  const Call call(info);
  call->close();
}

// channelState(channel): [values kept, capacity, 1 if closed].
void state(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  SharedChannel& channel = *openedAt(info).channel;
  const uint64_t capacity = channel.capacity();
  v8::Local<v8::Value> values[] = {
      v8::Number::New(isolate, static_cast<double>(channel.length())),
      v8::Number::New(isolate,
                      capacity == SharedChannel::kUnlimited ? HUGE_VAL : static_cast<double>(capacity)),
      v8::Integer::New(isolate, channel.closed()),
  };
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 3));
}

}  // namespace

void defineChannel(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  deleteAtEnvironmentEnd<ChannelTable>();
  define(context, exports, "channelCreate", create);
  define(context, exports, "channelHandle", handle);
  define(context, exports, "channelOpen", open);
  define(context, exports, "channelDrop", drop);
  define(context, exports, "channelSend", send);
  define(context, exports, "channelTrySend", trySend);
  define(context, exports, "channelSendMoving", sendMoving);
  define(context, exports, "channelTryReceive", tryReceive);
  define(context, exports, "channelReceive", receive);
  define(context, exports, "channelListen", listen);
  define(context, exports, "channelUnlisten", unlisten);
  define(context, exports, "channelClose", close);
  define(context, exports, "channelState", state);
}

}  // namespace stackful::binding
