#include "handshake.h"

#include "../net/operation.h"
#include "session.h"

namespace stackful::tls {

int32_t shakeHands(net::Socket& s, net::Deadline deadline) noexcept {
  sched::Scheduler& scheduler = s.poller->scheduler();
  if (const int32_t code = net::refusal(scheduler)) return code;
  Session* const session = Session::of(s);
  if (!session) return -EBADF;
  int32_t step = session->shakeHands();
  if (step <= 0) {
    scheduler.charge();
    return step;
  }
  net::Hold hold(s);
  while (step > 0) {
    net::WaiterList& list = step == Session::kWantsRead ? s.readers : s.writers;
    const int32_t code = net::waitOn(s, list, sched::ParkKind::kTlsHandshake, deadline);
    if (s.flags & net::kClosed) return -EBADF;
    if (code < 0) return code;
    step = session->shakeHands();
  }
  // Bytes that came behind the handshake may be there already: a reader looks for itself.
  net::passOn(s);
  return step;
}

}  // namespace stackful::tls
