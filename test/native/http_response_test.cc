#include "../../native/http/response.h"

#include <doctest/doctest.h>

#include <ctime>
#include <random>
#include <string>

using namespace stackful::http;

namespace {

std::string written(const ResponseHead& head) {
  std::string text(mostBytes(head), '\0');
  text.resize(static_cast<size_t>(writeHead(text.data(), head) - text.data()));
  return text;
}

}  // namespace

TEST_CASE("response: heads") {
  ResponseHead head;
  CHECK(written(head) == "HTTP/1.1 200 OK\r\n\r\n");

  head.status = 404;
  head.date = "Date: x\r\n";
  head.contentType = "text/plain";
  head.fields = "A: b\r\nC: d\r\n";
  head.contentLength = 0;
  head.connection = ConnectionField::kClose;
  CHECK(
      written(head) ==
      "HTTP/1.1 404 Not Found\r\nDate: x\r\nContent-Type: text/plain\r\nA: b\r\nC: d\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n");

  head = ResponseHead();
  head.status = 299;
  head.chunked = true;
  head.connection = ConnectionField::kKeepAlive;
  CHECK(written(head) == "HTTP/1.1 299 \r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n");
  head.status = 1000;
  CHECK(written(head).substr(0, 14) == "HTTP/1.1 500 \r");
  head.status = 200;
  head.contentLength = INT64_MAX;
  CHECK(written(head).find("Content-Length: 9223372036854775807\r\n") != std::string::npos);
}

TEST_CASE("response: every head fits in what mostBytes says") {
  DateField date;
  for (int status = 0; status <= 1000; ++status) {
    ResponseHead head;
    head.status = status;
    head.date = date.at(0);
    head.contentLength = INT64_MAX;
    head.chunked = true;
    head.connection = ConnectionField::kKeepAlive;
    CHECK(written(head).size() <= mostBytes(head));
    char error[kMostErrorBytes];
    CHECK(writeError(error, status, head.date, false) <= error + kMostErrorBytes);
  }
}

TEST_CASE("response: status lines and errors") {
  ResponseHead named;
  named.status = 431;
  CHECK(written(named) == "HTTP/1.1 431 Request Header Fields Too Large\r\n\r\n");
  CHECK(errorText(408) == "408 Request Timeout\n");
  CHECK(errorText(299) == "Error\n");
  for (int status : {400, 404, 405, 408, 413, 414, 417, 431, 500, 501, 503, 505}) {
    CHECK(errorText(status) != "Error\n");
  }
  CHECK(hasNoBody(204));
  CHECK(hasNoBody(304));
  CHECK(hasNoBody(101));
  CHECK_FALSE(hasNoBody(205));

  char text[kMostErrorBytes];
  DateField date;
  std::string whole(text, writeError(text, 400, date.at(784111777), false));
  CHECK(whole ==
        "HTTP/1.1 400 Bad Request\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain; "
        "charset=utf-8\r\n"
        "Content-Length: 16\r\nConnection: close\r\n\r\n400 Bad Request\n");
  std::string head(text, writeError(text, 400, date.at(784111777), true));
  CHECK(head == whole.substr(0, head.size()));
  CHECK(head.substr(head.size() - 4) == "\r\n\r\n");
}

TEST_CASE("response: dates agree with the C library") {
  DateField date;
  auto expected = [](time_t seconds) {
    tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64];
    strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    return std::string(text);
  };
  for (int64_t t :
       {0L, 951782399L, 951782400L, 951868799L, 951868800L, 4107542399L, 4107542400L, 253402300799L}) {
    CHECK(date.at(t) == expected(t));
  }
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    auto t = static_cast<int64_t>(random() % 253402300800ULL);
    if (date.at(t) != expected(t)) FAIL_CHECK(t);
  }
  CHECK(date.at(253402300800) == expected(0));
  CHECK(date.at(-1) == expected(0));
}
