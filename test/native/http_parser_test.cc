#include "../../native/http/parser.h"

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

using namespace stackful::http;

namespace {

// Gives the parser exactly the bytes of `text`, on the heap: AddressSanitizer then sees a read past the end.
struct Parsed {
  Head head;
  std::unique_ptr<char[]> bytes;
  ParseResult result{};

  explicit Parsed(const std::string& text, HeadLimits limits = {}) : bytes(new char[text.size()]) {
    std::memcpy(bytes.get(), text.data(), text.size());
    result = parseHead(bytes.get(), text.size(), limits, head);
  }
  bool complete() const { return result.status == ParseStatus::kComplete; }
  int error() const { return result.status == ParseStatus::kError ? result.error : 0; }
};

std::string request(const std::string& fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

struct Case {
  const char* what;
  std::string text;
  int error;  // 0: complete
};

void check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    CAPTURE(c.what);
    CAPTURE(c.text);
    Parsed whole(c.text);
    CHECK(whole.error() == c.error);
    if (c.error == 0) CHECK(whole.complete());
  }
}

std::string describe(const ParseResult& result, const Head& head) {
  std::string text = std::to_string(static_cast<int>(result.status)) + " " + std::to_string(result.error);
  if (result.status != ParseStatus::kComplete) return text;
  text += " " + std::to_string(result.consumed) + " " + std::string(head.methodName()) + " " +
          std::string(head.target()) + " " + std::to_string(head.minorVersion) +
          std::to_string(static_cast<int>(head.method)) + std::to_string(head.contentLength) +
          std::to_string(head.keepAlive) + std::to_string(head.chunked) +
          std::to_string(head.expectContinue) + std::to_string(head.upgrade) + std::to_string(head.hasHost);
  for (size_t i = 0; i < head.fieldCount; ++i) {
    text += "\n" + std::string(head.name(i)) + "=" + std::string(head.value(i));
  }
  return text;
}

const std::string kBrowser =
    "\r\nPOST /a/b?c=d%20e HTTP/1.1\r\nHost: www.example.com:8080\r\nUser-Agent:Mozilla/5.0 (X11)\t\r\n"
    "accept: text/html, */*;q=0.8\r\nCookie: a=b; c=\xc3\xa9\r\nEmpty:\r\nBlank: \t \r\n"
    "Content-Length: 12\r\nExpect: 100-Continue\r\nUpgrade: h2c\r\nConnection: Upgrade, "
    "keep-alive\r\n\r\nhello world!";

}  // namespace

TEST_CASE("parser: a plain request") {
  Parsed p("GET /index.html?x=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\nrest");
  REQUIRE(p.complete());
  CHECK(p.result.consumed == 54);
  CHECK(p.head.method == Method::kGet);
  CHECK(p.head.methodName() == "GET");
  CHECK(p.head.target() == "/index.html?x=1");
  CHECK(p.head.minorVersion == 1);
  CHECK(p.head.fieldCount == 1);
  CHECK(p.head.name(0) == "Host");
  CHECK(p.head.value(0) == "127.0.0.1:8080");
  CHECK(p.head.hasHost);
  CHECK(p.head.keepAlive);
  CHECK(p.head.contentLength == Head::kNoLength);
  CHECK_FALSE(p.head.hasBody());
}

TEST_CASE("parser: fields, blanks around values, lookup") {
  Parsed p(kBrowser);
  REQUIRE(p.complete());
  CHECK(p.result.consumed == kBrowser.size() - 12);
  CHECK(p.head.methodName() == "POST");
  CHECK(p.head.target() == "/a/b?c=d%20e");
  REQUIRE(p.head.fieldCount == 10);
  CHECK(p.head.value(1) == "Mozilla/5.0 (X11)");
  CHECK(p.head.value(4) == "");
  CHECK(p.head.value(5) == "");
  CHECK(p.head.contentLength == 12);
  CHECK(p.head.expectContinue);
  CHECK(p.head.upgrade);
  CHECK(p.head.keepAlive);
  CHECK(p.head.find("ACCEPT") == 2);
  CHECK(p.head.find("accept", 3) == -1);
  CHECK(p.head.find("accep") == -1);
  CHECK(p.head.find("content-length") == 6);
}

