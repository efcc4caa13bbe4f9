#include "response.h"

#include <charconv>
#include <cstring>

namespace stackful::http {

namespace {

// clang-format off
#define STACKFUL_HTTP_STATUSES(X) \
  X(100, "Continue") X(101, "Switching Protocols") X(102, "Processing") X(103, "Early Hints") \
  X(200, "OK") X(201, "Created") X(202, "Accepted") X(203, "Non-Authoritative Information") \
  X(204, "No Content") X(205, "Reset Content") X(206, "Partial Content") X(207, "Multi-Status") \
  X(208, "Already Reported") X(226, "IM Used") \
  X(300, "Multiple Choices") X(301, "Moved Permanently") X(302, "Found") X(303, "See Other") \
  X(304, "Not Modified") X(305, "Use Proxy") X(307, "Temporary Redirect") X(308, "Permanent Redirect") \
  X(400, "Bad Request") X(401, "Unauthorized") X(402, "Payment Required") X(403, "Forbidden") \
  X(404, "Not Found") X(405, "Method Not Allowed") X(406, "Not Acceptable") \
  X(407, "Proxy Authentication Required") X(408, "Request Timeout") X(409, "Conflict") X(410, "Gone") \
  X(411, "Length Required") X(412, "Precondition Failed") X(413, "Content Too Large") X(414, "URI Too Long") \
  X(415, "Unsupported Media Type") X(416, "Range Not Satisfiable") X(417, "Expectation Failed") \
  X(418, "I'm a Teapot") X(421, "Misdirected Request") X(422, "Unprocessable Content") X(423, "Locked") \
  X(424, "Failed Dependency") X(425, "Too Early") X(426, "Upgrade Required") X(428, "Precondition Required") \
  X(429, "Too Many Requests") X(431, "Request Header Fields Too Large") \
  X(451, "Unavailable For Legal Reasons") \
  X(500, "Internal Server Error") X(501, "Not Implemented") X(502, "Bad Gateway") \
  X(503, "Service Unavailable") X(504, "Gateway Timeout") X(505, "HTTP Version Not Supported") \
  X(506, "Variant Also Negotiates") X(507, "Insufficient Storage") X(508, "Loop Detected") \
  X(511, "Network Authentication Required")
// clang-format on

// The whole line; errorText cuts its body out of the same text.
struct StatusText {
  std::string_view line;  // "HTTP/1.1 404 Not Found\r\n"
  std::string_view body;  // "404 Not Found\n"
};

const StatusText* findStatus(int status) {
  switch (status) {
#define STACKFUL_HTTP_CASE(code, reason)                                                          \
  case code: {                                                                                    \
    static constexpr StatusText text{"HTTP/1.1 " #code " " reason "\r\n", #code " " reason "\n"}; \
    return &text;                                                                                 \
  }
    STACKFUL_HTTP_STATUSES(STACKFUL_HTTP_CASE)
#undef STACKFUL_HTTP_CASE
    default:
      return nullptr;
  }
}

char* put(char* to, std::string_view text) {
  if (text.empty()) return to;  // memcpy from null is undefined even for nothing
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

char* putTwoDigits(char* to, unsigned value) {
  to[0] = static_cast<char>('0' + value / 10 % 10);
  to[1] = static_cast<char>('0' + value % 10);
  return to + 2;
}

char* putStatusLine(char* to, int status) {
  if (const StatusText* text = findStatus(status)) return put(to, text->line);
  // A status without a name: the reason phrase may be empty, but not the blank before it.
  if (status < 100 || status > 999) status = 500;
  to = put(to, "HTTP/1.1 ");
  *to++ = static_cast<char>('0' + status / 100);
  to = putTwoDigits(to, static_cast<unsigned>(status % 100));
  return put(to, " \r\n");
}

}  // namespace

std::string_view errorText(int status) noexcept {
  const StatusText* text = findStatus(status);
  return text ? text->body : std::string_view("Error\n");
}

// By hand: strftime would use the process's locale, and gmtime its time zone lock.
void DateField::format(int64_t seconds) noexcept {
  static constexpr char kDays[] = "ThuFriSatSunMonTueWed";  // 1970 began on a Thursday
  static constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  formatted_ = seconds;
  // Years of five digits do not fit the format; a clock before 1970 is not set.
  if (seconds < 0 || seconds > 253402300799) seconds = 0;
  int64_t days = seconds / 86400;
  auto rest = static_cast<unsigned>(seconds % 86400);

  // Days to a date (Hinnant's "chrono-compatible low-level date algorithms"): years begin in March there, so
  // that the leap day is the last of its year.
  int64_t shifted = days + 719468;
  int64_t era = shifted / 146097;
  int64_t dayOfEra = shifted % 146097;
  int64_t yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  int64_t dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  int64_t marchMonth = (5 * dayOfYear + 2) / 153;
  auto day = static_cast<unsigned>(dayOfYear - (153 * marchMonth + 2) / 5 + 1);
  int64_t month = marchMonth < 10 ? marchMonth + 2 : marchMonth - 10;  // January is 0
  auto year = static_cast<unsigned>(yearOfEra + era * 400 + (month < 2 ? 1 : 0));

  char* to = put(text_, "Date: ");
  to = put(to, {kDays + days % 7 * 3, 3});
  to = put(to, ", ");
  to = putTwoDigits(to, day);
  *to++ = ' ';
  to = put(to, {kMonths + month * 3, 3});
  *to++ = ' ';
  to = putTwoDigits(to, year / 100);
  to = putTwoDigits(to, year % 100);
  *to++ = ' ';
  to = putTwoDigits(to, rest / 3600);
  *to++ = ':';
  to = putTwoDigits(to, rest / 60 % 60);
  *to++ = ':';
  to = putTwoDigits(to, rest % 60);
  put(to, " GMT\r\n");
}

char* writeHead(char* to, const ResponseHead& head) noexcept {
  to = putStatusLine(to, head.status);
  to = put(to, head.date);
  if (!head.contentType.empty()) {
    to = put(to, "Content-Type: ");
    to = put(to, head.contentType);
    to = put(to, "\r\n");
  }
  to = put(to, head.fields);
  if (head.contentLength >= 0) {
    to = put(to, "Content-Length: ");
    to = std::to_chars(to, to + 20, head.contentLength).ptr;
    to = put(to, "\r\n");
  }
  if (head.chunked) to = put(to, "Transfer-Encoding: chunked\r\n");
  if (head.connection == ConnectionField::kClose) to = put(to, "Connection: close\r\n");
  if (head.connection == ConnectionField::kKeepAlive) to = put(to, "Connection: keep-alive\r\n");
  return put(to, "\r\n");
}

char* writeError(char* to, int status, std::string_view date, bool head) noexcept {
  std::string_view body = errorText(status);
  ResponseHead response;
  response.status = status;
  response.date = date;
  response.contentType = "text/plain; charset=utf-8";
  response.contentLength = static_cast<int64_t>(body.size());
  response.connection = ConnectionField::kClose;
  to = writeHead(to, response);
  return head ? to : put(to, body);
}

}  // namespace stackful::http
