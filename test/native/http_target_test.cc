#include "../../native/http/target.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using stackful::http::FilePath;
using stackful::http::normalizeTarget;

namespace {

struct Outcome {
  int error;
  std::string path, query, authority;
};

Outcome normalize(const std::string& target) {
  std::vector<char> room(target.size() + 1);
  FilePath result;
  int error = normalizeTarget(target, room.data(), room.size(), result);
  return {error, std::string(result.path), std::string(result.query), std::string(result.authority)};
}

}  // namespace

TEST_CASE("target: paths") {
  struct Case {
    std::string target, path;
  };
  const std::vector<Case> cases = {
      {"/", "/"},
      {"/a", "/a"},
      {"/a/", "/a/"},
      {"/a/b.txt", "/a/b.txt"},
      {"//", "/"},
      {"//a///b//", "/a/b/"},
      {"/.", "/"},
      {"/./", "/"},
      {"/a/.", "/a/"},
      {"/a/./b", "/a/b"},
      {"/a/..", "/"},
      {"/a/../", "/"},
      {"/a/b/..", "/a/"},
      {"/a/b/../c", "/a/c"},
      {"/a/b/../../c", "/c"},
      {"/a//../b", "/b"},
      {"/...", "/..."},
      {"/..a/.b/c.", "/..a/.b/c."},
      {"/%61%2e%7E", "/a.~"},
      {"/%2e/a", "/a"},
      {"/a/%2e%2E/b", "/b"},
      {"/a/.%2e", "/"},
      {"/%252e%252e/a", "/%2e%2e/a"},
      {"/a%20b", "/a b"},
      {"/%c3%a9", "/\xc3\xa9"},
      {"/\xc3\xa9", "/\xc3\xa9"},
      {"/a%3Fb%23c", "/a?b#c"},
      {"/a:b@c", "/a:b@c"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.target);
    Outcome out = normalize(c.target);
    CHECK(out.error == 0);
    CHECK(out.path == c.path);
    // The same behind an origin.
    Outcome absolute = normalize("http://example.com" + c.target);
    CHECK(absolute.path == c.path);
    CHECK(absolute.authority == "example.com");
  }
}

TEST_CASE("target: query and origin") {
  Outcome out = normalize("/a?b=%zz/../?c");
  CHECK(out.error == 0);
  CHECK(out.path == "/a");
  CHECK(out.query == "b=%zz/../?c");
  CHECK(normalize("/a?").query.empty());
  out = normalize("HTTPS://[::1]:8080?q");
  CHECK(out.error == 0);
  CHECK(out.path == "/");
  CHECK(out.query == "q");
  CHECK(out.authority == "[::1]:8080");
  CHECK(normalize("http://h").path == "/");
}

TEST_CASE("target: refused") {
  struct Case {
    std::string target;
    int error;
  };
  const std::vector<Case> cases = {
      {"", 400},
      {"*", 400},
      {"a", 400},
      {"example.com:443", 400},
      {"ftp://a/b", 400},
      {"http:///a", 400},
      {"http://u@h/", 400},
      {"://h/", 400},
      {"/..", 400},
      {"/../", 400},
      {"/../etc/passwd", 400},
      {"/a/../../b", 400},
      {"/a/..//../b", 400},
      {"/%2e%2e/etc/passwd", 400},
      {"/%2e.", 400},
      {"/%", 400},
      {"/%1", 400},
      {"/%g0", 400},
      {"/%0g", 400},
      {"/%%20", 400},
      {"/%00", 400},
      {"/a%0d%0ab", 400},
      {"/%7f", 400},
      {"/a\\b", 400},
      {"/..%5c..%5c", 400},
      {"/a%2fb", 404},
      {"/..%2F..%2Fetc", 404},
      {"/a#b", 400},
  };
  for (const Case& c : cases) {
    CAPTURE(c.target);
    CHECK(normalize(c.target).error == c.error);
  }
}

TEST_CASE("target: does not write beyond its room") {
  const std::string target = "/abc/../defg/";
  for (size_t room = 0; room <= target.size(); ++room) {
    std::vector<char> to(room);
    FilePath result;
    int error = normalizeTarget(target, to.data(), to.size(), result);
    CAPTURE(room);
    // "/abc/.." is as long as it gets before it shrinks.
    CHECK(error == (room < 7 ? 414 : 0));
    if (error == 0) CHECK(result.path == "/defg/");
  }
}