TEST_CASE("parser: methods") {
  struct Named {
    std::string name;
    Method method;
  };
  const std::vector<Named> methods = {
      {"GET", Method::kGet},         {"HEAD", Method::kHead},      {"POST", Method::kPost},
      {"PUT", Method::kPut},         {"DELETE", Method::kDelete},  {"PATCH", Method::kPatch},
      {"OPTIONS", Method::kOptions}, {"TRACE", Method::kTrace},    {"get", Method::kOther},
      {"GETS", Method::kOther},      {"M-SEARCH", Method::kOther}, {"!#$%&'*+-.^_`|~", Method::kOther}};
  for (const Named& each : methods) {
    Parsed p(each.name + " / HTTP/1.1\r\nHost: a\r\n\r\n");
    CAPTURE(each.name);
    REQUIRE(p.complete());
    CHECK(p.head.method == each.method);
    CHECK(p.head.methodName() == each.name);
  }
  Parsed longOne(std::string(3000, 'X') + " / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(longOne.complete());
  CHECK(longOne.head.methodName().size() == 3000);
}

TEST_CASE("parser: request lines") {
  const std::string host = "Host: a\r\n\r\n";
  check({
      {"one empty line first", "\r\nGET / HTTP/1.1\r\n" + host, 0},
      {"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\n" + host, 0},
      {"three empty lines first", "\r\n\r\n\r\nGET / HTTP/1.1\r\n" + host, 400},
      {"bare LF first", "\nGET / HTTP/1.1\r\n" + host, 400},
      {"bare CR first", "\rGET / HTTP/1.1\r\n" + host, 400},
      {"blank first", " GET / HTTP/1.1\r\n" + host, 400},
      {"no method", " / HTTP/1.1\r\n" + host, 400},
      {"method not a token", "G(T / HTTP/1.1\r\n" + host, 400},
      {"two blanks", "GET  / HTTP/1.1\r\n" + host, 400},
      {"two blanks before the version", "GET /  HTTP/1.1\r\n" + host, 400},
      {"blank behind the version", "GET / HTTP/1.1 \r\n" + host, 400},
      {"tab instead of blank", "GET\t/ HTTP/1.1\r\n" + host, 400},
      {"HTTP/0.9", "GET /\r\n", 400},
      {"HTTP/0.9 by name", "GET / HTTP/0.9\r\n" + host, 505},
      {"HTTP/2.0", "GET / HTTP/2.0\r\n" + host, 505},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/3", "GET / HTTP/3\r\n" + host, 400},
      {"HTTP/1.10", "GET / HTTP/1.10\r\n" + host, 400},
      {"HTTP/1.", "GET / HTTP/1.\r\n" + host, 400},
      {"HTTP/1.2 is 1.1", "GET / HTTP/1.2\r\n" + host, 0},
      {"lower case version", "GET / http/1.1\r\n" + host, 400},
      {"other protocol", "GET / ICY/1.1\r\n" + host, 400},
      {"version with LF only", "GET / HTTP/1.1\n" + host, 400},
      {"version with CR only", "GET / HTTP/1.1\rHost: a\r\n\r\n", 400},
      {"NUL in the target", std::string("GET /a\0b HTTP/1.1\r\n", 19) + host, 400},
      {"control in the target", "GET /a\x01 HTTP/1.1\r\n" + host, 400},
      {"DEL in the target", "GET /a\x7f HTTP/1.1\r\n" + host, 400},
      {"tab in the target", "GET /a\tb HTTP/1.1\r\n" + host, 400},
      {"bytes over 127 in the target", "GET /\xc3\xa9 HTTP/1.1\r\n" + host, 400},
      {"URI of another scheme", "GET coap://a/ HTTP/1.1\r\n" + host, 0},
      {"scheme with a mark", "GET ht-tp://a/ HTTP/1.1\r\n" + host, 400},
      {"authority that is none", "GET http://a\"b/ HTTP/1.1\r\n" + host, 400},
      {"CONNECT to no authority", "CONNECT a^b:443 HTTP/1.1\r\n" + host, 400},
      {"absolute form", "GET http://a/b HTTP/1.1\r\n" + host, 0},
      {"relative path", "GET a/b HTTP/1.1\r\n" + host, 400},
      {"no scheme", "GET ://a/b HTTP/1.1\r\n" + host, 400},
      {"asterisk", "OPTIONS * HTTP/1.1\r\n" + host, 0},
      {"asterisk with GET", "GET * HTTP/1.1\r\n" + host, 400},
      {"authority", "CONNECT a:443 HTTP/1.1\r\n" + host, 0},
      {"authority with GET", "GET a:443 HTTP/1.1\r\n" + host, 400},
      {"path with CONNECT", "CONNECT / HTTP/1.1\r\n" + host, 400},
      {"TLS client hello", std::string("\x16\x03\x01\x02\x00\x01", 6), 400},
  });
}

TEST_CASE("parser: field lines") {
  check({
      {"folded line", request("A: b\r\n c\r\n"), 400},
      {"folded line with tab", request("A: b\r\n\tc\r\n"), 400},
      {"folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"bare LF", request("A: b\nC: d\r\n"), 400},
      {"bare CR", request("A: b\rC: d\r\n"), 400},
      {"CR CR LF", request("A: b\r\r\n"), 400},
      {"LF for the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"CR for the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\rX", 400},
      {"NUL in a value", request(std::string("A: b\0c\r\n", 8)), 400},
      {"control in a value", request("A: b\x02\r\n"), 400},
      {"DEL in a value", request("A: \x7f\r\n"), 400},
      {"tab in a value", request("A: b\tc\r\n"), 0},
      {"bytes over 127 in a value", request("A: \x80\xff\r\n"), 0},
      {"control far into a long value",
       request("A: " + std::string(100, 'x') + "\x1f" + std::string(50, 'x') + "\r\n"), 400},
      {"blank before the colon", request("A : b\r\n"), 400},
      {"tab before the colon", request("A\t: b\r\n"), 400},
      {"empty name", request(": b\r\n"), 400},
      {"no colon", request("A\r\n"), 400},
      {"name not a token", request("A(b): c\r\n"), 400},
      {"name with a byte over 127", request("\xc3\xa9: c\r\n"), 400},
      {"underscore in a name", request("a_b: c\r\n"), 0},
      {"colon in a value", request("A: b: c\r\n"), 0},
  });
}

TEST_CASE("parser: Host") {
  check({
      {"missing in 1.1", "GET / HTTP/1.1\r\n\r\n", 400},
      {"missing in 1.0", "GET / HTTP/1.0\r\n\r\n", 0},
      {"twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"twice in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nhOST: b\r\n\r\n", 400},
      {"empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 0},
      {"IPv6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0},
      {"with userinfo", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      {"with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"two names", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"a longer name is not Host", "GET / HTTP/1.1\r\nHosts: a\r\n\r\n", 400},
  });
}

TEST_CASE("parser: message framing, with the known smuggling vectors") {
  check({
      {"length", request("Content-Length: 0\r\n"), 0},
      {"length with leading zeros", request("Content-Length: 007\r\n"), 0},
      {"largest length", request("Content-Length: 9223372036854775807\r\n"), 0},
      {"one more", request("Content-Length: 9223372036854775808\r\n"), 400},
      {"overflow", request("Content-Length: 18446744073709551617\r\n"), 400},
      {"empty length", request("Content-Length: \r\n"), 400},
      {"plus", request("Content-Length: +5\r\n"), 400},
      {"minus", request("Content-Length: -5\r\n"), 400},
      {"hexadecimal", request("Content-Length: 0x5\r\n"), 400},
      {"fraction", request("Content-Length: 5.0\r\n"), 400},
      {"list of equal lengths", request("Content-Length: 5, 5\r\n"), 400},
      {"blank inside", request("Content-Length: 1 2\r\n"), 400},
      {"twice, equal", request("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
      {"twice, different", request("Content-Length: 5\r\ncontent-length: 6\r\n"), 400},
      {"length and chunked", request("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"chunked and length", request("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
      {"length with blank before the colon", request("Content-Length : 5\r\n"), 400},
      {"chunked", request("Transfer-Encoding: chunked\r\n"), 0},
      {"chunked in capitals", request("TRANSFER-ENCODING: CHUNKED\r\n"), 0},
      {"chunked between tabs", request("Transfer-Encoding:\tchunked\t\r\n"), 0},
      {"chunked twice", request("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"chunked, then identity", request("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
       400},
      {"identity", request("Transfer-Encoding: identity\r\n"), 501},
      {"gzip, chunked", request("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"chunked, chunked", request("Transfer-Encoding: chunked, chunked\r\n"), 501},
      {"chunked with a comma", request("Transfer-Encoding: chunked,\r\n"), 501},
      {"chunked with a parameter", request("Transfer-Encoding: chunked;a=b\r\n"), 501},
      {"xchunked", request("Transfer-Encoding: xchunked\r\n"), 501},
      {"quoted", request("Transfer-Encoding: \"chunked\"\r\n"), 501},
      {"empty", request("Transfer-Encoding:\r\n"), 501},
      {"vertical tab", request("Transfer-Encoding:\vchunked\r\n"), 400},
      {"folded: the first line is judged first", request("Transfer-Encoding:\r\n chunked\r\n"), 501},
      {"blank before the colon", request("Transfer-Encoding : chunked\r\n"), 400},
      {"name cut by NUL", request(std::string("Transfer-Encoding\0: chunked\r\n", 29)), 400},
      {"in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"expectation", request("Expect: 100-continue\r\n"), 0},
      {"other expectation", request("Expect: 200-ok\r\n"), 417},
      {"expectation in 1.0 is ignored", "GET / HTTP/1.0\r\nExpect: tea\r\n\r\n", 0},
  });
  CHECK(Parsed(request("Content-Length: 007\r\n")).head.contentLength == 7);
  CHECK(Parsed(request("Content-Length: 9223372036854775807\r\n")).head.contentLength == INT64_MAX);
  CHECK(Parsed(request("Transfer-Encoding: Chunked\r\n")).head.chunked);
  // Setting bit 5 must not make another character a letter or '-' of these names.
  CHECK(Parsed(request("Content_Length: 5\r\n")).head.contentLength == Head::kNoLength);
}

TEST_CASE("parser: keep-alive and upgrade") {
  auto keepAlive = [](const std::string& text) {
    Parsed p(text);
    REQUIRE(p.complete());
    return p.head.keepAlive;
  };
  CHECK(keepAlive(request("")));
  CHECK(keepAlive(request("Connection: keep-alive\r\n")));
  CHECK_FALSE(keepAlive(request("Connection: close\r\n")));
  CHECK_FALSE(keepAlive(request("connection:CLOSE\r\n")));
  CHECK_FALSE(keepAlive(request("Connection: te ,\tclose\r\n")));
  CHECK_FALSE(keepAlive(request("Connection: keep-alive\r\nConnection: close\r\n")));
  CHECK(keepAlive(request("Connection: closed, ,,\r\n")));
  CHECK_FALSE(keepAlive("GET / HTTP/1.0\r\n\r\n"));
  CHECK(keepAlive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
  CHECK_FALSE(keepAlive("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));

  CHECK(Parsed(request("Upgrade: websocket\r\nConnection: Upgrade\r\n")).head.upgrade);
  CHECK_FALSE(Parsed(request("Upgrade: websocket\r\n")).head.upgrade);
  CHECK_FALSE(Parsed(request("Connection: upgrade\r\n")).head.upgrade);
  CHECK_FALSE(Parsed("GET / HTTP/1.0\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n").head.upgrade);
}

TEST_CASE("parser: limits") {
  HeadLimits limits;
  limits.headBytes = 256;
  limits.targetBytes = 20;
  limits.fields = 3;

  std::string target = "/" + std::string(19, 'x');
  CHECK(Parsed("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n", limits).complete());
  CHECK(Parsed("GET " + target + "x HTTP/1.1\r\nHost: a\r\n\r\n", limits).error() == 414);
  CHECK(Parsed("GET " + target + "x", limits).error() == 414);
  CHECK(Parsed("GET " + target, limits).result.status == ParseStatus::kNeedMore);

  CHECK(Parsed(request("A: 1\r\nB: 2\r\n"), limits).complete());
  CHECK(Parsed(request("A: 1\r\nB: 2\r\nC: 3\r\n"), limits).error() == 431);

  std::string frame = request("A: \r\n");
  std::string exact = request("A: " + std::string(256 - frame.size(), 'x') + "\r\n");
  REQUIRE(exact.size() == 256);
  CHECK(Parsed(exact, limits).complete());
  CHECK(Parsed(exact + "body behind it", limits).complete());
  CHECK(Parsed(exact.substr(0, 255), limits).result.status == ParseStatus::kNeedMore);
  CHECK(Parsed(request("A: " + std::string(257 - frame.size(), 'x') + "\r\n"), limits).error() == 431);
  CHECK(Parsed(std::string(256, 'G'), limits).error() == 431);

  // Limits beyond what 16-bit positions can hold are cut down to it.
  limits.headBytes = 1 << 20;
  limits.fields = 100000;
  CHECK(Parsed(request("A: " + std::string(65000, 'x') + "\r\n"), limits).complete());
  CHECK(Parsed(request("A: " + std::string(70000, 'x') + "\r\n"), limits).error() == 431);
  std::string many;
  for (size_t i = 1; i < Head::kMostFields; ++i) many += "A: b\r\n";
  CHECK(Parsed(request(many), limits).complete());
  CHECK(Parsed(request(many + "A: b\r\n"), limits).error() == 431);
}

TEST_CASE("parser: every way of cutting a head in two, and byte by byte") {
  HeadLimits limits;
  const std::vector<std::string> texts = {
      kBrowser, "\r\n\r\nOPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", request("A: b\r\n c\r\n"),
      "GET / HTTP/2.0\r\n\r\n", request("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")};
  for (const std::string& text : texts) {
    Parsed whole(text);
    std::string expected = describe(whole.result, whole.head);
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      Head head;
      std::unique_ptr<char[]> first(new char[cut]);
      std::memcpy(first.get(), text.data(), cut);
      ParseResult result = parseHead(first.get(), cut, limits, head);
      // The bytes may have moved by the second call.
      if (result.status == ParseStatus::kNeedMore) result = parseHead(text.data(), text.size(), limits, head);
      CAPTURE(cut);
      CHECK(describe(result, head) == expected);
    }
    Head head;
    ParseResult result{ParseStatus::kNeedMore};
    for (size_t n = 0; n <= text.size() && result.status == ParseStatus::kNeedMore; ++n) {
      std::unique_ptr<char[]> bytes(new char[n]);
      std::memcpy(bytes.get(), text.data(), n);
      result = parseHead(bytes.get(), n, limits, head);
      head.data = text.data();
    }
    CHECK(describe(result, head) == expected);
  }
}

TEST_CASE("parser: a head is reusable after reset") {
  Parsed p(kBrowser);
  const std::string next = "GET /second HTTP/1.0\r\n\r\n";
  p.head.reset();
  ParseResult result = parseHead(next.data(), next.size(), {}, p.head);
  CHECK(result.status == ParseStatus::kComplete);
  CHECK(p.head.target() == "/second");
  CHECK(p.head.fieldCount == 0);
  CHECK_FALSE(p.head.keepAlive);
  CHECK_FALSE(p.head.expectContinue);
  CHECK(p.head.contentLength == Head::kNoLength);
}
