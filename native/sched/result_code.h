// What a call returns besides a result and -errno: numbers outside the range of errno, each with one meaning. JavaScript has
// them by name from the addon (native.resultCodes, lib/internal/results.ts).
#pragma once

#include <cstdint>

// X(name here, name in JavaScript, number)
#define STACKFUL_RESULT_CODES(X)                                                        \
  /* The call did not park at all. */                                                   \
  X(kNotInCoroutine, NOT_IN_COROUTINE, -10001)                                          \
  /* ... because the engine refuses to leave this stack now. */                         \
  X(kCannotPark, CANNOT_PARK, -10002)                                                   \
  /* A limit around the call ended it: its time is up, its signal was aborted. */       \
  X(kLimitTimedOut, LIMIT_TIMED_OUT, -10003)                                            \
  X(kLimitAborted, LIMIT_ABORTED, -10004)                                               \
  X(kInAtomicSection, IN_ATOMIC_SECTION, -10005)                                        \
  /* What it waits for will never come. */                                              \
  X(kDeadlocked, DEADLOCKED, -10006)                                                    \
  /* chooseNext: the chooser has not taken this coroutine. */                           \
  X(kNotChoosable, NOT_CHOOSABLE, -10007)                                               \
  /* resume: this coroutine does not wait to be resumed. */                             \
  X(kNotResumable, NOT_RESUMABLE, -10008)                                               \
  /* ETIMEDOUT of the system, not of a time limit around the call. */                   \
  X(kKernelTimedOut, KERNEL_TIMED_OUT, -10101)                                          \
  /* An earlier write was given up in the middle. */                                    \
  X(kSocketBroken, SOCKET_BROKEN, -10102)                                               \
  /* Bytes that an earlier write had put off could not be sent. */                      \
  X(kFlushFailed, FLUSH_FAILED, -10103)                                                 \
  /* The kernel's caches do not have it: ask the pool. */                               \
  X(kNotCached, NOT_CACHED, -10201)                                                     \
  /* A whole file is not written where opening it would wait (a FIFO). */               \
  X(kMayBlock, MAY_BLOCK, -10202)                                                       \
  /* OpenSSL has failed, or the peer broke the protocol: the session has the error. */  \
  X(kTlsFailed, TLS_FAILED, -10301)                                                     \
  /* The stream ended without the peer's close_notify. */                               \
  X(kTlsCutOff, TLS_CUT_OFF, -10302)                                                    \
  /* A handshake waits for the context of the name that the client asked for. */        \
  X(kTlsChooseContext, TLS_CHOOSE_CONTEXT, -10303)                                      \
  /* readBody: 413, 400. */                                                             \
  X(kBodyTooLarge, BODY_TOO_LARGE, -20001)                                              \
  X(kBodyMalformed, BODY_MALFORMED, -20002)                                             \
  /* receiveFirst: nothing has come, but what was put off could not be sent at once. */ \
  X(kSendFirst, SEND_FIRST, -20003)                                                     \
  /* The handler is ended because no client waits for its answer. */                    \
  X(kClientLeft, CLIENT_LEFT, -20004)                                                   \
  /* Another coroutine is in the middle of a call on this connection. */                \
  X(kConnectionBusy, CONNECTION_BUSY, -20010)                                           \
  /* There is no request whose head could be looked at. */                              \
  X(kRequestOver, REQUEST_OVER, -20011)                                                 \
  /* The client was too slow; -ETIMEDOUT is a time limit of the caller's. */            \
  X(kBodyTimeout, BODY_TIMEOUT, -20012)                                                 \
  /* No connection is accepted for now. */                                              \
  X(kTooManyCoroutines, TOO_MANY_COROUTINES, -20013)

namespace stackful {

#define STACKFUL_RESULT_CODE(name, nameInJavaScript, number) inline constexpr int32_t name = number;
STACKFUL_RESULT_CODES(STACKFUL_RESULT_CODE)
#undef STACKFUL_RESULT_CODE

}  // namespace stackful
