// How native calls tell lib/http/client of heads.
#pragma once

#include "../http/response_head.h"
#include "values.h"

namespace stackful::binding {

// A Float64Array by which a call tells more than one number.
class Told {
 public:
  Told(const Info& info, int i) : values_(reinterpret_cast<double*>(bytesAt(info, i).data)) {}
  double& operator[](size_t i) { return values_[i]; }

 private:
  double* values_;
};

// told: 0 more is needed, 1 complete, -1 a fault; then the fault, or bytes of the head, status, flags (1 HTTP/1.1, 2
// keep-alive, 4 chunked, 8 upgrade) and Content-Length or -1.
inline void tellHead(std::string_view bytes, double mostBytes, double mostFields, Told& told) {
  http::AnswerHead head;
  const http::HeadResult result = http::parseResponseHead(
      bytes.data(), bytes.size(), static_cast<size_t>(mostBytes), static_cast<size_t>(mostFields), head);
  if (result.status != http::HeadStatus::kComplete) {
    told[0] = result.status == http::HeadStatus::kNeedMore ? 0 : -1;
    told[1] = static_cast<double>(result.fault);
    return;
  }
  told[0] = 1;
  told[1] = head.headLength;
  told[2] = head.status;
  told[3] = head.minorVersion | head.keepAlive << 1 | head.chunked << 2 | head.saysUpgrade << 3;
  told[4] = static_cast<double>(head.contentLength);
}

}  // namespace stackful::binding
